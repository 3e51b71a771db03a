//! A service that follows the revocation list in Redis, and is asked all the time.

use super::witness::{Event, Witness};
use countersign::protocol::revocation::TokenFacts;
use countersign::protocol::time::{Clock, SystemClock, Timestamp};
use countersign::verifier::{RedisList, RevocationSource};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How soon a service must know of what was revoked, while Redis is well and while it is not.
pub const WELL: Duration = Duration::from_secs(1);
pub const UNWELL: Duration = Duration::from_secs(5);

/// The list of a service.
#[derive(Clone)]
pub struct Service(Arc<RedisList>);

impl Service {
    pub fn follow(redis_url: &str) -> Self {
        Self(Arc::new(RedisList::open(redis_url, Arc::new(SystemClock)).expect("a URL")))
    }

    /// Whether a token is refused; none while the list cannot say.
    pub fn refuses(&self, jti: &str) -> Option<bool> {
        self.refuses_of(jti, SystemClock.now())
    }

    /// As [`Service::refuses`], of a token that was issued then.
    pub fn refuses_of(&self, jti: &str, issued_at: Timestamp) -> Option<bool> {
        let facts = TokenFacts {
            jti,
            subject: "nobody",
            client_id: "app",
            sid: None,
            kid: None,
            issued_at,
        };
        self.0.is_revoked(&facts).ok()
    }

    pub fn is_fresh(&self) -> bool {
        !self.0.is_stale()
    }

    /// Whether everything that was revoked so far is refused.
    pub fn knows_all(&self, witness: &Witness) -> bool {
        revoked(witness).iter().all(|(jti, _)| self.refuses(jti) == Some(true))
    }

    /// Looks from now on whether anything is accepted that was revoked longer ago than `bound`.
    pub fn watch(&self, witness: &Arc<Witness>, bound: Duration) -> JoinHandle<()> {
        let (service, witness) = (self.clone(), witness.clone());
        tokio::spawn(async move {
            loop {
                let now = Instant::now();
                for (jti, at) in revoked(&witness) {
                    if at + bound < now && service.refuses(&jti) == Some(false) {
                        let (user, asked) = (String::new(), now - bound);
                        witness.saw(Event::Accepted { jti, user, by: "a service", asked });
                    }
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
    }
}

fn revoked(witness: &Witness) -> Vec<(String, Instant)> {
    let revoked = |event: Event| match event {
        Event::Revoked { jti, deadline } => Some((jti, deadline)),
        _ => None,
    };
    witness.events().into_iter().filter_map(revoked).collect()
}
