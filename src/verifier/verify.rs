//! The checks of RFC 9068 §4.

use super::access_token::AccessToken;
use super::authentication::RequiredAuthentication;
use super::builder::{FollowedList, VerifierBuilder};
use super::error::{SetupError, VerifyError};
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
        let jwt = self.inner.decrypt(token)?;
        let (claims, kid) = self.inner.check_signature(&jwt)?;
        let token = self.inner.read(claims)?;
        self.check_revocation(&token, kid.as_deref())?;
        Ok(token)
    }

    /// As [`Verifier::verify`], but asks the issuer for its keys when the token is signed with an
    /// unknown one: at most once in 30 seconds, for 3 seconds at most.
    ///
    /// # Errors
    ///
    /// Why the token is refused.
    pub async fn verify_or_refresh(&self, token: &str) -> Result<AccessToken, VerifyError> {
        match self.verify(token) {
            Err(VerifyError::UnknownKey | VerifyError::NoKeys)
                if self.inner.keys.refresh_for_unknown_key().await =>
            {
                self.verify(token)
            }
            verdict => verdict,
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
