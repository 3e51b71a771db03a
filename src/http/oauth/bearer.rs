//! The access token of a request (RFC 6750 §2, RFC 9449 §7.1): in the header, or in a form body;
//! never in the query.

use crate::domain::sender::Scheme;
use crate::http::edge::BearerError;
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use actix_web::HttpRequest;

/// Finds the one access token of a request, and how it was sent.
///
/// # Errors
///
/// A challenge without an error when there is none (§3.1); `invalid_request` when there is more than
/// one.
pub fn token<'a>(
    request: &'a HttpRequest,
    form: Option<&'a Params>,
) -> Result<(Scheme, &'a str), BearerError> {
    let header = super::authorization(request)?.map(read).transpose()?;
    let in_form = match form {
        Some(form) => form.one("access_token")?.map(|token| (Scheme::Bearer, token)),
        None => None,
    };
    match (header, in_form) {
        (Some(sent), None) | (None, Some(sent)) => Ok(sent),
        (None, None) => Err(BearerError::missing_token()),
        (Some(_), Some(_)) => Err(OAuthError::invalid_request("more than one access token").into()),
    }
}

fn read(header: &str) -> Result<(Scheme, &str), BearerError> {
    let (scheme, token) = header.split_once(' ').ok_or_else(BearerError::missing_token)?;
    match scheme {
        name if name.eq_ignore_ascii_case("bearer") => Ok((Scheme::Bearer, token.trim())),
        name if name.eq_ignore_ascii_case("dpop") => Ok((Scheme::Dpop, token.trim())),
        _ => Err(BearerError::missing_token()),
    }
}
