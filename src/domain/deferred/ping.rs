//! Telling a client that somebody has decided (OpenID Connect CIBA §10.2), by the outbox.
//!
//! The message stands there from the request on, due when nobody decides in time; the decision makes
//! it due at once, in its own transaction.

use crate::domain::clients::RegisteredClient;
use crate::domain::digest::digest;
use crate::domain::outbound::OutboundError;
use crate::domain::outbox::{self, DeliveryError, MessageKind};
use crate::domain::provider::Provider;
use crate::protocol::time::Timestamp;
use crate::storage::deferred_requests::DeferredRequest;
use crate::storage::{DbConnection, StorageError};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What is told, sealed until it goes out: both are secrets of the client.
#[derive(Serialize, Deserialize)]
struct Secrets {
    auth_req_id: String,
    token: String,
}

/// A message in the outbox.
#[derive(Debug, Serialize, Deserialize)]
pub struct Decided {
    code_hash: String,
    sealed: String,
}

/// Seals what a client is told with.
pub(super) fn seal(
    provider: &Provider,
    code_hash: &str,
    auth_req_id: &str,
    token: &str,
) -> Decided {
    let secrets = Secrets { auth_req_id: auth_req_id.to_owned(), token: token.to_owned() };
    let json = serde_json::to_vec(&secrets).unwrap_or_default();
    let sealed = provider.pings.seal(provider.random.as_ref(), &json, code_hash.as_bytes());
    Decided { code_hash: code_hash.to_owned(), sealed }
}

/// Puts the message into the outbox, in the transaction of the request.
///
/// # Errors
///
/// Those of the database; the request must fail with them.
pub(super) fn prepare(
    conn: &mut DbConnection,
    request: &DeferredRequest,
    decided: &Decided,
) -> Result<(), StorageError> {
    let id = message_id(&decided.code_hash);
    let from = Timestamp::from_unix(request.created_at);
    let due = Timestamp::from_unix(request.usable_until);
    outbox::put_for(conn, MessageKind::CibaPing, &id, &request.client_id, decided, from, due)
}

/// Makes the message due, in the transaction of the decision. A client that asks by itself has none.
///
/// # Errors
///
/// Those of the database; the decision must fail with them.
pub fn hasten(
    conn: &mut DbConnection,
    code_hash: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    outbox::hasten(conn, &message_id(code_hash), now)
}

fn message_id(code_hash: &str) -> String {
    digest(&format!("ciba_ping {code_hash}"))
}

/// Tells the client. Whatever it answers, it has been told, and asks by itself; only a fault of its
/// server is worth another try.
///
/// # Errors
///
/// When the client cannot be reached.
pub async fn deliver(
    provider: &Provider,
    client: &RegisteredClient,
    decided: &Decided,
) -> Result<(), DeliveryError> {
    let own = &client.metadata.backchannel;
    let Some(uri) = own.backchannel_client_notification_endpoint.as_deref() else {
        return Err(DeliveryError::Pointless("the client has no notification endpoint any more"));
    };
    let json = provider.pings.open(&decided.sealed, decided.code_hash.as_bytes());
    let secrets = json.and_then(|json| serde_json::from_slice::<Secrets>(&json).ok());
    let secrets = secrets.ok_or(DeliveryError::Pointless("the message cannot be opened"))?;
    let body = json!({ "auth_req_id": secrets.auth_req_id }).to_string();
    let token = Some(secrets.token.as_str());
    match provider.outbound.post(uri, "application/json", body, token).await? {
        status @ 500.. => Err(OutboundError::Status(status).into()),
        _ => Ok(()),
    }
}
