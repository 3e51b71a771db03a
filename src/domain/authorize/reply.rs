//! Where an answer may go, and how it travels.

use crate::protocol::authorization_request::{Errand, ResponseMode};
use crate::protocol::error::OAuthError;
use url::Url;

/// A redirect URI that is proven to be the client's. Only a checked request makes one, so only a
/// checked request can send a browser anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyAddress {
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
    pub(super) mode: ResponseMode,
    /// Whether the answer travels as a token (JARM).
    pub(super) secured: bool,
}

/// An answer to the client, before it travels: [`super::jarm`] sends it on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To the client, by the browser.
    ToClient(Box<Fields>),
    /// Nowhere: whoever asked comes for the answer, and the browser stays with us.
    Here(Errand, Ending),
}

/// How it ends for the browser when the answer is not for it (RFC 8628 §3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Allowed,
    Denied,
    /// Nobody decided; somebody still can.
    Undecided,
    /// Somebody else did, or it took too long.
    DecidedBefore,
}

/// What an answer says, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    address: ReplyAddress,
    pub(super) fields: Vec<(&'static str, String)>,
}

/// An answer as the browser takes it to the client, or the end here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// A redirect to this address.
    Redirect(String),
    /// A form for the browser to post.
    FormPost { action: String, fields: Vec<(&'static str, String)> },
    /// The browser stays with us.
    Here(Errand, Ending),
}

impl Reply {
    /// Where it goes, when it goes anywhere.
    pub fn redirect_uri(&self) -> Option<&str> {
        match self {
            Self::ToClient(fields) => Some(&fields.address.redirect_uri),
            Self::Here(..) => None,
        }
    }

    /// Says one thing more to the client.
    #[must_use]
    pub fn and(mut self, name: &'static str, value: String) -> Self {
        if let Self::ToClient(told) = &mut self {
            told.fields.push((name, value));
        }
        self
    }
}

impl Fields {
    /// Whether it may only travel as a token.
    pub(super) fn is_secured(&self) -> bool {
        self.address.secured
    }

    /// As it is.
    pub(super) fn carry(self) -> Sent {
        self.address.carry(self.fields)
    }

    /// As a token that stands for it (JARM §2.3).
    pub(super) fn carry_token(self, token: String) -> Sent {
        self.address.carry(vec![("response", token)])
    }
}

impl ReplyAddress {
    /// The redirect URI as it was registered or requested.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// A success (RFC 6749 §4.1.2, §4.2.2, RFC 9207 §2).
    pub fn success(&self, fields: Vec<(&'static str, String)>, issuer: &str) -> Reply {
        self.reply(fields, issuer)
    }

    /// An error (RFC 6749 §4.1.2.1, RFC 9207 §2).
    pub fn error(&self, error: &OAuthError, issuer: &str) -> Reply {
        let fields = vec![
            ("error", error.code.as_str().to_owned()),
            ("error_description", error.description.to_string()),
        ];
        self.reply(fields, issuer)
    }

    fn reply(&self, mut fields: Vec<(&'static str, String)>, issuer: &str) -> Reply {
        fields.extend(self.state.clone().map(|state| ("state", state)));
        fields.push(("iss", issuer.to_owned()));
        Reply::ToClient(Box::new(Fields { address: self.clone(), fields }))
    }

    fn carry(self, fields: Vec<(&'static str, String)>) -> Sent {
        match self.mode {
            ResponseMode::Query => Sent::Redirect(with_query(&self.redirect_uri, &fields)),
            ResponseMode::Fragment => {
                Sent::Redirect(format!("{}#{}", self.redirect_uri, encoded(&fields)))
            }
            ResponseMode::FormPost => Sent::FormPost { action: self.redirect_uri, fields },
        }
    }
}

/// Adds parameters to a URI; what it has stays as it is, byte for byte (RFC 6749 §3.1.2).
fn with_query(uri: &str, fields: &[(&'static str, String)]) -> String {
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{uri}{separator}{}", encoded(fields))
}

fn encoded(fields: &[(&'static str, String)]) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(fields.iter().map(|(name, value)| (name, value))).finish()
}

/// Whether an address is the scheme of an app on the person's device, or this machine itself.
pub fn is_on_device(redirect_uri: &str) -> bool {
    Url::parse(redirect_uri).is_ok_and(|url| {
        !matches!(url.scheme(), "http" | "https")
            || crate::protocol::redirect_uri::is_loopback(&url)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(uri: &str, state: Option<&str>, mode: ResponseMode) -> ReplyAddress {
        let state = state.map(str::to_owned);
        ReplyAddress { redirect_uri: uri.into(), state, mode, secured: false }
    }

    fn carried(reply: Reply) -> Sent {
        match reply {
            Reply::ToClient(told) => told.carry(),
            Reply::Here(errand, ending) => Sent::Here(errand, ending),
        }
    }

    fn code() -> Vec<(&'static str, String)> {
        vec![("code", "c".to_owned())]
    }

    #[test]
    fn h1_nothing_of_a_fragment_is_in_the_query() {
        let address = address("https://app.example/cb?a=1", Some("s#&"), ResponseMode::Fragment);
        let Sent::Redirect(to) = carried(address.success(code(), "https://id.example")) else {
            panic!()
        };
        let url = Url::parse(&to).unwrap();
        assert_eq!(url.query(), Some("a=1"));
        let expected = "code=c&state=s%23%26&iss=https%3A%2F%2Fid.example";
        assert_eq!(url.fragment(), Some(expected));
    }

    #[test]
    fn a5_the_registered_query_comes_back_unchanged() {
        let address = address("https://app.example/cb?a=%2F+b", Some("s"), ResponseMode::Query);
        let Sent::Redirect(to) = carried(address.success(code(), "https://id.example")) else {
            panic!()
        };
        assert_eq!(
            to,
            "https://app.example/cb?a=%2F+b&code=c&state=s&iss=https%3A%2F%2Fid.example"
        );
    }

    #[test]
    fn az_08_a_state_cannot_add_a_parameter_or_a_header() {
        let state = "x\r\nSet-Cookie: a=b&code=evil#f";
        let address = address("https://app.example/cb", Some(state), ResponseMode::Query);
        let Sent::Redirect(to) = carried(address.success(code(), "https://id.example")) else {
            panic!()
        };
        assert!(!to.contains(['\r', '\n', '#']));
        let url = Url::parse(&to).unwrap();
        let codes = url.query_pairs().filter(|(name, _)| name == "code").count();
        assert_eq!(codes, 1);
        assert!(url.query_pairs().any(|(name, value)| name == "state" && value == state));
    }

    #[test]
    fn g8_without_a_state_none_is_returned() {
        let address = address("https://app.example/cb", None, ResponseMode::FormPost);
        let error = OAuthError::invalid_request("x");
        let Sent::FormPost { fields, .. } = carried(address.error(&error, "https://id.example"))
        else {
            panic!()
        };
        let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["error", "error_description", "iss"]);
    }
}
