//! The clock that the provider goes by, compared with that of the database.
//!
//! While it is wrong by more than five seconds nothing is issued ([`Provider::expect_right_clock`]), and
//! nothing is removed or moved on because its time has come. Where there is no other clock, with SQLite,
//! a jump is waited out: a clock that runs evenly for half a minute is believed again. When it has gone
//! back by that, what had expired is ended for good, and access tokens of before are refused, because
//! what was revoked may have been forgotten when they had expired.

use super::provider::Provider;
use super::revocation::epoch::{self, Beginning};
use crate::protocol::error::OAuthError;
use crate::protocol::guarded_clock::{Deviation, GuardedClock};
use crate::protocol::time::Timestamp;
use crate::storage::clock::{self, Reading};
use crate::storage::{Db, StorageError, housekeeping};

/// Why nothing is issued.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub enum WrongClock {
    #[error("{0}")]
    Is(Deviation),
    #[error("the clock was wrong for a moment")]
    Was,
}

/// What the database says of the time.
enum Said {
    Shows(Reading),
    /// It has a clock, and was too slow to tell.
    Nothing,
    /// It has none; something was written down then.
    HasNone(Option<Timestamp>),
}

async fn ask(db: &Db) -> Result<Said, StorageError> {
    db.read(|conn| match clock::read(conn)? {
        Some(reading) => Ok(Said::Shows(reading)),
        None if clock::has_clock(conn) => Ok(Said::Nothing),
        None => Ok(Said::HasNone(clock::last_known(conn)?)),
    })
    .await
}

/// The first look, before anybody goes by the clock.
///
/// # Errors
///
/// Those of the database.
pub async fn begin(db: &Db, guard: &GuardedClock) -> Result<(), StorageError> {
    match ask(db).await? {
        Said::Shows(reading) => guard.compare(reading.shown, reading.at, reading.give_or_take),
        Said::HasNone(Some(last)) => guard.has_passed(last),
        Said::Nothing | Said::HasNone(None) => {}
    }
    Ok(())
}

/// A further look.
///
/// # Errors
///
/// Those of the database.
pub async fn look(provider: &Provider, guard: &GuardedClock) -> Result<(), StorageError> {
    match ask(&provider.db).await? {
        Said::Shows(reading) => guard.compare(reading.shown, reading.at, reading.give_or_take),
        Said::Nothing => {}
        Said::HasNone(_) => match guard.settled() {
            Some(by) if guard.deviation().is_some() && by < 0 => {
                go_back(provider, by).await?;
                guard.believe();
            }
            // What little it is behind, it stays behind: nothing is shown twice.
            Some(by) if by > 0 => guard.believe(),
            _ => {}
        },
    }
    Ok(())
}

/// Makes ready for a time that was there before.
async fn go_back(provider: &Provider, by: i64) -> Result<(), StorageError> {
    let (known, random) = (provider.now(), provider.random.clone());
    let now = Timestamp::from_unix(known.as_unix().saturating_add(by.div_euclid(1000)));
    let longest_life = provider.longest_token_life();
    let new = Beginning { epoch: random.id(), now, longest_life };
    let done = provider.db.write(move |conn| {
        housekeeping::end_expired(conn, known)?;
        epoch::begin_in(conn, &new)
    });
    done.await
}

impl Provider {
    /// Whether the clock is right enough to act by it.
    ///
    /// # Errors
    ///
    /// `temporarily_unavailable` while it is not.
    pub fn expect_right_clock(&self) -> Result<(), OAuthError> {
        match self.clock_deviation() {
            None => Ok(()),
            Some(deviation) => Err(OAuthError::unavailable(WrongClock::Is(deviation))),
        }
    }

    /// Whether the clock was right since [`Provider::clock_misread`] gave this, and is.
    ///
    /// # Errors
    ///
    /// `temporarily_unavailable` when it was not: what was found to have expired may not have.
    pub fn expect_right_clock_since(&self, misread: u64) -> Result<(), OAuthError> {
        match self.clock_misread() == misread {
            true => self.expect_right_clock(),
            false => Err(OAuthError::unavailable(WrongClock::Was)),
        }
    }

    /// How often somebody has gone by a clock that is ahead.
    pub fn clock_misread(&self) -> u64 {
        self.clock.guard().map_or(0, GuardedClock::misread)
    }

    /// By how much the clock is wrong; none while it is right.
    pub fn clock_deviation(&self) -> Option<Deviation> {
        self.clock.guard().and_then(GuardedClock::deviation)
    }
}
