//! The cookies of the pages (RFC 6265bis): the session, and the mark of a browser.

use crate::http::page::NOTICE_COOKIE;
use crate::protocol::time::Lifetime;
use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use std::borrow::Cow;

/// How many cookies hold what somebody takes to another provider and back.
const HELD_PARTS: usize = 3;
/// How much of it is in one.
const HELD_BYTES: usize = 3600;

/// The names and attributes of our cookies, as the issuer's scheme allows.
///
/// Over https the `__Host-` prefix makes browsers refuse one that a neighbour domain or a plain
/// http page has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookies {
    secure: bool,
}

impl Cookies {
    /// The cookies of an issuer.
    pub fn for_issuer(issuer: &str) -> Self {
        Self { secure: issuer.starts_with("https:") }
    }

    const fn session_name(self) -> &'static str {
        if self.secure { "__Host-countersign-session" } else { "countersign-session" }
    }

    const fn browser_name(self) -> &'static str {
        if self.secure { "__Host-countersign-browser" } else { "countersign-browser" }
    }

    const fn known_name(self) -> &'static str {
        if self.secure { "__Host-countersign-known" } else { "countersign-known" }
    }

    /// The session that a browser holds.
    pub fn session(self, request: &HttpRequest) -> Option<String> {
        read(request, self.session_name())
    }

    /// The mark of a browser that may not have signed in yet.
    pub fn browser(self, request: &HttpRequest) -> Option<String> {
        read(request, self.browser_name())
    }

    /// Gives a session to a browser. It outlives the browser's window only with `keep`.
    pub fn set_session(self, value: String, keep: Option<Lifetime>) -> Cookie<'static> {
        let mut cookie = self.cookie(self.session_name(), value);
        if let Some(lifetime) = keep {
            cookie.set_max_age(Duration::seconds(lifetime.as_seconds().into()));
        }
        cookie
    }

    /// Marks a browser until its window closes.
    pub fn set_browser(self, value: String) -> Cookie<'static> {
        self.cookie(self.browser_name(), value)
    }

    /// What a browser keeps of whoever signed in there before.
    pub fn known(self, request: &HttpRequest) -> Option<String> {
        read(request, self.known_name())
    }

    /// Lets a browser remember, for a year, that somebody signed in there.
    pub fn set_known(self, value: String) -> Cookie<'static> {
        let mut cookie = self.cookie(self.known_name(), value);
        cookie.set_max_age(Duration::days(365));
        cookie
    }

    /// What was just done, on its way to the next page.
    pub fn notice(self, request: &HttpRequest) -> Option<String> {
        read(request, NOTICE_COOKIE)
    }

    /// Tells the next page what was done. Lost after a minute when there is none.
    pub fn set_notice(self, code: &'static str) -> Cookie<'static> {
        let mut cookie = self.cookie(NOTICE_COOKIE, code.to_owned());
        cookie.set_max_age(Duration::seconds(60));
        cookie
    }

    /// Takes the notice away: it was shown.
    pub fn clear_notice(self) -> Cookie<'static> {
        let mut cookie = self.cookie(NOTICE_COOKIE, String::new());
        cookie.make_removal();
        cookie
    }

    /// Keeps how somebody wants to read for a year; without a choice, forgets it.
    pub fn set_choice(self, name: &'static str, choice: Option<&'static str>) -> Cookie<'static> {
        let mut cookie = self.cookie(name, choice.unwrap_or_default().to_owned());
        match choice {
            Some(_) => cookie.set_max_age(Duration::days(365)),
            None => cookie.make_removal(),
        }
        cookie
    }

    const fn state_name(self) -> &'static str {
        if self.secure { "__Host-countersign-state" } else { "countersign-state" }
    }

    /// What the browser keeps of its sign-in for scripts to see (OpenID Connect Session Management
    /// 1.0 §4.1).
    pub fn state(self, request: &HttpRequest) -> Option<String> {
        read(request, self.state_name())
    }

    /// Lets the frame on pages of other sites see that somebody has signed in: a value that says
    /// nothing but that, and opens nothing.
    pub fn set_state(self, value: String, keep: Option<Lifetime>) -> Cookie<'static> {
        let mut cookie = self.cookie(self.state_name(), value);
        cookie.set_http_only(false);
        if self.secure {
            cookie.set_same_site(SameSite::None);
        }
        if let Some(lifetime) = keep {
            cookie.set_max_age(Duration::seconds(lifetime.as_seconds().into()));
        }
        cookie
    }

    /// Takes it away: nobody is signed in any more.
    pub fn clear_state(self) -> Cookie<'static> {
        let mut cookie = self.set_state(String::new(), None);
        cookie.make_removal();
        cookie
    }

    fn held_name(self, part: usize) -> String {
        let prefix = if self.secure { "__Host-" } else { "" };
        format!("{prefix}countersign-upstream-{part}")
    }

    /// What a browser holds while its person is at another provider.
    pub fn held(self, request: &HttpRequest) -> Option<String> {
        let parts = (0..HELD_PARTS).map_while(|part| read(request, &self.held_name(part)));
        let held: String = parts.collect();
        (!held.is_empty()).then_some(held)
    }

    /// Lets a browser hold it, for ten minutes; in parts, because one cookie has 4096 bytes. None
    /// when it is too much.
    pub fn set_held(self, value: &str) -> Option<Vec<Cookie<'static>>> {
        if value.len() > HELD_PARTS * HELD_BYTES || !value.is_ascii() {
            return None;
        }
        let mut cookies = Vec::new();
        for part in 0..HELD_PARTS {
            let rest = value.get(part * HELD_BYTES..).unwrap_or_default();
            let text = &rest[..rest.len().min(HELD_BYTES)];
            let mut cookie = self.cookie(self.held_name(part), text.to_owned());
            match text.is_empty() {
                true => cookie.make_removal(),
                false => cookie.set_max_age(Duration::minutes(10)),
            }
            cookies.push(cookie);
        }
        Some(cookies)
    }

    /// Takes the session away.
    pub fn clear_session(self) -> Cookie<'static> {
        let mut cookie = self.cookie(self.session_name(), String::new());
        cookie.make_removal();
        cookie
    }

    fn cookie(self, name: impl Into<Cow<'static, str>>, value: String) -> Cookie<'static> {
        Cookie::build(name, value)
            .path("/")
            .secure(self.secure)
            .http_only(true)
            .same_site(SameSite::Lax)
            .finish()
    }
}

/// A value that is there once. A name that comes twice was set by someone else as well.
fn read(request: &HttpRequest, name: &str) -> Option<String> {
    let cookies = request.cookies().ok()?;
    let mut values = cookies.iter().filter(|cookie| cookie.name() == name);
    let value = values.next()?.value();
    (values.next().is_none() && !value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::COOKIE;
    use actix_web::test::TestRequest;

    #[test]
    fn a_https_issuer_has_host_bound_cookies() {
        let cookies = Cookies::for_issuer("https://id.example.com");
        let text = cookies.set_session("v".into(), None).to_string();
        let expected = "__Host-countersign-session=v; HttpOnly; SameSite=Lax; Secure; Path=/";
        assert_eq!(text, expected);
    }

    #[test]
    fn only_a_session_to_keep_has_an_age() {
        let cookies = Cookies::for_issuer("http://localhost:8080");
        let kept = cookies.set_session("v".into(), Some(Lifetime::days(30))).to_string();
        assert!(kept.starts_with("countersign-session=v;"), "{kept}");
        assert!(kept.contains("Max-Age=2592000"), "{kept}");
        assert!(!kept.contains("Secure"), "{kept}");
        assert!(cookies.clear_session().to_string().contains("Max-Age=0"));
    }

    #[test]
    fn a_cookie_that_comes_twice_is_not_believed() {
        let cookies = Cookies::for_issuer("http://localhost:8080");
        let read = |text: &str| {
            let request = TestRequest::get().insert_header((COOKIE, text)).to_http_request();
            cookies.session(&request)
        };
        assert_eq!(read("a=1; countersign-session=v").as_deref(), Some("v"));
        assert_eq!(read("countersign-session=v; countersign-session=w"), None);
        assert_eq!(read("countersign-session="), None);
    }
}
