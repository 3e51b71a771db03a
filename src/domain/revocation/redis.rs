//! The provider's side of the revocation list in Redis: a relay that tails the database.
//!
//! The database is the truth. The relay copies its `revocations` table, entry by entry in the order
//! of the commits, and each second vouches for the copy with a head marker
//! (`protocol::revocation_store`). Several relays may run beside each other: every write can be
//! repeated, none lowers anything. When Redis has lost something, the list is built anew beside the
//! old one and put in its place in one step; when Redis is away, nobody waits for it.

mod proof;
mod store;

use super::epoch::{self, Beginning};
use crate::jose::SealingKey;
use crate::protocol::random::Random;
use crate::protocol::revocation_store::Head;
use crate::protocol::time::{Clock, Lifetime, Timestamp};
use crate::storage::revocations::{self, Revocation};
use crate::storage::{Db, DbConnection, StorageError};
use proof::{Odd, Proofs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{Beat, Store};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often the table is looked at when nobody calls [`RedisRelay::notify`].
const POLL: Duration = Duration::from_millis(200);
/// How often the head is renewed.
const BEAT: Duration = Duration::from_secs(1);
/// How often the settings of Redis are looked at: when they were good, and when they were not.
const POLICY: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(5));
/// How long after a failure the next try is, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How many entries go over at a time.
const BATCH: i64 = 500;
/// How many times as many single keys are looked at at a time, and how often: 5000 in a second.
const LOOKS: (usize, Duration) = (2, Duration::from_millis(200));
/// By how many seconds the clock of Redis may differ from ours.
const TOLERANCE: u64 = 5;

/// What a Redis server does when its memory is full: `noeviction`, or the list cannot be trusted.
///
/// # Errors
///
/// When the URL cannot be read, or the server does not answer in time.
pub async fn policy_of(url: &str) -> Result<String, ::redis::RedisError> {
    Store::to_read(url)?.maxmemory_policy().await
}

/// Whether, within so long, a head in Redis vouches for every entry of a history up to `seq`.
pub async fn vouches_for(url: &str, epoch: &str, seq: i64, within: Duration) -> bool {
    let Ok(store) = Store::to_read(url) else { return false };
    let until = Instant::now() + within;
    loop {
        let head = store.head().await.ok().flatten();
        if head.is_some_and(|head| head.epoch == epoch && head.seq >= seq) {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        tokio::time::sleep(POLL / 2).await;
    }
}

/// Where the list is copied to.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub url: &'a str,
    /// Whether each entry has a key of its own there, besides its place in the stream.
    pub single_keys: bool,
}

/// How the relay does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RelayStatus {
    /// Whether Redis answered the last time.
    pub connected: bool,
    /// Whether Redis is set to evict nothing. While it is not, verifiers do not trust the list.
    pub policy_ok: bool,
    /// The last entry that is in Redis.
    pub last_seq: i64,
    /// How many numbers the database was ahead of that at the last head.
    pub lag: i64,
    /// When the head was last renewed.
    pub beat_at: Option<Timestamp>,
    /// By how many seconds the clock of Redis is ahead of ours.
    pub clock_skew: i64,
}

/// Copies the revocation list to Redis. Clones are handles to the same relay.
#[derive(Clone)]
pub struct RedisRelay {
    shared: Arc<Shared>,
}

struct Shared {
    db: Db,
    store: Store,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// No living token lives longer than this.
    longest_life: Lifetime,
    /// Signs the numbers of heads.
    proofs: Proofs,
    news: Notify,
    status: Mutex<RelayStatus>,
}

impl RedisRelay {
    /// A relay from `db` to a Redis server, which need not be there yet.
    ///
    /// # Errors
    ///
    /// When the URL cannot be read.
    pub fn new(
        db: Db,
        target: Target<'_>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        longest_life: Lifetime,
        proofs: SealingKey,
    ) -> Result<Self, ::redis::RedisError> {
        let store = Store::open(target)?;
        let (news, status, proofs) = (Notify::new(), Mutex::default(), Proofs(proofs));
        let shared = Shared { db, store, clock, random, longest_life, proofs, news, status };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Starts the relay in the background of the current tokio runtime. It runs until it is
    /// aborted.
    pub fn spawn(&self) -> JoinHandle<()> {
        let shared = self.shared.clone();
        tokio::spawn(Relay::new(shared).run())
    }

    /// Says that entries were committed, so that they go over now. Never waits.
    pub fn notify(&self) {
        self.shared.news.notify_one();
    }

    /// How the relay does.
    pub fn status(&self) -> RelayStatus {
        *self.shared.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What made a step fail. Both pass, and both leave Redis as it was.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("Redis: {0}")]
    Redis(#[from] ::redis::RedisError),
    #[error("database: {0}")]
    Database(#[from] StorageError),
}

/// How far the copy is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Progress {
    epoch: String,
    /// The last entry that is in Redis.
    seq: i64,
    /// The last entry that a head of ours vouched for.
    confirmed: i64,
    /// By how many seconds the clock of Redis was ahead, at least, when the single keys were written.
    written_for: i64,
    /// When the stream was last found to go on without us: our last entry, and that of the stream.
    overtaken: Option<(i64, i64)>,
    /// Up to where the single keys were written again.
    mended: i64,
}

impl Progress {
    /// Whether who was ahead the last time is no other relay: that one has only what is in the table,
    /// and we come up with it.
    fn is_overtaken_by_a_stranger(&self, table_head: i64) -> bool {
        self.overtaken.is_some_and(|(seq, last)| seq == self.seq || last > table_head)
    }
}

/// What the database says of the table.
struct Table {
    epoch: String,
    /// The highest number.
    head: i64,
    /// The lowest number.
    lowest: Option<i64>,
}

/// The task.
struct Relay {
    shared: Arc<Shared>,
    progress: Option<Progress>,
    beat_due: Instant,
    mend_due: Instant,
    policy_due: Instant,
    /// What the last look at the settings of Redis said.
    policy_ok: Option<bool>,
    well: bool,
}

impl Relay {
    fn new(shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        let (progress, policy_ok) = (None, None);
        let (beat_due, mend_due, policy_due) = (now, now, now);
        Self { shared, progress, beat_due, mend_due, policy_due, policy_ok, well: true }
    }

    async fn run(mut self) {
        let mut pause = RETRY.0;
        loop {
            match self.step().await {
                Ok(()) => {
                    self.recovered();
                    pause = RETRY.0;
                    // News or not, the table is looked at.
                    drop(tokio::time::timeout(POLL, self.shared.news.notified()).await);
                }
                Err(fault) => {
                    self.failed(&fault);
                    if matches!(fault, Fault::Redis(_)) {
                        self.shared.store.disconnect().await;
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RETRY.1);
                }
            }
        }
    }

    async fn step(&mut self) -> Result<(), Fault> {
        if Instant::now() >= self.policy_due {
            self.check_policy().await?;
        }
        if self.policy_ok != Some(true) {
            return Ok(());
        }
        if self.progress.is_none() {
            return self.rebuild().await;
        }
        self.tail().await?;
        if Instant::now() >= self.beat_due {
            self.beat().await?;
        }
        if self.shared.store.has_single_keys() && Instant::now() >= self.mend_due {
            self.mend().await?;
        }
        Ok(())
    }

    /// A server that evicts what it likes cannot hold a list of what is refused.
    async fn check_policy(&mut self) -> Result<(), Fault> {
        let policy = self.shared.store.maxmemory_policy().await?;
        let good = policy == "noeviction";
        self.status(|status| status.policy_ok = good);
        if self.policy_ok.replace(good) != Some(good) && !good {
            tracing::error!(
                policy,
                "Redis may evict revocations: set maxmemory-policy to noeviction; until then \
                 verifiers do not trust the list"
            );
        }
        if !good {
            // Who knows what it has evicted meanwhile.
            self.progress = None;
        }
        self.policy_due = Instant::now() + if good { POLICY.0 } else { POLICY.1 };
        Ok(())
    }

    /// Copies the entries that are new.
    async fn tail(&mut self) -> Result<(), Fault> {
        loop {
            let Some(progress) = &mut self.progress else { return Ok(()) };
            let rows = page(&self.shared.db, progress.seq).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            let now = self.shared.clock.shared();
            if let Err(error) = self.shared.store.write(&rows, now).await {
                // What the script itself stumbles over: another type, or numbers that are taken.
                if matches!(error.code(), Some("WRONGTYPE" | "ERR")) {
                    tracing::error!(%error, "the stream of revocations in Redis was overwritten");
                    self.progress = None;
                }
                return Err(error.into());
            }
            progress.seq = last.seq;
            let seq = last.seq;
            self.status(|status| status.last_seq = seq);
            // Readers wait for somebody to vouch for it.
            self.beat_due = Instant::now();
        }
    }

    /// Vouches for the copy, or finds that it is none any more.
    async fn beat(&mut self) -> Result<(), Fault> {
        let table = self.table().await?;
        let Some(mut progress) = self.progress.take() else { return Ok(()) };
        if table.epoch != progress.epoch {
            return Ok(());
        }
        if table.head < progress.seq {
            // The last rows are gone: swept, or the database is an older one. The numbers may
            // begin anew below ours, and nobody would notice.
            return self.begin_epoch(&table.epoch).await;
        }
        let head = self.head(&progress.epoch, progress.seq);
        let lowest = table.lowest.unwrap_or(progress.seq).min(progress.seq);
        let (confirmed, written_for) = (progress.confirmed, progress.written_for);
        let answer = self.shared.store.beat(&head, confirmed, lowest, written_for).await;
        let verdict = answer.map(|(verdict, time)| {
            progress.written_for = written_for.min(self.compare(time));
            verdict
        });
        match verdict {
            Ok(Beat::Renewed) => {
                (progress.confirmed, progress.overtaken) = (progress.seq, None);
                self.beaten(&head, table.head);
            }
            Ok(Beat::Ahead(last)) if !progress.is_overtaken_by_a_stranger(table.head) => {
                progress.overtaken = Some((progress.seq, last));
                self.beat_due = Instant::now() + BEAT;
            }
            Ok(Beat::Ahead(_) | Beat::Rebuild) => {
                tracing::warn!("Redis does not hold the revocation list any more, rebuilding it");
                return self.rebuild().await;
            }
            Err(error) => {
                self.progress = Some(progress);
                return Err(error.into());
            }
        }
        self.progress = Some(progress);
        Ok(())
    }

    /// Looks at some of the single keys, all of them in turn: nothing else shows that somebody removed
    /// one.
    async fn mend(&mut self) -> Result<(), Fault> {
        let Some(progress) = &mut self.progress else { return Ok(()) };
        let store = &self.shared.store;
        for _ in 0..LOOKS.0 {
            let now = self.shared.clock.shared();
            let mut rows = page(&self.shared.db, progress.mended).await?;
            let is_last = i64::try_from(rows.len()).is_ok_and(|count| count < BATCH);
            progress.mended = rows.last().filter(|_| !is_last).map_or(0, |row| row.seq);
            // What has expired may be gone there and here still.
            rows.retain(|row| row.seq <= progress.seq && row.expires_at > now.as_unix());
            let lost = store.lost(&rows).await?;
            if lost > 0 {
                tracing::error!(lost, "somebody removed revocations in Redis: writing them again");
                store.write(&rows, now).await?;
            }
            if is_last {
                break;
            }
        }
        self.mend_due = Instant::now() + LOOKS.1;
        Ok(())
    }

    /// Builds the whole list beside the one that is there, and puts it in its place.
    async fn rebuild(&mut self) -> Result<(), Fault> {
        // Redis first: what it may rightly know, the database knows by then.
        let known = self.shared.store.head().await?;
        let table = self.table().await?;
        match known.and_then(|known| self.shared.proofs.odd(&known, &table.epoch, table.head)) {
            None => {}
            Some(Odd::WentBack) => return self.begin_epoch(&table.epoch).await,
            Some(Odd::Forged) => {
                tracing::error!("somebody else wrote the head in Redis");
                self.shared.store.delete_head().await?;
            }
            Some(Odd::OfAnother) => tracing::error!(
                "another provider keeps its list in this Redis: give each its own, or a database number"
            ),
        }
        let written_for = self.compare(self.shared.store.time().await?);
        let rebuilt = self.shared.store.begin_rebuild(&self.shared.random.id());
        let mut seq = 0;
        loop {
            let rows = page(&self.shared.db, seq).await?;
            let Some(last) = rows.last() else { break };
            let now = self.shared.clock.shared();
            self.shared.store.write_rebuilt(&rebuilt, &rows, now).await?;
            seq = last.seq;
        }
        let generation = Some(self.shared.random.id());
        let head = Head { generation, ..self.head(&table.epoch, seq) };
        if !self.shared.store.switch(&head, &rebuilt).await? {
            return Ok(());
        }
        tracing::info!(seq, "the revocation list in Redis is complete");
        self.beaten(&head, seq);
        let epoch = table.epoch;
        let (confirmed, overtaken, mended) = (seq, None, 0);
        self.progress = Some(Progress { epoch, seq, confirmed, written_for, overtaken, mended });
        Ok(())
    }

    /// By how many seconds the clock of Redis is ahead; says so when it is too much, once.
    fn compare(&mut self, shown: Timestamp) -> i64 {
        let ahead = shown.seconds_since(self.shared.clock.shared());
        let before = self.status(|status| std::mem::replace(&mut status.clock_skew, ahead));
        let is_off = |skew: i64| skew.unsigned_abs() > TOLERANCE;
        match (is_off(before), is_off(ahead)) {
            (false, true) => tracing::error!(
                seconds_ahead = ahead,
                "the clock of Redis is wrong: what is kept there is kept for longer"
            ),
            (true, false) => tracing::info!("the clock of Redis is right again"),
            _ => {}
        }
        ahead
    }

    fn head(&self, epoch: &str, seq: i64) -> Head {
        let proof = Some(self.shared.proofs.of(epoch, seq));
        Head {
            epoch: epoch.to_owned(),
            seq,
            time: self.shared.clock.shared(),
            proof,
            generation: None,
        }
    }

    fn beaten(&mut self, head: &Head, table_head: i64) {
        self.beat_due = Instant::now() + BEAT;
        self.status(|status| {
            status.last_seq = head.seq;
            status.lag = table_head.saturating_sub(head.seq);
            status.beat_at = Some(head.time);
        });
    }

    async fn table(&self) -> Result<Table, StorageError> {
        let epoch = epoch::name(&self.shared.db, self.shared.random.as_ref()).await?;
        let read = |conn: &mut DbConnection| {
            Ok(Table {
                epoch,
                head: revocations::head(conn)?,
                lowest: revocations::list_after(conn, i64::MIN, 1)?.first().map(|row| row.seq),
            })
        };
        self.shared.db.read(read).await
    }

    /// Names a new history, unless another instance has done so; the next step copies it.
    async fn begin_epoch(&self, old: &str) -> Result<(), Fault> {
        tracing::error!("the list of revocations went back: refusing all tokens until now");
        let (epoch, now) = (self.shared.random.id(), self.shared.clock.shared());
        let new = Beginning { epoch, now, longest_life: self.shared.longest_life };
        Ok(epoch::begin(&self.shared.db, old.to_owned(), new).await?)
    }

    fn status<T>(&self, change: impl FnOnce(&mut RelayStatus) -> T) -> T {
        change(&mut self.shared.status.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn recovered(&mut self) {
        self.status(|status| status.connected = true);
        if !self.well {
            tracing::info!("the relay of revocations to Redis works again");
        }
        self.well = true;
    }

    fn failed(&mut self, fault: &Fault) {
        self.status(|status| status.connected = matches!(fault, Fault::Database(_)));
        if self.well {
            tracing::warn!(%fault, "revocations do not reach Redis");
        }
        self.well = false;
        // It may come back as another server with other settings.
        self.policy_due = Instant::now();
    }
}

/// The next entries after `seq`, in the order of the commits.
async fn page(db: &Db, seq: i64) -> Result<Vec<Revocation>, StorageError> {
    db.read(move |conn| revocations::list_after(conn, seq, BATCH)).await
}
