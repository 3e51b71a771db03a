//! What the sender of a request shows to hold, beside what it knows: the key of a DPoP proof
//! (RFC 9449), and that of the certificate of its TLS connection (RFC 8705).
//!
//! A request is read into [`Evidence`]. [`prove`] turns that into a [`Sender`], without using
//! anything up; [`Sender::answers`] holds it against what a code, refresh token or access token is
//! bound to, and [`Sender::use_up`] uses up the proof. A proof is used up last, when the request is known to be good
//! but for that: a stranger cannot fill the memory of used proofs.

use super::clients::RegisteredClient;
use super::provider::Provider;
use super::tokens::presented::Presented;
pub use crate::jose::Certificate;
pub use crate::jose::dpop::ALGORITHMS as PROOF_ALGORITHMS;
use crate::jose::dpop::{Proof, Target};
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::storage::seen_jtis;
use std::fmt;
use std::sync::Arc;

/// What a request carries.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    pub method: String,
    /// The path below the issuer.
    pub path: String,
    /// The `DPoP` headers; none when one of them is no text.
    pub proofs: Vec<String>,
    /// The client certificate of the connection.
    pub certificate: Option<Arc<Certificate>>,
}

/// What it proved.
#[derive(Debug, Clone, Default)]
pub struct Sender {
    proof: Option<Proof>,
    certificate: Option<Arc<Certificate>>,
}

/// How an access token was sent (RFC 6750 §2.1, RFC 9449 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Bearer,
    Dpop,
}

/// The nonce that goes with `use_dpop_nonce`, as the cause of that error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreshNonce(pub String);

impl fmt::Display for FreshNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the proof has no fresh nonce")
    }
}

impl std::error::Error for FreshNonce {}

/// Checks what a request carries. With an access token, the proof must name it.
///
/// # Errors
///
/// `invalid_dpop_proof`, or `use_dpop_nonce` where nonces are asked for and it has none that is
/// good.
pub fn prove(
    provider: &Provider,
    evidence: &Evidence,
    access_token: Option<&str>,
) -> Result<Sender, OAuthError> {
    let sent = match &evidence.proofs[..] {
        [] => return Ok(Sender { proof: None, certificate: evidence.certificate.clone() }),
        [sent] => sent,
        _ => return Err(OAuthError::invalid_dpop_proof("more than one DPoP header")),
    };
    let uris = provider.addresses(&evidence.path);
    let target = Target { method: &evidence.method, uris: &uris, access_token };
    let proof = Proof::read(sent, &target).map_err(refused)?;
    check_fresh(provider, &proof)?;
    Ok(Sender { proof: Some(proof), certificate: evidence.certificate.clone() })
}

/// A proof with a good nonce is fresh whatever the sender's clock says (RFC 9449 §11.1).
fn check_fresh(provider: &Provider, proof: &Proof) -> Result<(), OAuthError> {
    let now = provider.now();
    let nonce = proof.nonce.as_deref();
    if nonce.is_some_and(|nonce| provider.dpop_nonces.accepts(nonce, now)) {
        return Ok(());
    }
    if !provider.tokens.require_dpop_nonce {
        return proof.check_age(now).map_err(refused);
    }
    Err(OAuthError {
        source: Some(Box::new(FreshNonce(provider.dpop_nonces.issue(now)))),
        ..OAuthError::new(ErrorCode::UseDpopNonce, "put the DPoP-Nonce of this answer in the proof")
    })
}

fn refused(cause: crate::jose::JoseError) -> OAuthError {
    tracing::debug!(%cause, "DPoP proof refused");
    OAuthError::invalid_dpop_proof(format!("the DPoP proof: {cause}"))
}

impl Sender {
    /// The thumbprint of the key of the proof.
    pub fn jkt(&self) -> Option<&str> {
        self.proof.as_ref().map(|proof| proof.jkt.as_str())
    }

    /// The thumbprint of the certificate.
    fn x5t_s256(&self) -> Option<&str> {
        self.certificate.as_ref().map(|certificate| certificate.thumbprint())
    }

    /// What tokens for this client become bound to.
    ///
    /// # Errors
    ///
    /// `invalid_request` when the client's tokens must be bound and there is nothing to bind them
    /// to (RFC 9449 §5.2, RFC 8705 §3.4).
    pub fn confirmation(&self, client: &RegisteredClient) -> Result<Confirmation, OAuthError> {
        let rules = &client.metadata.sender;
        if rules.dpop_bound_access_tokens && self.proof.is_none() {
            return Err(OAuthError::invalid_request("this client must send a DPoP proof"));
        }
        let by_certificate = rules.tls_client_certificate_bound_access_tokens;
        if by_certificate && self.certificate.is_none() {
            return Err(OAuthError::invalid_request("this client must show its certificate"));
        }
        let x5t_s256 = self.x5t_s256().filter(|_| by_certificate).map(str::to_owned);
        Ok(Confirmation { jkt: self.jkt().map(str::to_owned), x5t_s256 })
    }

    /// The `dpop_jkt` of a pushed authorization request: the parameter, or the key of the proof
    /// that came with it (RFC 9449 §10.1).
    ///
    /// # Errors
    ///
    /// `invalid_dpop_proof` when the two differ.
    pub fn dpop_jkt(&self, parameter: Option<&str>) -> Result<Option<String>, OAuthError> {
        match (parameter, self.jkt()) {
            (Some(asked), Some(shown)) if asked != shown => {
                Err(OAuthError::invalid_dpop_proof("dpop_jkt is not the key of the proof"))
            }
            (asked, shown) => Ok(asked.or(shown).map(str::to_owned)),
        }
    }

    /// Holds the sender against what it wants to spend.
    ///
    /// # Errors
    ///
    /// `invalid_dpop_proof` when a proof is missing, `invalid_grant` when the key is another one.
    pub fn answers(&self, bound_to: &Confirmation) -> Result<(), OAuthError> {
        if bound_to.x5t_s256.is_some() && bound_to.x5t_s256.as_deref() != self.x5t_s256() {
            return Err(OAuthError::invalid_grant("it is bound to another certificate"));
        }
        match (&bound_to.jkt, self.jkt()) {
            (Some(_), None) => {
                Err(OAuthError::invalid_dpop_proof("it is bound to a key: send a proof"))
            }
            (Some(bound), Some(shown)) if bound != shown => {
                Err(OAuthError::invalid_grant("it is bound to another key"))
            }
            _ => Ok(()),
        }
    }

    /// Uses up the proof, on every instance at once. The database remembers it: what is in Redis
    /// may be gone in a moment, and a proof must stay used.
    ///
    /// # Errors
    ///
    /// `invalid_dpop_proof` when it was used before.
    pub async fn use_up(&self, provider: &Provider) -> Result<(), OAuthError> {
        let Some(proof) = &self.proof else { return Ok(()) };
        let (key, until) = (proof.replay_key().to_owned(), proof.remember_until(provider.now()));
        match provider.db.write(move |conn| seen_jtis::insert(conn, &key, until)).await? {
            true => Ok(()),
            false => Err(OAuthError::invalid_dpop_proof("the DPoP proof was used before")),
        }
    }
}

/// Whether the sender of an access token may use it: it must hold what the token is bound to, and
/// say so by the scheme.
///
/// # Errors
///
/// `invalid_token` when the token is bound to something else, `invalid_dpop_proof` and
/// `use_dpop_nonce` as [`prove`].
pub async fn check_access(
    provider: &Provider,
    token: &Presented,
    text: &str,
    scheme: Scheme,
    evidence: &Evidence,
) -> Result<(), OAuthError> {
    let refuse = |why: &'static str| Err(OAuthError::invalid_token(why));
    let shown = evidence.certificate.as_ref().map(|certificate| certificate.thumbprint());
    let bound = token.confirmation.x5t_s256.as_deref();
    if bound.is_some() && bound != shown {
        return refuse("the token is bound to another certificate");
    }
    match (&token.confirmation.jkt, scheme) {
        (None, Scheme::Bearer) => Ok(()),
        (Some(_), Scheme::Bearer) => refuse("the token is bound to a key: send it as DPoP"),
        (None, Scheme::Dpop) => refuse("the token is not bound to a key: send it as Bearer"),
        (Some(jkt), Scheme::Dpop) => {
            let sender = prove(provider, evidence, Some(text))?;
            match sender.jkt() {
                None => return Err(OAuthError::invalid_dpop_proof("the DPoP header is missing")),
                Some(shown) if shown != jkt => return refuse("the token is bound to another key"),
                Some(_) => {}
            }
            sender.use_up(provider).await
        }
    }
}
