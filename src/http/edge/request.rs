//! Who asks, as far as the connection tells.

use super::code::RequestCode;
use crate::domain::audit::Actor;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::IpAddr;

/// A user agent is kept this long.
const MAX_USER_AGENT: usize = 256;

/// What the middleware notes of a request for those who come after it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin {
    pub code: RequestCode,
    pub address: Option<IpAddr>,
}

/// Where a request comes from. An extractor that never fails.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    /// The code that is on the page and in the log.
    pub code: RequestCode,
    /// The client, not the proxy before us.
    pub address: Option<IpAddr>,
    /// The `User-Agent`, at most 256 printable characters.
    pub user_agent: Option<String>,
}

impl RequestInfo {
    /// Reads what there is to know about a request.
    pub fn of(request: &HttpRequest) -> Self {
        let origin = request.extensions().get::<Origin>().copied().unwrap_or_default();
        let agent = request.headers().get(header::USER_AGENT);
        Self {
            code: origin.code,
            address: origin.address,
            user_agent: agent.map(|value| printable(value.as_bytes())),
        }
    }

    /// The address as text.
    pub fn ip(&self) -> Option<String> {
        self.address.map(|address| address.to_string())
    }

    /// Somebody acting from here, for the audit log.
    pub fn actor(&self, name: impl Into<String>) -> Actor {
        let request_code = Some(self.code.to_string());
        Actor { name: name.into(), ip: self.ip(), request_code, ..Actor::default() }
    }
}

/// Text that can stand in a log: bytes that are not printable ASCII become question marks.
fn printable(bytes: &[u8]) -> String {
    let shown = bytes.iter().take(MAX_USER_AGENT);
    shown.map(|byte| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '?' }).collect()
}

impl FromRequest for RequestInfo {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn ht_10_a_user_agent_is_cut_and_made_printable() {
        let agent = format!("a\tb{}", "x".repeat(1000));
        let request = TestRequest::get().insert_header((header::USER_AGENT, agent));
        let info = RequestInfo::of(&request.to_http_request());
        let agent = info.user_agent.unwrap();
        assert!(agent.starts_with("a?bx"));
        assert_eq!(agent.len(), 256);
    }

    #[test]
    fn an_actor_carries_address_and_code() {
        let request = TestRequest::get().to_http_request();
        let address = "192.0.2.1".parse().ok();
        request.extensions_mut().insert(Origin { address, ..Origin::default() });
        let actor = RequestInfo::of(&request).actor("user:1");
        assert_eq!(actor.ip.as_deref(), Some("192.0.2.1"));
        assert_eq!(actor.request_code.as_deref(), Some("0000-0000"));
    }
}
