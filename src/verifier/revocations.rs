//! Whether a token was taken back, and how much it matters when nobody can say.

use super::error::VerifyError;
use crate::protocol::revocation::TokenFacts;

/// A list of what was taken back, in memory: it answers at once and never calls anybody.
pub trait RevocationSource: Send + Sync {
    /// Whether the token must be refused.
    ///
    /// # Errors
    ///
    /// [`Stale`] when the list does not hold the token and may have missed something. What the list
    /// does hold is revoked, however old the list is.
    fn is_revoked(&self, token: &TokenFacts<'_>) -> Result<bool, Stale>;
}

/// The list has not been known to be complete for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale {
    /// For how long, in seconds.
    pub seconds: i64,
}

impl Stale {
    /// The list has not been read even once: then there is nothing to go by, and only
    /// [`StalenessPolicy::Relaxed`] accepts.
    pub const NEVER_KNOWN: Self = Self { seconds: i64::MAX };
}

/// What a place does with a token when the list is stale.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StalenessPolicy {
    /// Refuses with 503: for what must not happen after a block.
    Strict,
    /// Accepts for a minute, then refuses with 503. A list that was never read has no such minute.
    #[default]
    Standard,
    /// Accepts until the token expires.
    Relaxed,
}

/// How long [`StalenessPolicy::Standard`] trusts a stale list.
const STANDARD_SECONDS: i64 = 60;

impl StalenessPolicy {
    pub(super) fn judge(self, verdict: Result<bool, Stale>) -> Result<(), VerifyError> {
        match (verdict, self) {
            (Ok(true), _) => Err(VerifyError::Revoked),
            (Ok(false), _) | (Err(_), Self::Relaxed) => Ok(()),
            (Err(Stale { seconds }), Self::Standard) if seconds < STANDARD_SECONDS => Ok(()),
            (Err(_), Self::Standard | Self::Strict) => Err(VerifyError::Stale),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use StalenessPolicy::{Relaxed, Standard, Strict};

    #[test]
    fn what_is_known_to_be_revoked_is_refused_everywhere() {
        for policy in [Strict, Standard, Relaxed] {
            assert_eq!(policy.judge(Ok(true)), Err(VerifyError::Revoked));
            assert_eq!(policy.judge(Ok(false)), Ok(()));
        }
    }

    #[test]
    fn r_13_each_policy_has_its_patience_with_a_stale_list() {
        for (policy, seconds, accepted) in [
            (Strict, 0, false),
            (Standard, 0, true),
            (Standard, 59, true),
            (Standard, 60, false),
            (Relaxed, 100_000, true),
        ] {
            let verdict = policy.judge(Err(Stale { seconds }));
            assert_eq!(verdict.is_ok(), accepted, "{policy:?} {seconds}");
        }
    }
}
