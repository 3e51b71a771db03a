//! A service that follows the revocation list in Redis, and is asked all the time.

use super::witness::{Event, Grant, Witness};
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
        let (subject, client_id, sid, kid) = ("nobody", "app", None, None);
        let facts = TokenFacts { jti, subject, client_id, sid, kid, issued_at };
        self.0.is_revoked(&facts).ok()
    }

    fn refuses_ended(&self, ended: &Ended) -> Option<bool> {
        let Ended { jti, subject, client, issued_at, .. } = ended;
        let (sid, kid, issued_at) = (None, None, *issued_at);
        let facts = TokenFacts { jti, subject, client_id: client, sid, kid, issued_at };
        self.0.is_revoked(&facts).ok()
    }

    pub fn is_fresh(&self) -> bool {
        !self.0.is_stale()
    }

    /// Whether everything that was revoked so far is refused, and all tokens that ended with their user.
    pub fn knows_all(&self, witness: &Witness) -> bool {
        ended(witness).iter().all(|ended| self.refuses_ended(ended) == Some(true))
    }

    /// Looks from now on whether anything is accepted that was revoked longer ago than `bound`.
    pub fn watch(&self, witness: &Arc<Witness>, bound: Duration) -> JoinHandle<()> {
        let (service, witness) = (self.clone(), witness.clone());
        tokio::spawn(async move {
            loop {
                let now = Instant::now();
                for ended in ended(&witness) {
                    if ended.at + bound < now && service.refuses_ended(&ended) == Some(false) {
                        let Ended { jti, user, .. } = ended;
                        let asked = now - bound;
                        witness.saw(Event::Accepted { jti, user, by: "a service", asked });
                    }
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
    }
}

/// A token that nobody may take any more.
struct Ended {
    jti: String,
    /// Empty where the token was revoked alone.
    user: String,
    subject: String,
    client: String,
    issued_at: Timestamp,
    at: Instant,
}

fn ended(witness: &Witness) -> Vec<Ended> {
    let revoked = witness.events().into_iter().filter_map(|event| match event {
        Event::Revoked { jti, deadline: at } => {
            let (user, subject, client) = (String::new(), "nobody".into(), "app".into());
            Some(Ended { jti, user, subject, client, issued_at: SystemClock.now(), at })
        }
        _ => None,
    });
    let with_user = witness.ended_with_their_user().into_iter().map(|(user, grant, at)| {
        let Grant { jti, subject, client, issued_at, .. } = grant;
        Ended { jti, user, subject, client, issued_at: Timestamp::from_unix(issued_at), at }
    });
    revoked.chain(with_user).collect()
}
