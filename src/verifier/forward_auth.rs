//! Answers to a proxy that asks whether a request may go on: nginx `auth_request`, Traefik
//! `ForwardAuth`.
//!
//! Who the caller is goes back in headers that the proxy hands on to the service. Their values can
//! hold what people chose, so whatever could end a header or part a list is escaped.

use super::access_token::AccessToken;
use super::error::VerifyError;
use super::extractor::check_as;
use super::needs::Needs;
use super::verify::Verifier;
use crate::protocol::params::Params;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse, ResponseError};

/// Where proxies ask.
pub const PATH: &str = "/auth/verify";

/// The headers that say who it is. A proxy must take all of them out of what clients send.
pub const HEADERS: [&str; 6] = [
    "remote-subject",
    "remote-user",
    "remote-groups",
    "remote-roles",
    "remote-scope",
    "remote-client",
];

/// Who was let in, as a service is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// `sub`.
    pub subject: String,
    /// The email of a person.
    pub email: Option<String>,
    pub groups: Vec<String>,
    pub roles: Vec<String>,
    /// What a token may be used for; none for a browser.
    pub scope: Option<String>,
    /// The client of a token; none for a browser.
    pub client_id: Option<String>,
}

impl Caller {
    /// The caller that a token names. Its email is that of the claim `email`, where tokens have it.
    pub fn of_token(token: &AccessToken) -> Self {
        let email = token.claims.get("email").and_then(|email| email.as_str());
        Self {
            subject: token.subject.clone(),
            email: email.map(str::to_owned),
            groups: token.groups.clone(),
            roles: token.roles.clone(),
            scope: Some(token.scope.to_string()),
            client_id: Some(token.client_id.clone()),
        }
    }

    /// 200, with who it is in headers. What is not known is not there.
    pub fn admitted(&self) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        let list = |values: &[String]| {
            let escaped: Vec<String> = values.iter().map(|value| escape(value)).collect();
            Some(escaped.join(",")).filter(|list| !list.is_empty())
        };
        let values = [
            Some(escape(&self.subject)),
            self.email.as_deref().map(escape),
            list(&self.groups),
            list(&self.roles),
            self.scope.as_deref().map(escape),
            self.client_id.as_deref().map(escape),
        ];
        for (name, value) in HEADERS.into_iter().zip(values) {
            let value = value.filter(|value| !value.is_empty());
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                response.insert_header((HeaderName::from_static(name), value));
            }
        }
        response.insert_header((CACHE_CONTROL, "no-store"));
        response.insert_header((VARY, "Authorization, Cookie"));
        response.finish()
    }
}

/// A value as it stands in a header: `%`, `,` and what is not visible ASCII or a space within, as
/// percent escapes of its UTF-8.
fn escape(value: &str) -> String {
    let last = value.len().saturating_sub(1);
    let mut escaped = String::with_capacity(value.len());
    for (index, byte) in value.bytes().enumerate() {
        let is_plain = match byte {
            b'%' | b',' => false,
            b' ' => index != 0 && index != last,
            other => other.is_ascii_graphic(),
        };
        match is_plain {
            true => escaped.push(char::from(byte)),
            false => escaped += &format!("%{byte:02X}"),
        }
    }
    escaped
}

/// Which headers say what the proxy was asked for. A proxy must set them itself, whatever the
/// client has sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Told {
    /// `X-Original-Method` and `X-Original-URI`, as our nginx configuration sets them.
    #[default]
    Original,
    /// `X-Forwarded-Method` and `X-Forwarded-Uri`, as Traefik sets them.
    Forwarded,
}

impl Told {
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Original => ("x-original-method", "x-original-uri"),
            Self::Forwarded => ("x-forwarded-method", "x-forwarded-uri"),
        }
    }
}

/// Answers a proxy with a verifier alone, for callers with a token. What is needed is in the query
/// that the proxy asks with: `aud`, `scope`, `role`, `group`.
pub async fn answer(verifier: &Verifier, request: &HttpRequest, told: Told) -> HttpResponse {
    match admit(verifier, request, told).await {
        Ok(caller) => caller.admitted(),
        Err(error) => {
            tracing::debug!(%error, "not let in");
            error.error_response()
        }
    }
}

async fn admit(
    verifier: &Verifier,
    request: &HttpRequest,
    told: Told,
) -> Result<Caller, VerifyError> {
    let unreadable = |_| VerifyError::BadRequest("the query cannot be read");
    let params = Params::parse(request.query_string().as_bytes()).map_err(unreadable)?;
    let header = |name| {
        let mut values = request.headers().get_all(name);
        let first = values.next().and_then(|value| value.to_str().ok());
        first.filter(|_| values.next().is_none()).unwrap_or_default()
    };
    let (method, uri) = told.names();
    let path = header(uri).split('?').next().unwrap_or_default();
    let token = check_as(verifier, request, header(method), path).await?;
    let mut audiences = params.all("aud").filter(|aud| !aud.is_empty()).peekable();
    if audiences.peek().is_some()
        && !audiences.any(|aud| token.audience.iter().any(|own| own == aud))
    {
        return Err(VerifyError::OtherAudience);
    }
    Needs::from_params(&params).check(verifier, &token)?;
    Ok(Caller::of_token(&token))
}

#[cfg(test)]
#[path = "forward_auth_tests.rs"]
mod tests;
