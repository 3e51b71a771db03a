//! Parameters as they come in: from the query, or from a form body (RFC 6749 Appendix B).

use super::error::JsonError;
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest, web};
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::time::Duration;

/// The largest body that is read.
const MAX_BODY: usize = 64 * 1024;
/// How long a body may take to arrive; shorter than the deadline of the whole answer.
const BODY_DEADLINE: Duration = Duration::from_secs(8);

/// The parameters of a form body.
#[derive(Debug)]
pub struct FormParams(pub Params);

/// The parameters of the query.
#[derive(Debug)]
pub struct QueryParams(pub Params);

impl FromRequest for QueryParams {
    type Error = JsonError;
    type Future = Ready<Result<Self, JsonError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let params = Params::parse(request.query_string().as_bytes());
        ready(params.map(Self).map_err(JsonError::from))
    }
}

impl FromRequest for FormParams {
    type Error = JsonError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, JsonError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check(request.headers());
        let body = web::Payload::from_request(request, payload);
        Box::pin(async move {
            checked?;
            let body = body.await.map_err(|_| refuse(StatusCode::BAD_REQUEST))?;
            Ok(Self(Params::parse(&read(body).await?)?))
        })
    }
}

/// A JSON body, unread.
#[derive(Debug)]
pub struct JsonBody(pub web::Bytes);

impl FromRequest for JsonBody {
    type Error = JsonError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, JsonError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check_size(request.headers());
        let body = web::Payload::from_request(request, payload);
        Box::pin(async move {
            checked?;
            let body = body.await.map_err(|_| refuse(StatusCode::BAD_REQUEST))?;
            Ok(Self(read(body).await?))
        })
    }
}

/// Whether a request says that its body is JSON.
pub fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Reads a body to its end, but no further than 64 KiB and 8 seconds.
async fn read(body: web::Payload) -> Result<web::Bytes, JsonError> {
    match tokio::time::timeout(BODY_DEADLINE, body.to_bytes_limited(MAX_BODY)).await {
        Ok(Ok(Ok(bytes))) => Ok(bytes),
        Ok(Ok(Err(_))) => Err(refuse(StatusCode::BAD_REQUEST)),
        Ok(Err(_)) => Err(refuse(StatusCode::PAYLOAD_TOO_LARGE)),
        Err(_) => Err(refuse(StatusCode::REQUEST_TIMEOUT)),
    }
}

fn refuse(status: StatusCode) -> JsonError {
    let description = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "the request body is larger than 64 KiB",
        StatusCode::REQUEST_TIMEOUT => "the request body took too long to arrive",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "request bodies are not decompressed",
        _ => "the request body is broken",
    };
    JsonError::with_status(OAuthError::invalid_request(description), status)
}

fn check(headers: &HeaderMap) -> Result<(), JsonError> {
    check_size(headers)?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if content_type.is_some_and(is_form) {
        return Ok(());
    }
    let wanted = "send the parameters as application/x-www-form-urlencoded in UTF-8";
    Err(OAuthError::invalid_request(wanted).into())
}

fn check_size(headers: &HeaderMap) -> Result<(), JsonError> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if length.and_then(|length| length.parse().ok()).is_some_and(|length: u64| length > 65_536) {
        return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE));
    }
    Ok(())
}

/// `application/x-www-form-urlencoded`, with no other parameter than `charset=utf-8`.
fn is_form(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            Some(_) => true,
            None => parameter.is_empty(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::ResponseError;
    use actix_web::test::TestRequest;

    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

    async fn status(request: TestRequest) -> u16 {
        let (request, mut payload) = request.to_http_parts();
        match FormParams::from_request(&request, &mut payload).await {
            Ok(_) => 200,
            Err(error) => error.status_code().as_u16(),
        }
    }

    #[actix_web::test]
    async fn a_form_body_is_read() {
        let request = TestRequest::post().insert_header(FORM).set_payload("a=1&b=%20");
        let (request, mut payload) = request.to_http_parts();
        let FormParams(params) = FormParams::from_request(&request, &mut payload).await.unwrap();
        assert_eq!(params.one("a").unwrap(), Some("1"));
    }

    #[actix_web::test]
    async fn only_a_utf_8_form_is_a_form() {
        let form = "application/x-www-form-urlencoded";
        for good in
            [form, "Application/X-WWW-Form-Urlencoded; charset=\"UTF-8\"", &format!("{form};")]
        {
            assert!(is_form(good), "{good}");
        }
        for other in ["", "application/json", &format!("{form}; charset=latin1"), "text/plain"] {
            assert!(!is_form(other), "{other}");
        }
        assert_eq!(status(TestRequest::post().set_payload("a=1")).await, 400);
    }

    #[actix_web::test]
    async fn ht_05_a_compressed_body_is_415() {
        let request = TestRequest::post().insert_header(FORM);
        assert_eq!(status(request.insert_header(("content-encoding", "gzip"))).await, 415);
    }

    #[actix_web::test]
    async fn a_body_over_64_kib_is_413() {
        let request = |size| TestRequest::post().insert_header(FORM).set_payload("&".repeat(size));
        assert_eq!(status(request(65_536)).await, 200);
        assert_eq!(status(request(65_537)).await, 413);
    }
}
