//! What clients call a person: everywhere the same, or in each sector another
//! (OpenID Connect Core §8).
//!
//! A pairwise subject is derived with a secret of the server, so nobody else can go from it to the
//! person or to the subject of another sector. Each one that is in use is kept, too, so that a
//! block reaches services that know the person by no other name.

use super::clients::RegisteredClient;
use super::provider::Provider;
use crate::jose::{Sealer, SealingKey};
use crate::protocol::time::Timestamp;
use crate::storage::pairwise_subjects::{self, PairwiseSubject};
use crate::storage::{DbConnection, StorageError};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::borrow::Cow;

/// Derives pairwise subjects.
pub struct SubjectKey(SealingKey);

impl SubjectKey {
    /// Derives the key; every instance with the same master key has the same.
    pub fn new(sealer: &Sealer) -> Self {
        Self(sealer.purpose("pairwise subjects"))
    }

    fn derive(&self, kind: &str, sector: &str, value: &str) -> String {
        // No part can hold a NUL, so no two triples read the same.
        let message = format!("{kind}\0{sector}\0{value}");
        BASE64_URL_SAFE_NO_PAD.encode(self.0.mac(message.as_bytes()))
    }
}

/// `sub` of a user for a client (§8.1).
pub fn of<'a>(provider: &Provider, client: &RegisteredClient, user_id: &'a str) -> Cow<'a, str> {
    match &client.sector {
        None => Cow::Borrowed(user_id),
        Some(sector) => Cow::Owned(provider.subjects.derive("sub", sector, user_id)),
    }
}

/// `sid` of a session for a client: one that was the same everywhere would undo what a pairwise
/// `sub` is for.
pub fn sid<'a>(provider: &Provider, client: &RegisteredClient, sid: &'a str) -> Cow<'a, str> {
    match &client.sector {
        None => Cow::Borrowed(sid),
        Some(sector) => Cow::Owned(provider.subjects.derive("sid", sector, sid)),
    }
}

/// What has to be kept before a client learns a pairwise subject; none for a public one.
pub fn to_remember(
    provider: &Provider,
    client: &RegisteredClient,
    user_id: &str,
) -> Option<PairwiseSubject> {
    Some(PairwiseSubject {
        subject: of(provider, client, user_id).into_owned(),
        user_id: user_id.to_owned(),
        sector: client.sector.clone()?,
    })
}

/// Keeps it, in the transaction that lets the client have something.
///
/// # Errors
///
/// Those of the database.
pub fn remember(
    conn: &mut DbConnection,
    subject: Option<&PairwiseSubject>,
    now: Timestamp,
) -> Result<(), StorageError> {
    match subject {
        Some(subject) => pairwise_subjects::insert(conn, subject, now),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pairwise_subject_is_stable_and_of_one_sector_and_person() {
        let key = SubjectKey::new(&Sealer::new(&[7; 32]));
        let ada = key.derive("sub", "a.example", "ada");
        assert_eq!(ada, key.derive("sub", "a.example", "ada"));
        assert_eq!(ada.len(), 43);
        for other in [
            key.derive("sub", "b.example", "ada"),
            key.derive("sub", "a.example", "bob"),
            key.derive("sid", "a.example", "ada"),
            SubjectKey::new(&Sealer::new(&[8; 32])).derive("sub", "a.example", "ada"),
        ] {
            assert_ne!(ada, other);
        }
    }
}
