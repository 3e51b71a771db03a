//! The access token of a request (RFC 6750 §2): in the header, or in a form body; never in the
//! query.

use crate::http::edge::BearerError;
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use actix_web::HttpRequest;

/// Finds the one access token of a request.
///
/// # Errors
///
/// A challenge without an error when there is none (§3.1); `invalid_request` when there is more than
/// one.
pub fn token<'a>(
    request: &'a HttpRequest,
    form: Option<&'a Params>,
) -> Result<&'a str, BearerError> {
    let header = super::authorization(request)?.map(read).transpose()?;
    let in_form = match form {
        Some(form) => form.one("access_token")?,
        None => None,
    };
    match (header, in_form) {
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (None, None) => Err(BearerError::missing_token()),
        (Some(_), Some(_)) => Err(OAuthError::invalid_request("more than one access token").into()),
    }
}

fn read(header: &str) -> Result<&str, BearerError> {
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(BearerError::missing_token()),
    }
}
