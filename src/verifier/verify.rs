//! The checks of RFC 9068 §4.

use super::access_token::AccessToken;
use super::authentication::RequiredAuthentication;
use super::builder::{FollowedList, VerifierBuilder};
use super::counters::Counters;
use super::error::{SetupError, VerifyError};
use super::introspect::Introspection;
use super::keys::KeyRing;
use super::local_list::LocalList;
use super::revocations::{RevocationSource, StalenessPolicy};
use super::used_proofs::UsedProofs;
use crate::jose::{
    Claims, DecryptionKey, DpopNonces, Expected, JoseError, JwkSet, SigningAlgorithm, TimeCheck,
    Typ, VerifyingKey, gate,
};
use crate::protocol::revocation::TokenFacts;
use crate::protocol::time::{Clock, Lifetime, Timestamp};
use std::borrow::Cow;
use std::sync::Arc;

/// Verifies access tokens of one issuer for one service. Clones share everything but the policy.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
    policy: StalenessPolicy,
}

pub(super) struct Inner {
    pub issuer: String,
    pub audience: Vec<String>,
    pub algorithms: Vec<SigningAlgorithm>,
    /// What it shares with the issuer; then nothing else signs.
    pub secrets: Vec<VerifyingKey>,
    pub leeway: Lifetime,
    pub decryption_keys: Vec<DecryptionKey>,
    pub revocations: Option<Arc<dyn RevocationSource>>,
    /// The list that this verifier follows by itself.
    pub followed: Option<FollowedList>,
    pub clock: Arc<dyn Clock>,
    pub keys: Arc<KeyRing>,
    /// Where the service is reached: scheme, host and port.
    pub origins: Vec<String>,
    /// Makes and recognises nonces for DPoP proofs, where they are asked for.
    pub nonces: Option<DpopNonces>,
    pub used_proofs: UsedProofs,
    /// Where the service describes itself (RFC 9728).
    pub resource_metadata: Option<String>,
    /// How the issuer is asked about tokens that say nothing by themselves.
    pub introspection: Option<Introspection>,
    pub counters: Counters,
}

impl Verifier {
    /// Starts making a verifier for the tokens of `issuer`.
    pub fn builder(issuer: &str) -> VerifierBuilder {
        VerifierBuilder::new(issuer)
    }

    pub(super) fn new(inner: Inner, policy: StalenessPolicy) -> Self {
        Self { inner: Arc::new(inner), policy }
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// Where the service describes itself (RFC 9728).
    pub fn resource_metadata(&self) -> Option<&str> {
        self.inner.resource_metadata.as_deref()
    }

    pub(super) fn keys(&self) -> &Arc<KeyRing> {
        &self.inner.keys
    }

    /// The same verifier with another policy, for the routes that want one.
    #[must_use]
    pub fn with_staleness(&self, policy: StalenessPolicy) -> Self {
        Self { inner: self.inner.clone(), policy }
    }

    /// Takes other keys of the issuer into use.
    ///
    /// # Errors
    ///
    /// `NoKeys` when none of them fits an allowed algorithm; then the old ones stay.
    pub fn replace_keys(&self, keys: &JwkSet) -> Result<(), SetupError> {
        self.inner.keys.replace(keys)
    }

    /// The revocation list that this verifier follows, if it follows one.
    pub fn revocation_list(&self) -> Option<&LocalList> {
        self.inner.followed.as_ref().map(|followed| &followed.list)
    }

    /// Checks a token in memory. It never calls anybody. Whether its sender holds what it is bound
    /// to is for [`Verifier::verify_sent`] to say, or for whoever reads
    /// [`AccessToken::confirmation`].
    ///
    /// # Errors
    ///
    /// Why the token is refused. `UnknownKey` may be one that [`Verifier::verify_or_refresh`]
    /// would learn.
    pub fn verify(&self, token: &str) -> Result<AccessToken, VerifyError> {
        self.inner.counters.count(self.check(token))
    }

    fn check(&self, token: &str) -> Result<AccessToken, VerifyError> {
        let jwt = self.inner.decrypt(token)?;
        let (claims, kid) = self.inner.check_signature(&jwt)?;
        let token = self.inner.read(claims)?;
        self.check_revocation(&token, kid.as_deref())?;
        Ok(token)
    }

    /// As [`Verifier::verify`], but asks the issuer where that helps: for its keys when the token is
    /// signed with an unknown one, at most once in 30 seconds; and about the token itself, where the
    /// verifier may ([`VerifierBuilder::introspect_as`](super::VerifierBuilder::introspect_as)) and
    /// nothing else says what it is. For 3 seconds at most each.
    ///
    /// # Errors
    ///
    /// Why the token is refused.
    pub async fn verify_or_refresh(&self, token: &str) -> Result<AccessToken, VerifyError> {
        let verdict = self.check_or_ask(token).await;
        self.inner.counters.count(verdict)
    }

    pub(super) async fn check_or_ask(&self, token: &str) -> Result<AccessToken, VerifyError> {
        let verdict = match self.check(token) {
            Err(VerifyError::UnknownKey | VerifyError::NoKeys)
                if self.inner.keys.refresh_for_unknown_key().await =>
            {
                self.check(token)
            }
            verdict => verdict,
        };
        match (&verdict, &self.inner.introspection) {
            (Err(error), Some(introspection)) if says_nothing(token, error) => {
                self.ask_about(introspection, token).await
            }
            _ => verdict,
        }
    }

    /// Asks the issuer about a token. What it said a moment ago counts while the list is fresh.
    async fn ask_about(
        &self,
        introspection: &Introspection,
        token: &str,
    ) -> Result<AccessToken, VerifyError> {
        let (now, is_fresh) = (self.inner.clock.now(), self.knows_revocations());
        let claims = introspection.ask(token, now, is_fresh).await?;
        let token = self.inner.read(claims.ok_or(VerifyError::Inactive)?)?;
        match self.check_revocation(&token, None) {
            // The issuer has just said that it is good.
            Err(VerifyError::Stale) => Ok(token),
            verdict => verdict.map(|()| token),
        }
    }

    /// Whether nothing that was revoked can be missing. A list of the service's own says so of a token
    /// only after the issuer was asked, so what the issuer said before does not count beside one.
    fn knows_revocations(&self) -> bool {
        let followed = self.inner.followed.as_ref();
        self.inner.revocations.is_none()
            && followed.is_none_or(|followed| !followed.list.is_stale())
    }

    /// Whether a good token is accepted: it has keys, and the list it follows is no longer out of date
    /// than the policy allows.
    pub fn is_ready(&self) -> bool {
        !self.inner.keys.is_empty() && self.expect_list().is_ok()
    }

    fn expect_list(&self) -> Result<(), VerifyError> {
        match &self.inner.followed {
            Some(followed) => self.policy.judge(followed.list.verdict_of_absence()),
            None => Ok(()),
        }
    }

    /// What was counted, as Prometheus reads it.
    pub fn metrics(&self) -> String {
        self.inner.counters.text(self.revocation_list())
    }

    /// Whether two share everything but the policy.
    #[cfg(feature = "actix")]
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Whether two judge a stale list alike.
    #[cfg(feature = "actix")]
    pub(super) fn has_policy_of(&self, other: &Self) -> bool {
        self.policy == other.policy
    }

    /// Looks a token up in the list once more, under the policy of this place. `sent` is how it came.
    #[cfg(feature = "actix")]
    pub(super) async fn check_again(
        &self,
        token: &AccessToken,
        sent: &str,
    ) -> Result<(), VerifyError> {
        let verdict = match (self.check_revocation(token, None), &self.inner.introspection) {
            (Err(VerifyError::Stale), Some(introspection)) => {
                self.ask_about(introspection, sent).await.map(drop)
            }
            (verdict, _) => verdict,
        };
        self.count_refusal(verdict)
    }

    /// Counts what is refused before there is a token.
    #[cfg(feature = "actix")]
    pub(super) fn count_refusal<T>(
        &self,
        outcome: Result<T, VerifyError>,
    ) -> Result<T, VerifyError> {
        match outcome {
            Ok(value) => Ok(value),
            refused => self.inner.counters.count(refused),
        }
    }

    /// Asks for a level or a freshness of the sign-in behind a token (RFC 9470).
    ///
    /// # Errors
    ///
    /// `InsufficientAuthentication`: 401, and the challenge says what the client has to ask for.
    pub fn require_authentication(
        &self,
        token: &AccessToken,
        needed: &RequiredAuthentication,
    ) -> Result<(), VerifyError> {
        match needed.is_met_by(token, self.inner.clock.now(), self.inner.leeway) {
            true => Ok(()),
            false => Err(VerifyError::InsufficientAuthentication(needed.clone())),
        }
    }

    fn check_revocation(&self, token: &AccessToken, kid: Option<&str>) -> Result<(), VerifyError> {
        let facts = TokenFacts {
            jti: &token.jti,
            subject: &token.subject,
            client_id: &token.client_id,
            sid: token.sid.as_deref(),
            kid,
            issued_at: token.issued_at,
        };
        if let Some(source) = &self.inner.revocations {
            self.policy.judge(source.is_revoked(&facts))?;
        }
        match &self.inner.followed {
            Some(followed) => self.policy.judge(followed.list.is_revoked(&facts)),
            None => Ok(()),
        }
    }
}

/// Whether a token is one that only the issuer can look into, or of which only the list of
/// revocations is not known.
fn says_nothing(token: &str, error: &VerifyError) -> bool {
    match error {
        VerifyError::Stale | VerifyError::Invalid(JoseError::Undecryptable) => true,
        VerifyError::Invalid(JoseError::Malformed) => !token.contains('.'),
        _ => false,
    }
}

impl Inner {
    /// Opens a nested token. Encryption proves nothing about the sender: what is inside is checked
    /// like any other token.
    fn decrypt<'t>(&self, token: &'t str) -> Result<Cow<'t, str>, JoseError> {
        if token.bytes().filter(|byte| *byte == b'.').count() != 4 {
            return Ok(Cow::Borrowed(token));
        }
        let opened = self
            .decryption_keys
            .iter()
            .find_map(|key| key.decrypt(token, &[key.algorithm()]).ok())
            .ok_or(JoseError::Undecryptable)?;
        Ok(Cow::Owned(opened.jwt()?.to_owned()))
    }

    /// Gives the claims, and the name of the key that signed them.
    fn check_signature(&self, token: &str) -> Result<(Claims, Option<String>), VerifyError> {
        let typ = [Typ::AccessToken.as_str()];
        let unverified = gate(token, &Expected::new(&typ, &self.algorithms))?;
        if !self.secrets.is_empty() {
            // The name of a key means nothing where there is a secret.
            return Ok((unverified.verify_with_any(&self.secrets)?, None));
        }
        let keys = self.keys.current();
        // The error of the last key that was tried, or that there is none to try.
        let mut refusal = match keys.is_empty() {
            true => VerifyError::NoKeys,
            false => VerifyError::UnknownKey,
        };
        for key in keys.candidates(unverified.kid(), unverified.algorithm()) {
            match unverified.verify(key) {
                Ok(claims) => {
                    let kid = key.kid().or(unverified.kid());
                    return Ok((claims, kid.map(str::to_owned)));
                }
                Err(error) => refusal = error.into(),
            }
        }
        Err(refusal)
    }

    fn read(&self, claims: Claims) -> Result<AccessToken, JoseError> {
        claims.expect_str("iss", &self.issuer)?;
        let audience = claims.required_audience()?;
        if !audience.iter().any(|one| self.audience.contains(one)) {
            return Err(JoseError::Claim { name: "aud", problem: "does not name this service" });
        }
        let expires_at = self.check_times(&claims)?;
        AccessToken::read(claims, expires_at)
    }

    fn check_times(&self, claims: &Claims) -> Result<Timestamp, JoseError> {
        let leeway_seconds = self.leeway.as_seconds();
        let check = TimeCheck { now: self.clock.now(), leeway_seconds };
        check.check_nbf(claims)?;
        let missing = JoseError::Claim { name: "iat", problem: "is missing" };
        let issued_at = check.check_iat(claims)?.ok_or(missing)?;
        let expires_at = check.require_exp(claims)?;
        if expires_at <= issued_at {
            return Err(JoseError::Claim { name: "exp", problem: "is not after iat" });
        }
        Ok(expires_at)
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "secret_tests.rs"]
mod secret_tests;
