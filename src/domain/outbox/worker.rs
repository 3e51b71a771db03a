//! The worker of one instance: takes what is due, and has many messages on their way at once.

use super::{LEASE, attempt};
use crate::domain::provider::Provider;
use crate::protocol::time::Timestamp;
use crate::storage::outbox::{self, Message};
use crate::storage::{DbConnection, StorageError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{Id, JoinSet};

/// How many messages are on their way at once.
const AT_ONCE: usize = 64;
/// How many of those may be to one client: one that does not answer must not hold up the others.
const AT_ONCE_TO_ONE: usize = 8;
/// How often it is looked for what others have put there, and for what is due again.
const EVERY: Duration = Duration::from_millis(250);

/// Takes messages and delivers them.
pub struct Worker {
    provider: Arc<Provider>,
    under_way: JoinSet<Result<(), StorageError>>,
    /// The client that each is to.
    to: HashMap<Id, String>,
}

impl Worker {
    /// A worker with nothing under way.
    pub fn new(provider: Arc<Provider>) -> Self {
        Self { provider, under_way: JoinSet::new(), to: HashMap::new() }
    }

    /// Waits for something to do, and does it: takes what is due and puts it on its way.
    ///
    /// # Errors
    ///
    /// Those of the database; what was under way stays so.
    pub async fn step(&mut self) -> Result<(), StorageError> {
        let mut written = Ok(());
        let outbox = self.provider.outbox.clone();
        tokio::select! {
            () = outbox.filled() => {}
            () = tokio::time::sleep(EVERY) => {}
            Some(ended) = self.under_way.join_next_with_id() => written = self.ended(ended),
        }
        while let Some(ended) = self.under_way.try_join_next_with_id() {
            written = written.and(self.ended(ended));
        }
        self.take().await.and(written)
    }

    fn ended(
        &mut self,
        ended: Result<(Id, Result<(), StorageError>), tokio::task::JoinError>,
    ) -> Result<(), StorageError> {
        let (id, written) = match ended {
            Ok((id, written)) => (id, written),
            // Its lease will end, and it is tried again.
            Err(error) => (error.id(), Err(StorageError::Interrupted)),
        };
        self.to.remove(&id);
        written
    }

    async fn take(&mut self) -> Result<(), StorageError> {
        let room = AT_ONCE.saturating_sub(self.under_way.len());
        if room == 0 {
            return Ok(());
        }
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for client in self.to.values() {
            *counts.entry(client).or_default() += 1;
        }
        let busy = counts.iter().filter(|(_, count)| **count >= AT_ONCE_TO_ONE);
        let busy: Vec<String> = busy.map(|(client, _)| (*client).to_owned()).collect();
        let now = self.provider.now();
        let limit = i64::try_from(room).unwrap_or(1);
        let due = self.provider.db.read(move |c| outbox::list_due(c, now, &busy, limit)).await?;
        let chosen = choose(due, &counts);
        if chosen.is_empty() {
            return Ok(());
        }
        let lease = now + LEASE;
        let taken = self.provider.db.write(move |conn| take_all(conn, chosen, lease)).await?;
        for message in taken {
            let (provider, client) = (self.provider.clone(), message.client_id.clone());
            let task =
                self.under_way.spawn(async move { attempt(&provider, message, lease).await });
            self.to.insert(task.id(), client);
        }
        Ok(())
    }
}

/// Those that their clients have room for.
fn choose(due: Vec<Message>, counts: &HashMap<&str, usize>) -> Vec<Message> {
    let mut chosen: HashMap<String, usize> = HashMap::new();
    let has_room = |message: &Message| {
        let before = counts.get(message.client_id.as_str()).copied().unwrap_or(0);
        let count = chosen.entry(message.client_id.clone()).or_default();
        *count += 1;
        before + *count <= AT_ONCE_TO_ONE
    };
    let mut due = due;
    due.retain(has_room);
    due
}

/// Takes those that nobody else has taken meanwhile.
fn take_all(
    conn: &mut DbConnection,
    chosen: Vec<Message>,
    lease: Timestamp,
) -> Result<Vec<Message>, StorageError> {
    let mut taken = Vec::new();
    for message in chosen {
        if outbox::take(conn, &message, lease)? {
            taken.push(message);
        }
    }
    Ok(taken)
}
