//! The headers of a page: what may run in it, who may frame it, and that nobody keeps it.

use crate::domain::logout::front_channel::is_policy_source;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use askama::Template;
use std::fmt::Write;

/// Only what we serve ourselves, nothing inline, no frames, forms to us alone.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The same without `form-action`. Chromium holds every hop after a form against it, so a form
/// that posts to a client (OAuth 2.0 Form Post Response Mode §2) cannot name its destinations.
const POLICY_FORM_POST: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    img-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A script of ours in a frame on a page of anybody's.
const POLICY_FRAMED: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors *";

/// Seconds that frames may take to load.
const FRAMES_LOAD: u32 = 2;

/// Schemes that would run in our own origin or show a page of the sender's making.
const UNSAFE_SCHEMES: [&str; 7] =
    ["javascript", "data", "vbscript", "blob", "about", "file", "view-source"];

/// An address that must not be followed from a page of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the address cannot stand in a header, or its scheme is not safe to follow")]
pub struct BadAddress;

/// Sends a page.
pub fn respond(status: StatusCode, page: &impl Template) -> HttpResponse {
    finish(HttpResponse::build(status), POLICY, page)
}

/// Sends a page that takes the browser on to `url` by itself.
///
/// This ends a POST whose result belongs to a client: a redirect from a form post would fall under
/// `form-action` at the client and everywhere it redirects to.
///
/// # Errors
///
/// [`BadAddress`] when `url` has control characters, no scheme, or one that runs script.
pub fn respond_returning(url: &str, page: &impl Template) -> Result<HttpResponse, BadAddress> {
    let mut builder = HttpResponse::Ok();
    builder.insert_header((header::REFRESH, format!("0;url={}", for_header(url)?)));
    Ok(finish(builder, POLICY, page))
}

/// Sends a page that loads frames of `origins`, and takes the browser on to `url` when they are
/// there.
///
/// # Errors
///
/// [`BadAddress`] when `url` is not safe to follow, or an origin is not plain text.
pub fn respond_framing(
    origins: &[String],
    url: Option<&str>,
    page: &impl Template,
) -> Result<HttpResponse, BadAddress> {
    if !origins.iter().all(|origin| is_policy_source(origin)) {
        return Err(BadAddress);
    }
    let mut builder = HttpResponse::Ok();
    if let Some(url) = url {
        builder.insert_header((header::REFRESH, format!("{FRAMES_LOAD};url={}", for_header(url)?)));
    }
    let policy = format!("{POLICY}; frame-src {}", origins.join(" "));
    Ok(finish(builder, &policy, page))
}

/// Sends a document without words that pages of every site may frame.
pub fn respond_framed(page: &impl Template) -> HttpResponse {
    let mut response = finish(HttpResponse::Ok(), POLICY_FRAMED, page);
    response.headers_mut().remove(header::X_FRAME_OPTIONS);
    response
}

/// Sends the page that posts an authorization response to the client.
///
/// # Errors
///
/// [`BadAddress`] when the form's `action` is not safe to follow.
pub fn respond_form_post(action: &str, page: &impl Template) -> Result<HttpResponse, BadAddress> {
    for_header(action)?;
    Ok(finish(HttpResponse::Ok(), POLICY_FORM_POST, page))
}

fn finish(mut builder: HttpResponseBuilder, policy: &str, page: &impl Template) -> HttpResponse {
    let body = match page.render() {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            return HttpResponse::InternalServerError().finish();
        }
    };
    builder
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::VARY, "Cookie, Accept-Language"))
        .body(body)
}

/// `url` as it may stand in a header: controls refused, other bytes a URL cannot have encoded.
fn for_header(url: &str) -> Result<String, BadAddress> {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme).ok_or(BadAddress)?;
    let mut letters = scheme.bytes();
    let scheme_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let well_formed =
        letters.next().is_some_and(|first| first.is_ascii_alphabetic()) && letters.all(scheme_byte);
    let unsafe_scheme = UNSAFE_SCHEMES.iter().any(|name| scheme.eq_ignore_ascii_case(name));
    if !well_formed || unsafe_scheme || url.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(BadAddress);
    }
    let mut encoded = String::with_capacity(url.len());
    for byte in url.bytes() {
        if byte.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes what is written to it");
        }
    }
    Ok(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Template)]
    #[template(source = "<p>{{ words }}</p>", ext = "html")]
    struct Small<'a> {
        words: &'a str,
    }

    fn value<'a>(response: &'a HttpResponse, name: &str) -> &'a str {
        response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[test]
    fn az_26_az_31_ht_12_ht_14_a_page_carries_every_guard() {
        let response = respond(StatusCode::OK, &Small { words: "hello" });
        let policy = value(&response, "content-security-policy");
        for part in [
            "default-src 'none'",
            "style-src 'self'",
            "script-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.split("; ").any(|have| have == part), "{part} is not in {policy}");
        }
        assert_eq!(value(&response, "x-frame-options"), "DENY");
        assert_eq!(value(&response, "referrer-policy"), "no-referrer");
        assert_eq!(value(&response, "x-content-type-options"), "nosniff");
        assert_eq!(value(&response, "cache-control"), "no-store");
        assert_eq!(value(&response, "content-type"), "text/html; charset=utf-8");
    }

    #[test]
    fn a_returning_page_moves_on_by_itself() {
        let page = Small { words: "back" };
        let response = respond_returning("https://app.example/cb?code=a&state=b%20c", &page);
        let response = response.expect("a plain address");
        assert_eq!(value(&response, "refresh"), "0;url=https://app.example/cb?code=a&state=b%20c");
        assert!(value(&response, "content-security-policy").contains("form-action 'self'"));
        assert_eq!(value(&response, "referrer-policy"), "no-referrer");
    }

    #[test]
    fn what_a_header_cannot_hold_is_encoded() {
        let encoded = for_header("com.example.app:/cb?x=\u{e9} \"'").expect("a custom scheme");
        assert_eq!(encoded, "com.example.app:/cb?x=%C3%A9%20%22%27");
    }

    #[test]
    fn az_08_a_line_break_or_a_script_is_refused() {
        let page = Small { words: "back" };
        for url in [
            "https://app.example/\r\nSet-Cookie: a=b",
            "https://app.example/\u{0}",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "//app.example/cb",
            " https://app.example/",
            "",
        ] {
            assert_eq!(respond_returning(url, &page).err(), Some(BadAddress), "{url:?}");
            assert_eq!(respond_form_post(url, &page).err(), Some(BadAddress), "{url:?}");
        }
    }

    #[test]
    fn only_the_form_post_page_may_post_elsewhere() {
        let response = respond_form_post("https://app.example/cb", &Small { words: "go" });
        let response = response.expect("a plain address");
        let policy = value(&response, "content-security-policy");
        assert!(!policy.contains("form-action"));
        assert!(policy.contains("frame-ancestors 'none'"));
    }
}
