//! Tokens that say nothing by themselves: the issuer is asked (RFC 7662), and the answer is
//! remembered for a moment.

use super::error::{SetupError, VerifyError};
use super::fetch::Source;
use crate::jose::Claims;
use crate::protocol::time::{Lifetime, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tokio::sync::OnceCell;
use url::Url;

/// How long an answer is remembered.
const REMEMBERED: Lifetime = Lifetime::seconds(10);
/// How many answers are remembered.
const MOST: usize = 10_000;

/// Asks the issuer about tokens, as one client.
pub(super) struct Introspection {
    source: Source,
    client_id: String,
    client_secret: String,
    endpoint: OnceCell<Url>,
    answers: Mutex<HashMap<[u8; 32], Answer>>,
}

#[derive(Clone)]
struct Answer {
    /// None when the token is not active.
    claims: Option<Claims>,
    until: Timestamp,
}

impl Introspection {
    pub(super) fn new(source: Source, (client_id, client_secret): (String, String)) -> Self {
        let (endpoint, answers) = Default::default();
        Self { source, client_id, client_secret, endpoint, answers }
    }

    /// What the issuer said of a token within the last ten seconds, when `may_remember`, or says now.
    /// None when it is not active.
    pub(super) async fn ask(
        &self,
        token: &str,
        now: Timestamp,
        may_remember: bool,
    ) -> Result<Option<Claims>, VerifyError> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        if may_remember && let Some(answer) = self.remembered(&hash, now) {
            return Ok(answer.claims);
        }
        let asked = self.ask_now(token).await;
        let claims = asked.map_err(|error| {
            tracing::warn!(%error, "the issuer cannot be asked about a token");
            VerifyError::Unanswered
        })?;
        let answer = Answer { claims, until: now + REMEMBERED };
        self.remember(hash, answer.clone(), now);
        Ok(answer.claims)
    }

    async fn ask_now(&self, token: &str) -> Result<Option<Claims>, SetupError> {
        let find = || self.source.find_introspection();
        let endpoint = self.endpoint.get_or_try_init(find).await?;
        let who = (self.client_id.as_str(), self.client_secret.as_str());
        let answer = self.source.introspect(endpoint.clone(), who, token).await?;
        let claims = Claims::parse(&answer).map_err(SetupError::Introspection)?;
        let active = claims.bool("active").map_err(SetupError::Introspection)?;
        Ok((active == Some(true)).then_some(claims))
    }

    fn remembered(&self, hash: &[u8; 32], now: Timestamp) -> Option<Answer> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answers.get(hash)?;
        // Whoever set the clock back does not prolong it.
        let is_young = now < answer.until && now + REMEMBERED >= answer.until;
        is_young.then(|| answer.clone())
    }

    fn remember(&self, hash: [u8; 32], answer: Answer, now: Timestamp) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST {
            answers.retain(|_, answer| now < answer.until);
        }
        if answers.len() >= MOST {
            answers.clear();
        }
        answers.insert(hash, answer);
    }
}

#[cfg(test)]
#[path = "introspect_tests.rs"]
mod tests;
