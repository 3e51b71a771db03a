//! Sign-out asked for by a client (OpenID Connect RP-Initiated Logout 1.0), and by the person.

pub mod back_channel;
pub mod front_channel;
pub mod session_state;

use super::audit::{Actor, EventExt};
use super::clients::{self, RegisteredClient};
use super::identity::sessions::SignedIn;
use super::provider::Provider;
use super::revocation::{self, Reason};
use super::subject;
use super::tokens::id_token::{self, Hint};
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use crate::storage::audit;

/// A checked request to sign out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogoutRequest {
    /// The verified hint, when one was sent.
    pub hint: Option<Hint>,
    /// Where to go afterwards: registered for the client that the request is proven to be of.
    pub return_to: Option<String>,
}

/// Checks a request (§2, §3). A `post_logout_redirect_uri` needs to be registered, byte for byte,
/// for the client of the hint, or of `client_id` where there is no hint; in that case the person is
/// asked first.
///
/// # Errors
///
/// `invalid_request` when the hint is not ours, is not for the named client, or the address is not
/// registered: then nobody is sent anywhere.
pub async fn check(provider: &Provider, params: &Params) -> Result<LogoutRequest, OAuthError> {
    let hint = params.one("id_token_hint")?;
    let hint = hint.map(|hint| id_token::read_any_hint(provider, hint)).transpose()?;
    let named = params.one("client_id")?;
    if let (Some(hint), Some(named)) = (&hint, named)
        && hint.client_id != named
    {
        return Err(OAuthError::invalid_request("id_token_hint is of another client"));
    }
    let Some(uri) = params.one("post_logout_redirect_uri")? else {
        return Ok(LogoutRequest { hint, return_to: None });
    };
    let client_id = hint.as_ref().map(|hint| hint.client_id.as_str()).or(named);
    let Some(client_id) = client_id else {
        return Err(OAuthError::invalid_request(
            "post_logout_redirect_uri needs id_token_hint or client_id",
        ));
    };
    let client = clients::find(provider, client_id).await?;
    let registered = client.is_some_and(|client| {
        client.metadata.post_logout_redirect_uris.iter().any(|own| own == uri)
    });
    if !registered {
        return Err(OAuthError::invalid_request("post_logout_redirect_uri is not registered"));
    }
    let return_to = Some(with_state(uri, params.one("state")?));
    Ok(LogoutRequest { hint, return_to })
}

/// Adds `state` and nothing else; what the address has stays as it is.
fn with_state(uri: &str, state: Option<&str>) -> String {
    let Some(state) = state else { return uri.to_owned() };
    let separator = if uri.contains('?') { "&" } else { "?" };
    let encoded: String = url::form_urlencoded::byte_serialize(state.as_bytes()).collect();
    format!("{uri}{separator}state={encoded}")
}

/// Whether the person may be signed out without being asked: the hint is of this very person, by
/// the name that its client knows them by.
///
/// # Errors
///
/// Those of the database.
pub async fn is_sure(
    provider: &Provider,
    request: &LogoutRequest,
    signed_in: &SignedIn,
) -> Result<bool, OAuthError> {
    let Some(hint) = &request.hint else { return Ok(false) };
    let client = clients::find(provider, &hint.client_id).await?;
    let named = |client: &RegisteredClient| {
        subject::of(provider, client, &signed_in.user.id) == hint.subject.as_str()
    };
    Ok(client.is_some_and(|client| named(&client)))
}

/// Ends the session of this browser and what lives by it.
///
/// # Errors
///
/// Those of the database.
pub async fn sign_out(
    provider: &Provider,
    signed_in: &SignedIn,
    actor: &Actor,
) -> Result<(), OAuthError> {
    end_session(provider, &signed_in.user.id, &signed_in.session.sid, actor).await.map(drop)
}

/// Ends one session of a user. False when it is not there, or not theirs.
///
/// # Errors
///
/// Those of the database.
pub async fn end_session(
    provider: &Provider,
    user_id: &str,
    sid: &str,
    actor: &Actor,
) -> Result<bool, OAuthError> {
    let cause = provider.cause(Reason::SignedOut, actor);
    let event =
        actor.event("session.end", cause.now).user(user_id).target(format!("session:{sid}"));
    let (user_id, sid) = (user_id.to_owned(), sid.to_owned());
    let ended = provider
        .db
        .write(move |conn| {
            let ended = revocation::end_session(conn, &user_id, &sid, &cause)?;
            if ended {
                audit::insert(conn, &event)?;
            }
            Ok(ended)
        })
        .await?;
    provider.outbox.wake();
    provider.revocation.committed(&provider.db).await?;
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l2_only_the_state_is_added() {
        assert_eq!(with_state("https://a.example/out", None), "https://a.example/out");
        assert_eq!(
            with_state("https://a.example/out?x=1", Some("a b&c")),
            "https://a.example/out?x=1&state=a+b%26c"
        );
    }
}
