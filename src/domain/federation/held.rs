//! What a browser holds while its person is at another provider: sealed, for this browser alone, and
//! good for ten minutes.

use super::{FederationError, Identity, UpstreamRegistry};
use crate::domain::digest::digest;
use crate::protocol::random::Random;
use crate::protocol::time::{Lifetime, Timestamp};
use serde::{Deserialize, Serialize};

/// How long somebody may take there, and then here.
pub const LIFETIME: Lifetime = Lifetime::minutes(10);

/// What the sign-in there is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To sign in here, and then go where this leads.
    SignIn { txn: String },
    /// To link the account there to the one that is signed in here.
    Link { user_id: String, sid: String },
}

/// Somebody was sent there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    pub slug: String,
    pub state: String,
    pub nonce: String,
    pub verifier: String,
    pub purpose: Purpose,
    pub at: Timestamp,
}

/// Somebody came back whose account there belongs to nobody here yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// Names this arrival, so that it is used once.
    pub id: String,
    pub slug: String,
    pub identity: Identity,
    /// Where the sign-in leads.
    pub txn: String,
    pub at: Timestamp,
}

/// What is in the cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    Started(Started),
    Arrived(Arrived),
}

impl Held {
    fn slug_and_time(&self) -> (&str, Timestamp) {
        match self {
            Self::Started(started) => (&started.slug, started.at),
            Self::Arrived(arrived) => (&arrived.slug, arrived.at),
        }
    }
}

impl UpstreamRegistry {
    /// Seals for one browser.
    pub fn hold(&self, random: &dyn Random, browser: &str, held: &Held) -> String {
        let json = serde_json::to_vec(held).unwrap_or_default();
        self.cookies.seal(random, &json, digest(browser).as_bytes())
    }

    /// Opens what [`UpstreamRegistry::hold`] sealed for this browser and provider.
    ///
    /// # Errors
    ///
    /// `Foreign` when it is of another browser or provider, or too old.
    pub fn held(
        &self,
        browser: &str,
        slug: &str,
        sealed: &str,
        now: Timestamp,
    ) -> Result<Held, FederationError> {
        let json = self.cookies.open(sealed, digest(browser).as_bytes());
        let held: Option<Held> = json.and_then(|json| serde_json::from_slice(&json).ok());
        let held = held.filter(|held| {
            let (own, at) = held.slug_and_time();
            own == slug && at + LIFETIME > now
        });
        held.ok_or(FederationError::Foreign)
    }
}
