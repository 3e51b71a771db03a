//! The list of this process: it follows the table, and wakes whoever waits for news.

use super::entry;
use super::epoch::{self, Beginning};
use crate::failpoint;
use crate::protocol::error::OAuthError;
use crate::protocol::random::Random;
use crate::protocol::revocation::{ALL_KEY, RevocationKind, RevocationList, subject_at_client};
use crate::protocol::time::{Clock, Lifetime, Timestamp};
use crate::storage::revocations::{self, Revocation as Stored};
use crate::storage::{Db, StorageError};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::{Notify, watch};

/// How many entries one read of the table takes.
const PAGE: i64 = 1000;
/// How many are read at most where a request waits for it.
const FEW: i64 = 50;

/// How far this process has read the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The history that `seq` counts in.
    pub epoch: Arc<str>,
    pub seq: i64,
}

/// The list of this process, and who is told of changes.
pub struct Revocation {
    list: Arc<RwLock<RevocationList>>,
    position: watch::Sender<Position>,
    /// The last entry that was read: while it is there, the table is the one we know.
    last: Mutex<Option<Stored>>,
    changed: Arc<Notify>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    longest_life: Lifetime,
}

/// What a look at the table found.
enum Found {
    /// Everything there is was read.
    All,
    /// The last entry that was read is not there any more.
    Lost,
}

impl Revocation {
    /// Reads the list from the database.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn open(
        db: &Db,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        longest_life: Lifetime,
    ) -> Result<Self, StorageError> {
        let epoch = epoch::name(db, random.as_ref()).await?.into();
        let (list, changed, last) = (Arc::default(), Arc::default(), Mutex::default());
        let position = watch::Sender::new(Position { epoch, seq: 0 });
        let opened = Self { list, position, last, changed, clock, random, longest_life };
        opened.catch_up(db).await?;
        Ok(opened)
    }

    /// Takes in what was committed, here or elsewhere, since the last time. When the table is
    /// another one than before, a new history begins; what was known stays known.
    ///
    /// # Errors
    ///
    /// Those of the database; the list stays as it was.
    pub async fn catch_up(&self, db: &Db) -> Result<(), StorageError> {
        let named = epoch::name(db, self.random.as_ref()).await?;
        self.follow_epoch(&named);
        match self.read_on(db).await? {
            Found::All => Ok(()),
            Found::Lost => {
                tracing::error!("the list of revocations went back: refusing all tokens until now");
                let (epoch, now) = (self.random.id(), self.clock.shared());
                let new = Beginning { epoch, now, longest_life: self.longest_life };
                epoch::begin(db, named, new).await?;
                self.changed.notify_waiters();
                let named = epoch::name(db, self.random.as_ref()).await?;
                self.follow_epoch(&named);
                self.read_on(db).await.map(drop)
            }
        }
    }

    fn follow_epoch(&self, named: &str) {
        self.position.send_if_modified(|position| {
            if *position.epoch == *named {
                return false;
            }
            self.change(RevocationList::forget_numbers);
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
            *position = Position { epoch: named.into(), seq: 0 };
            true
        });
    }

    async fn read_on(&self, db: &Db) -> Result<Found, StorageError> {
        loop {
            let known = self.known();
            let after = before(known.as_ref());
            let page = db.read(move |conn| revocations::list_after(conn, after, PAGE)).await?;
            if let Some(found) = self.take_in(known, &page, PAGE) {
                return Ok(found);
            }
        }
    }

    fn known(&self) -> Option<Stored> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes in what was read after what was `known`; `None` when there may be more.
    fn take_in(&self, known: Option<Stored>, page: &[Stored], asked: i64) -> Option<Found> {
        let now = self.clock.now();
        if known.is_some_and(|known| is_lost(&known, page, now)) {
            return Some(Found::Lost);
        }
        self.change(|list| {
            page.iter().filter_map(entry).for_each(|entry| list.insert(&entry));
            list.sweep_if_due(now);
        });
        if let Some(last) = page.last() {
            self.arrived_at(last);
        }
        ((page.len() as i64) < asked).then_some(Found::All)
    }

    fn arrived_at(&self, read: &Stored) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_none_or(|last| last.seq < read.seq) {
            *last = Some(read.clone());
        }
        self.position.send_if_modified(|position| {
            let is_news = position.seq < read.seq;
            position.seq = position.seq.max(read.seq);
            is_news
        });
    }

    /// To call right after the commit of a cause: this process knows at once, Redis in a moment.
    ///
    /// # Errors
    ///
    /// `temporarily_unavailable` when the database cannot be read back; the entries stand.
    pub async fn committed(&self, db: &Db) -> Result<(), OAuthError> {
        failpoint::reach("before_redis");
        self.changed.notify_waiters();
        let known = self.known();
        let after = before(known.as_ref());
        let page = db.read_by_key(move |conn| revocations::list_after(conn, after, FEW)).await?;
        // That the table is another one, whoever follows it finds out.
        match self.take_in(known, &page, FEW) {
            Some(_) => Ok(()),
            None => Ok(self.read_on(db).await.map(drop)?),
        }
    }

    /// As [`super::earliest_iat`], from the list of this process: for tokens that touch no database.
    pub fn earliest_iat<'a>(
        &self,
        marks: impl IntoIterator<Item = (RevocationKind, &'a str)>,
        now: Timestamp,
    ) -> Timestamp {
        let list = self.list.read().expect("no one panics with the lock");
        let marks = marks.into_iter().filter_map(|(kind, key)| list.not_before(kind, key));
        marks.max().map_or(now, |mark| now.max(mark + Lifetime::seconds(1)))
    }

    /// As [`Revocation::earliest_iat`], of a token of a user.
    pub fn earliest_iat_of_user(
        &self,
        user_id: &str,
        client_id: &str,
        sid: Option<&str>,
        now: Timestamp,
    ) -> Timestamp {
        let at_client = subject_at_client(user_id, client_id);
        let marks = [
            (RevocationKind::All, ALL_KEY),
            (RevocationKind::Subject, user_id),
            (RevocationKind::Client, client_id),
            (RevocationKind::SubjectAtClient, &at_client),
        ];
        self.earliest_iat(
            marks.into_iter().chain(sid.map(|sid| (RevocationKind::Session, sid))),
            now,
        )
    }

    /// The number of the last entry that this process knows: what is read of the database after this
    /// was asked, holds every cause up to it.
    pub fn last_seq(&self) -> i64 {
        self.list.read().expect("no one panics with the lock").last_seq()
    }

    /// Whether the tokens of a client were ended in the second `known_at` or later.
    pub fn has_ended_client(&self, client_id: &str, known_at: Timestamp) -> bool {
        let list = self.list.read().expect("no one panics with the lock");
        list.not_before(RevocationKind::Client, client_id).is_some_and(|mark| mark >= known_at)
    }

    /// The list itself, for a verifier in this process.
    pub fn list(&self) -> Arc<RwLock<RevocationList>> {
        self.list.clone()
    }

    /// How far this process has read, and whoever waits for more.
    pub fn position(&self) -> watch::Receiver<Position> {
        self.position.subscribe()
    }

    /// Wakes whoever copies the list elsewhere.
    pub fn changed(&self) -> Arc<Notify> {
        self.changed.clone()
    }

    fn change<T>(&self, change: impl FnOnce(&mut RevocationList) -> T) -> T {
        change(&mut self.list.write().expect("no one panics with the lock"))
    }
}

/// Where to read on: the last one again, because that it is still there shows that this is the list
/// that is known.
fn before(known: Option<&Stored>) -> i64 {
    known.map_or(0, |last| last.seq - 1)
}

/// Whether the table is not the one that `known` was the last entry of. Only what has expired is
/// ever removed, and never the last entry.
fn is_lost(known: &Stored, page: &[Stored], now: Timestamp) -> bool {
    match page.first() {
        None => true,
        Some(first) if first.seq == known.seq => first != known,
        Some(_) => known.expires_at > now.as_unix(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(seq: i64, key: &str, expires_at: i64) -> Stored {
        Stored { seq, kind: "sub".into(), key: key.into(), not_before: Some(100), expires_at }
    }

    #[test]
    fn p_03_a_table_without_the_last_entry_is_another_one() {
        let (known, now) = (stored(7, "ada", 1000), Timestamp::from_unix(500));
        assert!(!is_lost(&known, &[stored(7, "ada", 1000), stored(8, "bea", 1000)], now));
        assert!(is_lost(&known, &[], now), "the numbers went back");
        assert!(is_lost(&known, &[stored(7, "bea", 1000)], now), "they were given again");
        assert!(is_lost(&known, &[stored(8, "bea", 1000)], now), "it is gone");
        let later = Timestamp::from_unix(1001);
        assert!(!is_lost(&known, &[stored(8, "bea", 2000)], later), "it was swept");
    }
}
