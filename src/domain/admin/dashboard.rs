//! The figures of the first page.

use super::DAY;
use crate::domain::ground::Ground;
use crate::domain::identity::users::ADMIN_ROLE;
use crate::protocol::guarded_clock::{Deviation, GuardedClock};
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::{
    DbConnection, StorageError, audit, client_secrets, clients, condition, sessions, signing_keys,
    users,
};

/// How many days the chart shows.
const DAYS: u32 = 30;
/// A secret that is older should be changed.
const SECRET_IS_OLD: Lifetime = Lifetime::days(365);
/// How many clients are looked at for old secrets.
const CLIENTS_LOOKED_AT: i64 = 200;

/// The figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Dashboard {
    /// The last 30 days (UTC), oldest first; the last one is today.
    pub days: Vec<DayCount>,
    pub live_sessions: i64,
    /// When the oldest key that signs now began to.
    pub signing_since: Option<Timestamp>,
    pub attention: Vec<Attention>,
}

/// The sign-ins of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCount {
    pub day: Timestamp,
    pub sign_ins: u64,
    pub failed: u64,
}

/// Something an administrator should see to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attention {
    /// Nothing is issued until it is right.
    WrongClock(Deviation),
    /// When this one cannot sign in, nobody can administer.
    OnlyOneAdministrator,
    /// The only working secret of a client is more than a year old.
    OldSecret { client_id: String, name: String },
    /// The disk of the database is used up so far, in percent.
    DiskNearlyFull { used: u8 },
    /// PostgreSQL may lose what it has acknowledged, by these settings.
    CarelessDatabase { settings: String },
}

/// Reads the figures.
///
/// # Errors
///
/// Those of the database.
pub async fn dashboard(ground: &Ground) -> Result<Dashboard, StorageError> {
    let now = ground.now();
    let clock = ground.clock.guard().and_then(GuardedClock::deviation);
    let clock = clock.map(Attention::WrongClock);
    let mut figures = ground
        .db
        .read(move |conn| {
            Ok(Dashboard {
                days: days(conn, now)?,
                live_sessions: sessions::count_live(conn, now)?,
                signing_since: signing_since(conn)?,
                attention: clock.into_iter().chain(attention(conn, now)?).collect(),
            })
        })
        .await?;
    figures.attention.extend(disk_nearly_full(ground).await);
    Ok(figures)
}

async fn disk_nearly_full(ground: &Ground) -> Option<Attention> {
    let path = ground.db.path()?;
    let looked = tokio::task::spawn_blocking(move || condition::disk_used(&path)).await;
    let used = looked.ok()?.ok().filter(|used| *used >= condition::NEARLY_FULL)?;
    Some(Attention::DiskNearlyFull { used })
}

fn days(conn: &mut DbConnection, now: Timestamp) -> Result<Vec<DayCount>, StorageError> {
    let seconds = i64::from(DAY.as_seconds());
    let today = Timestamp::from_unix(now.as_unix().div_euclid(seconds) * seconds);
    let mut days = Vec::new();
    for back in (0..DAYS).rev() {
        let day = today - Lifetime::days(back);
        let counts = audit::count_results(conn, "session.start", day, day + DAY)?;
        let sum = |good: bool| {
            let chosen = counts.iter().filter(|(result, _)| (result == "ok") == good);
            chosen.filter_map(|(_, count)| u64::try_from(*count).ok()).sum()
        };
        days.push(DayCount { day, sign_ins: sum(true), failed: sum(false) });
    }
    Ok(days)
}

fn signing_since(conn: &mut DbConnection) -> Result<Option<Timestamp>, StorageError> {
    let keys = signing_keys::list_live(conn)?;
    let active = keys.iter().filter(|key| key.state == "active" && key.purpose == "sig");
    Ok(active.filter_map(|key| key.activated_at).min().map(Timestamp::from_unix))
}

fn attention(conn: &mut DbConnection, now: Timestamp) -> Result<Vec<Attention>, StorageError> {
    let mut found = Vec::new();
    let careless = condition::careless_settings(conn)?;
    if !careless.is_empty() {
        found.push(Attention::CarelessDatabase { settings: careless.join(", ") });
    }
    if users::count_active_with_role(conn, ADMIN_ROLE)? <= 1 {
        found.push(Attention::OnlyOneAdministrator);
    }
    for client in clients::list(conn, None, None, CLIENTS_LOOKED_AT)? {
        let newest = client_secrets::list(conn, &client.id)?.first().map(|key| key.created_at);
        let is_old = newest.is_some_and(|at| Timestamp::from_unix(at) + SECRET_IS_OLD <= now);
        if is_old && !client.disabled {
            found.push(Attention::OldSecret { client_id: client.id, name: client.name });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{Actor, EventExt};
    use crate::domain::clients::management::{self, ClientDraft};
    use crate::domain::ground::testing;
    use crate::protocol::client::ClientMetadata;

    #[tokio::test]
    async fn sign_ins_are_counted_by_day() {
        let test = testing::ground();
        let now = test.ground.now();
        let event = |at| Actor::user("u1").event("session.start", at);
        let events = [
            event(now),
            event(now).result("denied"),
            event(now - DAY),
            event(now - DAY).result("denied"),
            event(now - DAY).result("denied"),
            event(now - Lifetime::days(40)),
        ];
        let written = test
            .ground
            .db
            .write(move |conn| events.iter().try_for_each(|event| audit::insert(conn, event)));
        written.await.unwrap();
        let days = dashboard(&test.ground).await.unwrap().days;
        let counts: Vec<_> = days.iter().map(|day| (day.sign_ins, day.failed)).collect();
        assert_eq!(counts.len(), 30);
        assert_eq!(counts[28..], [(1, 2), (1, 1)]);
        assert!(counts[..28].iter().all(|counts| *counts == (0, 0)));
    }

    #[tokio::test]
    async fn an_old_secret_needs_attention() {
        let test = testing::ground();
        let draft = ClientDraft {
            name: "Shop".into(),
            metadata: ClientMetadata {
                redirect_uris: vec!["https://shop.example/cb".into()],
                ..ClientMetadata::default()
            },
            ..ClientDraft::default()
        };
        let made = management::create(&test.ground, draft, &Actor::cli()).await.unwrap();
        let alone = Attention::OnlyOneAdministrator;
        let attention = async || {
            let mut found = dashboard(&test.ground).await.unwrap().attention;
            // Of the machine that the test runs on.
            found.retain(|one| !matches!(one, Attention::DiskNearlyFull { .. }));
            found
        };
        assert_eq!(attention().await, std::slice::from_ref(&alone));
        test.clock.advance_seconds(366 * 86_400);
        let old = Attention::OldSecret { client_id: made.client.id, name: "Shop".into() };
        assert_eq!(attention().await, [alone, old]);
    }
}
