//! Telling clients that a session has ended (OpenID Connect Back-Channel Logout 1.0).
//!
//! The message goes into the outbox in the transaction that ends the session; the token in it is
//! made when it is sent, so it is young however long the client was out of reach.

use crate::domain::clients::{RegisteredClient, jwks};
use crate::domain::digest::digest;
use crate::domain::fault::signing;
use crate::domain::outbound::OutboundError;
use crate::domain::outbox::{self, DeliveryError, MessageKind};
use crate::domain::provider::Provider;
use crate::domain::subject;
use crate::jose::Typ;
use crate::protocol::error::OAuthError;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::{DbConnection, StorageError, clients, session_clients};
use serde::{Deserialize, Serialize};

/// The event that a logout token carries (§2.4).
pub const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How long a logout token is good (§2.4 asks for at most two minutes).
const LIFE: Lifetime = Lifetime::seconds(120);

/// A session that has ended, as the outbox keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ended {
    user_id: String,
    sid: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: Timestamp,
    exp: Timestamp,
    jti: String,
    sid: &'a str,
    events: serde_json::Value,
}

/// Puts a message into the outbox for each client that the session let in and that wants to know.
///
/// # Errors
///
/// Those of the database; the session must not end without it.
pub fn announce(
    conn: &mut DbConnection,
    user_id: &str,
    sid: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    let ended = Ended { user_id: user_id.to_owned(), sid: sid.to_owned() };
    for client_id in session_clients::list(conn, user_id, sid)? {
        let client = clients::find(conn, &client_id)?;
        let wants = |client: crate::protocol::client::Client| {
            !client.disabled && client.metadata.logout.backchannel_logout_uri.is_some()
        };
        if client.is_some_and(wants) {
            let id = digest(&format!("backchannel_logout {sid} {client_id}"));
            outbox::put(conn, MessageKind::BackChannelLogout, &id, &client_id, &ended, now)?;
        }
    }
    Ok(())
}

/// Makes the logout token and posts it (§2.5).
///
/// # Errors
///
/// When the client does not answer with success (§2.8), or has no address any more.
pub async fn deliver(
    provider: &Provider,
    client: &RegisteredClient,
    ended: &Ended,
) -> Result<(), DeliveryError> {
    let Some(uri) = client.metadata.logout.backchannel_logout_uri.as_deref() else {
        return Err(DeliveryError::Pointless("the client has no backchannel_logout_uri any more"));
    };
    let token = token(provider, client, ended).await?;
    // A token has no character that a form would escape.
    let form = format!("logout_token={token}");
    let status = provider.outbound.post(uri, FORM, form, None).await?;
    match status {
        200..=299 => Ok(()),
        status => Err(OutboundError::Status(status).into()),
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

/// A logout token: signed as the client's ID tokens are, and encrypted where they are (§2.4).
async fn token(
    provider: &Provider,
    client: &RegisteredClient,
    ended: &Ended,
) -> Result<String, OAuthError> {
    let now = provider.now();
    let claims = Claims {
        iss: &provider.issuer,
        sub: &subject::of(provider, client, &ended.user_id),
        aud: &client.id,
        iat: now,
        exp: now + LIFE,
        jti: provider.random.id(),
        sid: &subject::sid(provider, client, &ended.sid),
        events: serde_json::json!({ EVENT: {} }),
    };
    let keys = provider.keys.current();
    let signed = keys.signing(client.id_token_alg)?.sign(Typ::LogoutToken, &claims);
    let signed = signed.map_err(signing)?;
    match client.id_token_encryption {
        None => Ok(signed),
        Some(algorithms) => {
            let key = jwks::recipient_key(provider, client, algorithms).await?;
            key.encrypt_jwt(&signed, Some(Typ::LogoutToken.as_str())).map_err(signing)
        }
    }
}
