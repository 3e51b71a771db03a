//! The outbox: what clients must be told goes into a table in the transaction of its cause, and from
//! there to the client, as often as it takes. Several instances share the work; each message is
//! taken by one of them at a time.
//!
//! A new kind of message is a [`MessageKind`] and an arm in [`deliver`]. Whoever has something to say
//! calls [`put`] in the transaction of the cause, and [`Outbox::wake`] after the commit where it
//! should go out at once; otherwise the worker finds it in a moment.

mod worker;

pub use worker::Worker;

use super::audit::{Actor, EventExt};
use super::clients::{self, RegisteredClient};
use super::deferred::ping;
use super::ground::Ground;
use super::logout::back_channel;
use super::outbound::OutboundError;
use super::provider::Provider;
use crate::protocol::error::OAuthError;
use crate::protocol::time::{Lifetime, Timestamp};
pub use crate::storage::outbox::Message;
use crate::storage::outbox::{self, Attempt};
use crate::storage::{DbConnection, StorageError, audit};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tokio::sync::Notify;

/// How long a worker has a message for itself: longer than any attempt takes, so that it goes to
/// another only when the worker is gone.
const LEASE: Lifetime = Lifetime::seconds(15);
/// How long a message that nobody could deliver is kept at most.
const KEPT_WAITING: Lifetime = Lifetime::days(30);
/// How long it can be seen what became of a message.
const KEPT_DONE: Lifetime = Lifetime::days(7);
/// The pauses before a message is tried again; after the last of them it is given up.
const RETRIES: [Lifetime; 3] = [Lifetime::seconds(10), Lifetime::minutes(2), Lifetime::minutes(15)];

/// How many messages to a client are shown.
const SHOWN: i64 = 10;

/// What messages there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// A session has ended (OpenID Connect Back-Channel Logout 1.0 §2.5).
    BackChannelLogout,
    /// Somebody has decided (OpenID Connect CIBA §10.2).
    CibaPing,
}

impl MessageKind {
    const ALL: [Self; 2] = [Self::BackChannelLogout, Self::CibaPing];

    /// The kind as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BackChannelLogout => "backchannel_logout",
            Self::CibaPing => "ciba_ping",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Why a message did not arrive. The words are for administrators.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// Nobody is there to get it: it is given up at once.
    #[error("{0}")]
    Pointless(&'static str),
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    #[error("the message could not be made")]
    Making(#[from] OAuthError),
}

/// Wakes the worker of this process.
#[derive(Debug, Clone, Default)]
pub struct Outbox {
    filled: Arc<Notify>,
}

impl Outbox {
    /// To call after the commit of a message that should go out at once.
    pub fn wake(&self) {
        self.filled.notify_one();
    }

    /// Waits for [`Outbox::wake`].
    pub async fn filled(&self) {
        self.filled.notified().await;
    }
}

/// Puts a message into the outbox, in the transaction of its cause. The `id` is that of the cause for
/// this client: what is told once is not told again.
///
/// # Errors
///
/// Those of the database; the cause must fail with them.
pub fn put(
    conn: &mut DbConnection,
    kind: MessageKind,
    id: &str,
    client_id: &str,
    payload: &impl Serialize,
    now: Timestamp,
) -> Result<(), StorageError> {
    put_for(conn, kind, id, client_id, payload, now, now)
}

/// [`put`] for something that is to be told at a time to come, unless [`hasten`] is called before.
///
/// # Errors
///
/// Those of the database; the cause must fail with them.
pub fn put_for(
    conn: &mut DbConnection,
    kind: MessageKind,
    id: &str,
    client_id: &str,
    payload: &impl Serialize,
    now: Timestamp,
    due: Timestamp,
) -> Result<(), StorageError> {
    let written = serde_json::to_string(payload);
    let message = Message {
        id: id.to_owned(),
        kind: kind.as_str().to_owned(),
        client_id: client_id.to_owned(),
        payload: written.map_err(|_| StorageError::Corrupt("outbox.payload"))?,
        created_at: now.as_unix(),
        due_at: Some(due.as_unix()),
        attempts: 0,
        delivered: false,
        problem: None,
        tried_at: None,
        expires_at: (due + KEPT_WAITING).as_unix(),
    };
    outbox::insert(conn, &message)
}

/// Makes a message due that waits for its time.
///
/// # Errors
///
/// Those of the database; the cause must fail with them.
pub fn hasten(conn: &mut DbConnection, id: &str, now: Timestamp) -> Result<(), StorageError> {
    outbox::hasten(conn, id, now)
}

/// The latest messages to a client, and what became of them.
///
/// # Errors
///
/// Those of the database.
pub async fn list_of_client(
    ground: &Ground,
    client_id: &str,
) -> Result<Vec<Message>, StorageError> {
    let client_id = client_id.to_owned();
    ground.db.read(move |conn| outbox::list_of_client(conn, &client_id, SHOWN)).await
}

/// Makes a message and sends it.
async fn deliver(provider: &Provider, message: &Message) -> Result<(), DeliveryError> {
    let Some(kind) = MessageKind::parse(&message.kind) else {
        return Err(DeliveryError::Pointless("a kind of message that is not known here"));
    };
    let client = clients::find(provider, &message.client_id).await?;
    let gone = DeliveryError::Pointless("the client is gone or disabled");
    let client: &RegisteredClient = &*client.ok_or(gone)?;
    match kind {
        MessageKind::BackChannelLogout => {
            back_channel::deliver(provider, client, &read(message)?).await
        }
        MessageKind::CibaPing => ping::deliver(provider, client, &read(message)?).await,
    }
}

fn read<T: DeserializeOwned>(message: &Message) -> Result<T, DeliveryError> {
    let unreadable = |_| DeliveryError::Pointless("the message cannot be read");
    serde_json::from_str(&message.payload).map_err(unreadable)
}

/// Sends a message that was taken, and writes what came of it.
async fn attempt(
    provider: &Provider,
    message: Message,
    lease: Timestamp,
) -> Result<(), StorageError> {
    let outcome = deliver(provider, &message).await;
    let now = provider.now();
    let attempt = judged(&outcome, &message, now);
    if let Err(error) = &outcome {
        tracing::warn!(
            client.id = %message.client_id, kind = %message.kind, attempts = message.attempts + 1,
            %error, "a message to a client did not arrive"
        );
    }
    let given_up = (!attempt.delivered && attempt.due_at.is_none()).then(|| {
        let event = Actor::system().event("outbox.give_up", now).client(&message.client_id);
        let problem = attempt.problem.clone().unwrap_or_default();
        event.result("failed").details(format!("{}: {problem}", message.kind))
    });
    let written = provider.db.write(move |conn| {
        if outbox::finish(conn, &message.id, lease, &attempt)?
            && let Some(event) = &given_up
        {
            audit::insert(conn, event)?;
        }
        Ok(())
    });
    written.await
}

fn judged(outcome: &Result<(), DeliveryError>, message: &Message, now: Timestamp) -> Attempt {
    let before = usize::try_from(message.attempts).unwrap_or(0);
    let again = match outcome {
        Ok(()) | Err(DeliveryError::Pointless(_)) => None,
        Err(_) => RETRIES.get(before).map(|pause| (now + *pause).as_unix()),
    };
    let kept = if again.is_some() { KEPT_WAITING } else { KEPT_DONE };
    Attempt {
        delivered: outcome.is_ok(),
        problem: outcome.as_ref().err().map(ToString::to_string),
        tried_at: Some(now.as_unix()),
        due_at: again,
        expires_at: (now + kept).as_unix(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(attempts: i32) -> Message {
        Message {
            id: "m".into(),
            kind: MessageKind::BackChannelLogout.as_str().into(),
            client_id: "c".into(),
            payload: "{}".into(),
            created_at: 0,
            due_at: Some(0),
            attempts,
            delivered: false,
            problem: None,
            tried_at: None,
            expires_at: 0,
        }
    }

    #[test]
    fn lo_05_a_message_is_tried_three_times_again_with_longer_pauses() {
        let now = Timestamp::from_unix(1000);
        let failed = || Err(DeliveryError::Outbound(OutboundError::Status(500)));
        let pauses: Vec<_> = (0..4).map(|n| judged(&failed(), &message(n), now).due_at).collect();
        assert_eq!(pauses, [Some(1010), Some(1120), Some(1900), None]);
    }

    #[test]
    fn what_nobody_can_get_is_given_up_at_once() {
        let gone = Err(DeliveryError::Pointless("gone"));
        let attempt = judged(&gone, &message(0), Timestamp::from_unix(1000));
        assert_eq!((attempt.delivered, attempt.due_at), (false, None));
    }
}
