//! Whom a client wants to ask: exactly one hint says it (OpenID Connect CIBA §7.1).

use crate::domain::authorize::request_object;
use crate::domain::clients::RegisteredClient;
use crate::domain::provider::Provider;
use crate::domain::tokens::id_token;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::storage::users::{self, User};
use crate::storage::{DbConnection, StorageError, pairwise_subjects};
use serde_json::Value;

/// The longest hint that names somebody, in bytes.
const MAX_NAME_BYTES: usize = 254;

/// What a hint says.
enum Hint {
    /// What somebody types to sign in, or what this client calls them.
    Name(String),
    /// What this client calls them.
    Subject(String),
    Email(String),
}

/// Finds whom the hint of a request means.
///
/// # Errors
///
/// `invalid_request` for no hint or several, and for one that cannot be read;
/// `expired_login_hint_token`; `unknown_user_id` for somebody who is not there, or blocked.
pub async fn find(
    provider: &Provider,
    client: &RegisteredClient,
    params: &Params,
) -> Result<User, OAuthError> {
    let hint = read(provider, client, params).await?;
    let pairwise = client.sector.is_some();
    let found = provider.db.read(move |conn| look_up(conn, &hint, pairwise)).await?;
    let unknown = || OAuthError::new(ErrorCode::UnknownUserId, "nobody is known by this hint");
    found.filter(|user| user.blocked_at.is_none()).ok_or_else(unknown)
}

async fn read(
    provider: &Provider,
    client: &RegisteredClient,
    params: &Params,
) -> Result<Hint, OAuthError> {
    let login_hint = params.one("login_hint")?;
    let id_token_hint = params.one("id_token_hint")?;
    let login_hint_token = params.one("login_hint_token")?;
    match (login_hint, id_token_hint, login_hint_token) {
        (Some(name), None, None) if name.len() <= MAX_NAME_BYTES => {
            Ok(Hint::Name(name.trim().to_owned()))
        }
        (None, Some(token), None) => {
            Ok(Hint::Subject(id_token::read_hint(provider, &client.id, token)?.subject))
        }
        (None, None, Some(token)) => of_token(provider, client, token).await,
        (Some(_), None, None) => Err(OAuthError::invalid_request("login_hint is too long")),
        _ => Err(OAuthError::invalid_request(
            "send exactly one of login_hint, id_token_hint and login_hint_token",
        )),
    }
}

/// A token that the client signed for us, with whom it means in `sub_id` (RFC 9493).
async fn of_token(
    provider: &Provider,
    client: &RegisteredClient,
    token: &str,
) -> Result<Hint, OAuthError> {
    let claims = request_object::read_hint_token(provider, client, token).await?;
    let unreadable = || OAuthError::invalid_request("login_hint_token: sub_id is not understood");
    let id = claims.get("sub_id").ok_or_else(unreadable)?;
    let text = |name: &str| id.get(name).and_then(Value::as_str).map(str::to_owned);
    match id.get("format").and_then(Value::as_str) {
        Some("email") => text("email").map(Hint::Email),
        Some("opaque") => text("id").map(Hint::Subject),
        Some("iss_sub") if text("iss").as_deref() == Some(&provider.issuer) => {
            text("sub").map(Hint::Subject)
        }
        _ => None,
    }
    .ok_or_else(unreadable)
}

fn look_up(
    conn: &mut DbConnection,
    hint: &Hint,
    pairwise: bool,
) -> Result<Option<User>, StorageError> {
    match hint {
        Hint::Email(email) => users::find_by_login_name(conn, email),
        Hint::Subject(subject) => of_subject(conn, subject, pairwise),
        Hint::Name(name) => match users::find_by_login_name(conn, name)? {
            Some(user) => Ok(Some(user)),
            None => of_subject(conn, name, pairwise),
        },
    }
}

/// A client that knows people by names of its own knows nobody by another.
fn of_subject(
    conn: &mut DbConnection,
    subject: &str,
    pairwise: bool,
) -> Result<Option<User>, StorageError> {
    match pairwise {
        false => users::find(conn, subject),
        true => match pairwise_subjects::user_of(conn, subject)? {
            Some(id) => users::find(conn, &id),
            None => Ok(None),
        },
    }
}
