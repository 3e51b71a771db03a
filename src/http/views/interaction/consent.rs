//! The consent page (OpenID Connect Core §3.1.2.4).

use super::{App, DeviceHint, Person};
use crate::domain::authorize::progress::CLAIM;
use crate::http::page::{Page, respond};
use crate::http::text::Text;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use std::collections::BTreeMap;

/// Asks whether an app may have what it wants. Posts to `/consent` (`decision` is `allow` or
/// `deny`); "Not you?" posts to `/consent/switch`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "interaction/consent.html")]
pub struct Consent {
    pub page: Page,
    pub app: App,
    /// Whether the domain was proved; `None` when nobody tried, and then nothing is claimed.
    pub verified: Option<bool>,
    /// Nobody of the house knows the app.
    pub registered_itself: bool,
    pub account: Person,
    /// The sealed authorization request.
    pub txn: String,
    /// What is asked for now; what can change things stands last.
    pub scopes: Vec<ScopeLine>,
    /// What is asked for in detail (RFC 9396).
    pub details: Vec<DetailLine>,
    /// What was allowed before.
    pub already: Vec<ScopeLine>,
    /// Where it was asked, when the answer is not for this browser (RFC 8628 §3.3, CIBA §8).
    pub elsewhere: Option<DeviceHint>,
    /// The host the browser goes back to.
    pub destination: String,
    /// A loopback or custom-scheme app: nobody can tell who is behind it.
    pub on_device: bool,
    /// `policy_uri` of the client, through [`super::super::web_link`].
    pub privacy_url: Option<String>,
    /// `tos_uri` of the client, through [`super::super::web_link`].
    pub terms_url: Option<String>,
}

impl Consent {
    /// The page with its headers.
    pub fn respond(&self) -> HttpResponse {
        respond(StatusCode::OK, self)
    }
}

/// One detail, in words: a sentence, and what it leaves out.
#[derive(Debug, Clone)]
pub struct DetailLine {
    pub sentence: String,
    pub rest: Vec<(String, String)>,
}

/// One scope, in words, with what it would show.
#[derive(Debug, Clone)]
pub struct ScopeLine {
    pub meaning: String,
    /// The value behind it, such as the email address itself. May be empty.
    pub value: String,
    /// Whether it lets the app change something.
    pub danger: bool,
}

impl ScopeLine {
    /// The line of what was or is to be allowed, as [`wanted`] names it: a claim by itself, a scope
    /// that a resource describes in `words`, or one that means the same everywhere.
    ///
    /// [`wanted`]: crate::domain::authorize::progress::wanted
    pub fn of(
        text: Text,
        words: &BTreeMap<String, String>,
        scope: &str,
        value: &str,
    ) -> Option<Self> {
        match (scope.strip_prefix(CLAIM), words.get(scope)) {
            (Some(claim), _) => Some(Self::of_claim(text, claim, value)),
            (None, Some(words)) => Some(Self::of_resource(scope, words)),
            (None, None) => Self::new(text, scope, value),
        }
    }

    /// The line of a scope. `openid` has none: it says only that someone signs in.
    ///
    /// A scope we do not know is named as it is, and taken for one that can change something
    /// unless its last part says that it reads.
    pub fn new(text: Text, scope: &str, value: &str) -> Option<Self> {
        let key = match scope {
            "openid" => return None,
            "profile" => "scope-profile",
            "email" => "scope-email",
            "address" => "scope-address",
            "phone" => "scope-phone",
            "offline_access" => return Some(Self::offline(text)),
            _ => return Some(Self::unknown(text, scope)),
        };
        Some(Self { meaning: text.t(key).into_owned(), value: value.to_owned(), danger: false })
    }

    fn offline(text: Text) -> Self {
        Self {
            meaning: text.t("scope-offline").into_owned(),
            value: text.t("scope-offline-value").into_owned(),
            danger: false,
        }
    }

    /// The line of an app that asks for nothing beyond the sign-in itself.
    pub fn sign_in(text: Text) -> Self {
        let meaning = text.t("scope-openid").into_owned();
        Self { meaning, value: String::new(), danger: false }
    }

    /// The line for one claim that is asked for by itself (OpenID Connect Core §5.5).
    fn of_claim(text: Text, claim: &str, value: &str) -> Self {
        let meaning = text.with("scope-claim", &[("claim", &claim.replace('_', " "))]);
        Self { meaning, value: value.to_owned(), danger: false }
    }

    /// The line of a scope that its resource describes.
    fn of_resource(scope: &str, words: &str) -> Self {
        Self { meaning: words.to_owned(), value: String::new(), danger: may_change(scope) }
    }

    fn unknown(text: Text, scope: &str) -> Self {
        let meaning = text.with("scope-unknown", &[("scope", scope)]);
        Self { meaning, value: String::new(), danger: may_change(scope) }
    }
}

/// A scope that does not say that it reads is taken for one that can change something.
fn may_change(scope: &str) -> bool {
    let last = scope.rsplit([':', '.', '/']).next().unwrap_or(scope);
    !matches!(last, "read" | "readonly" | "view" | "list")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_write_is_marked_also_when_it_was_allowed_before() {
        let line = |scope| ScopeLine::new(Text::default(), scope, "").expect("a line");
        let marked = |scopes: Vec<ScopeLine>, already: Vec<ScopeLine>| {
            let page = Consent { scopes, already, ..Consent::default() };
            page.render().expect("it renders").matches("warn-icon").count()
        };
        let (read, write) = (line("orders:read"), line("orders:write"));
        assert_eq!(marked(vec![read.clone()], vec![write.clone()]), 1);
        assert_eq!(marked(vec![write.clone()], vec![read.clone()]), 1);
        assert_eq!(marked(vec![read.clone()], vec![read]), 0);
        assert_eq!(marked(vec![write.clone()], vec![write]), 2);
    }

    #[test]
    fn a_scope_that_may_write_is_marked() {
        let line = |scope| ScopeLine::new(Text::default(), scope, "").expect("a line");
        assert!(line("orders:write").danger);
        assert!(line("admin").danger);
        assert!(!line("orders:read").danger);
        assert!(!line("email").danger);
        assert!(ScopeLine::new(Text::default(), "openid", "").is_none());
    }
}
