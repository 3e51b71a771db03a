//! Whether the sender of a token holds the key that it is bound to (RFC 9449 §7, RFC 8705 §3).

use super::access_token::AccessToken;
use super::error::VerifyError;
use super::verify::{Inner, Verifier};
use crate::jose::JoseError;
use crate::jose::dpop::{Proof, Target};

/// How a token was sent: the scheme of the `Authorization` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RFC 6750 §2.1.
    Bearer,
    /// RFC 9449 §7.1.
    Dpop,
}

/// A request with a token, as far as it shows who sends it.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    pub scheme: Scheme,
    pub token: &'a str,
    pub method: &'a str,
    /// The path of the request, as it came.
    pub path: &'a str,
    /// The values of all `DPoP` headers.
    pub proofs: &'a [&'a str],
    /// The base64url of the SHA-256 of the certificate that the sender showed in the TLS handshake.
    pub certificate: Option<&'a str>,
}

impl Verifier {
    /// As [`Verifier::verify_or_refresh`], and checks that the sender holds what the token is
    /// bound to.
    ///
    /// # Errors
    ///
    /// Why the request is refused.
    pub async fn verify_sent(&self, sent: &Sent<'_>) -> Result<AccessToken, VerifyError> {
        let checked = self.check_or_ask(sent.token).await;
        let checked =
            checked.and_then(|token| self.inner().check_sender(&token, sent).map(|()| token));
        self.inner().counters.count(checked)
    }
}

impl Inner {
    fn check_sender(&self, token: &AccessToken, sent: &Sent<'_>) -> Result<(), VerifyError> {
        if let Some(bound) = &token.confirmation.x5t_s256 {
            match sent.certificate {
                Some(shown) if shown == bound => {}
                Some(_) => return Err(VerifyError::OtherKey),
                None => return Err(VerifyError::Bound),
            }
        }
        match (&token.confirmation.jkt, sent.scheme) {
            (None, Scheme::Bearer) => Ok(()),
            (None, Scheme::Dpop) => Err(VerifyError::NotBound),
            (Some(_), Scheme::Bearer) => Err(VerifyError::Bound),
            (Some(jkt), Scheme::Dpop) => self.check_proof(jkt, sent),
        }
    }

    fn check_proof(&self, jkt: &str, sent: &Sent<'_>) -> Result<(), VerifyError> {
        let wrong = |problem| VerifyError::Proof(JoseError::Refused(problem));
        let proof = match sent.proofs {
            [proof] => proof,
            [] => return Err(wrong("the DPoP header is missing")),
            _ => return Err(wrong("more than one DPoP header")),
        };
        let uris: Vec<String> =
            self.origins.iter().map(|origin| format!("{origin}{}", sent.path)).collect();
        let access_token = Some(sent.token);
        let target = Target { method: sent.method, uris: &uris, access_token };
        let proof = Proof::read(proof, &target).map_err(VerifyError::Proof)?;
        let now = self.clock.now();
        match (&self.nonces, &proof.nonce) {
            (None, _) => proof.check_age(now).map_err(VerifyError::Proof)?,
            (Some(own), Some(nonce)) if own.accepts(nonce, now) => {}
            (Some(own), _) => return Err(VerifyError::NonceNeeded { nonce: own.issue(now) }),
        }
        if proof.jkt != *jkt {
            return Err(VerifyError::OtherKey);
        }
        match self.used_proofs.take(jkt, proof.replay_key(), self.clock.steady())? {
            true => Ok(()),
            false => Err(wrong("the proof was used before")),
        }
    }
}

#[cfg(test)]
#[path = "sender_tests.rs"]
mod tests;
