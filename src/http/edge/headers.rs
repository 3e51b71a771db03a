//! Headers of answers: what keeps browsers and caches in line, and CORS for the machine endpoints.

use super::code::RequestCode;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use url::{Origin, Url};

/// The header that repeats the request code on answers with a status from 400 on.
pub const REQUEST_CODE: HeaderName = HeaderName::from_static("request-code");

/// The nonce for the next DPoP proof (RFC 9449 §8).
pub const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// What a document that is no page may do: nothing.
const NO_CONTENT_AT_ALL: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");
const A_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What every answer wears, unless its handler has said otherwise.
pub fn secure(headers: &mut HeaderMap, https: bool) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    unless_there(headers, header::CONTENT_SECURITY_POLICY, NO_CONTENT_AT_ALL);
    // Not no-referrer: with that, browsers send `Origin: null` with our own forms.
    unless_there(headers, header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, A_YEAR);
    }
}

fn unless_there(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    if !headers.contains_key(&name) {
        headers.insert(name, value);
    }
}

/// Keeps an answer out of every cache (RFC 6749 §5.1, RFC 9111 §5.2.2.5).
pub fn no_store(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
}

/// When to come back, in seconds (RFC 9110 §10.2.3).
pub fn retry_after(headers: &mut HeaderMap, seconds: u32) {
    headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
}

/// The code to name when asking for help.
pub fn request_code(headers: &mut HeaderMap, code: RequestCode) {
    if let Ok(value) = HeaderValue::try_from(code.to_string()) {
        headers.insert(REQUEST_CODE, value);
    }
}

/// The `Origin` of a request that a script in a browser makes.
pub fn origin(request: &HttpRequest) -> Option<&str> {
    request.headers().get(header::ORIGIN)?.to_str().ok()
}

/// Whether scripts of `origin` may read answers meant for a client with these redirect addresses:
/// only when one of the addresses is there itself. `null` is nobody's origin.
pub fn cors_allow_origin<'a>(
    origin: &str,
    mut redirect_uris: impl Iterator<Item = &'a str>,
) -> bool {
    redirect_uris.any(|uri| match Url::parse(uri).map(|url| url.origin()) {
        Ok(own @ Origin::Tuple(..)) => own.ascii_serialization() == origin,
        _ => false,
    })
}

/// Lets every script read the answer: it is the same for everyone.
pub fn allow_everyone(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}

/// Lets the scripts of one origin read the answer, without cookies.
pub fn allow_origin(headers: &mut HeaderMap, origin: &str) {
    let said = headers.get_all(header::VARY).any(|value| value.as_bytes() == b"Origin");
    if !said {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    let Ok(value) = HeaderValue::from_str(origin) else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("www-authenticate, retry-after, request-code, dpop-nonce"),
    );
}

/// An origin that has been found good; the middleware then calls [`allow_origin`] for whatever the
/// answer becomes, errors too.
#[derive(Debug, Clone)]
pub struct GrantedOrigin(pub String);

/// Notes that the origin of this request may read the answer.
pub fn grant_origin(request: &HttpRequest) {
    if let Some(origin) = origin(request) {
        request.extensions_mut().insert(GrantedOrigin(origin.to_owned()));
    }
}

/// The answer to a preflight request, which the middleware completes when the origin was granted.
pub fn preflight(methods: &'static str) -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, methods))
        .insert_header((
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, dpop, mcp-protocol-version",
        ))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
        .insert_header((header::VARY, "Origin"))
        .finish()
}

/// Whether a request asks for permission only (Fetch, CORS-preflight request).
pub fn is_preflight(request: &HttpRequest) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tk_15_only_the_origin_of_a_redirect_address_is_allowed() {
        let uris =
            ["https://app.example.com/cb", "http://localhost:3000/cb", "com.example.app:/cb"];
        let allowed = |origin| cors_allow_origin(origin, uris.into_iter());
        assert!(allowed("https://app.example.com"));
        assert!(allowed("http://localhost:3000"));
        for other in [
            "null",
            "",
            "*",
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com.evil.example",
            "https://app.example.com/",
            "http://localhost",
            "com.example.app://",
        ] {
            assert!(!allowed(other), "{other}");
        }
    }
}
