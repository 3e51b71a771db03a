//! What no endpoint should see: oversized heads, unknown methods, paths that are not plain, and
//! requests for another host.

use super::hosts::WrongHost;
use super::policy::EdgePolicy;
use actix_web::dev::RequestHead;
use actix_web::http::{Method, StatusCode};

/// Bytes of a request target; with the method this keeps the request line below 8 KiB.
const MAX_TARGET: usize = 8 * 1024 - 20;
/// Bytes of all header lines.
const MAX_HEADER_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;

/// Answered whatever the `Host` is: a load balancer asks by address.
const HEALTH: [&str; 3] = ["/livez", "/readyz", "/healthz"];

/// Looks at the head of a request.
///
/// # Errors
///
/// The status to refuse it with.
pub fn check(head: &RequestHead, policy: &EdgePolicy) -> Result<(), StatusCode> {
    check_size(head)?;
    let path = head.uri.path();
    if !HEALTH.contains(&path) {
        policy.hosts.check(head).map_err(|wrong| match wrong {
            WrongHost::Malformed => StatusCode::BAD_REQUEST,
            WrongHost::Other => StatusCode::MISDIRECTED_REQUEST,
        })?;
    }
    if !is_known(&head.method) {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    match is_plain(path) {
        true => Ok(()),
        false => Err(StatusCode::NOT_FOUND),
    }
}

fn check_size(head: &RequestHead) -> Result<(), StatusCode> {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > MAX_TARGET {
        return Err(StatusCode::URI_TOO_LONG);
    }
    let mut bytes = 0;
    for (count, (name, value)) in head.headers.iter().enumerate() {
        // With the colon, the space and the line end.
        bytes += name.as_str().len() + value.len() + 4;
        if count == MAX_HEADERS || bytes > MAX_HEADER_BYTES {
            return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
    }
    Ok(())
}

/// The methods any endpoint takes. TRACE would give a page its own cookies to read.
fn is_known(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET
            | Method::POST
            | Method::HEAD
            | Method::OPTIONS
            | Method::PUT
            | Method::PATCH
            | Method::DELETE
    )
}

/// A path that names one thing in one way (RFC 8414 §3.1 compares them as they are): no empty or
/// dot segments, no slash at the end, and none of those hidden by an escape.
fn is_plain(path: &str) -> bool {
    let Some(segments) = path.strip_prefix('/') else { return false };
    path == "/"
        || segments.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
            && !has_hidden_meaning(path.as_bytes())
}

/// A backslash, or an escaped dot, slash, backslash, percent sign or NUL.
fn has_hidden_meaning(path: &[u8]) -> bool {
    path.iter().enumerate().any(|(at, byte)| match byte {
        b'\\' => true,
        b'%' => matches!(
            path.get(at + 1..at + 3),
            Some([b'2', b'e' | b'E' | b'f' | b'F' | b'5'] | [b'5', b'c' | b'C'] | b"00")
        ),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md_02_only_plain_paths_name_a_document() {
        for path in ["/", "/token", "/.well-known/openid-configuration", "/admin/clients/a%20b"] {
            assert!(is_plain(path), "{path}");
        }
        let others = [
            "/.well-known/openid-configuration/",
            "//.well-known/openid-configuration",
            "/%2ewell-known/openid-configuration",
            "/tenant/../token",
            "/static/..%2f..%2fetc/passwd",
            "/static/..%5cetc",
            "/static/..\\etc",
            "/static/%252e%252e/x",
            "/static/a%00.css",
            "/./token",
            "*",
        ];
        for path in others {
            assert!(!is_plain(path), "{path}");
        }
    }
}
