//! A request on its way through the pages.
//!
//! Nothing is stored for a browser that has not signed in: the request travels sealed (encrypted,
//! expiring, bound to the browser) in the address or form, and cannot be changed there.

use crate::domain::digest::digest;
use crate::jose::{Sealer, SealingKey};
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::random::Random;
use crate::protocol::time::{Lifetime, Timestamp};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// How long somebody may take from the request to the answer.
pub const LIFETIME: Lifetime = Lifetime::minutes(30);

/// The keys for what travels through browsers.
pub struct AuthorizeKeys {
    interactions: SealingKey,
    csrf: SealingKey,
    known: SealingKey,
    states: SealingKey,
}

/// A request with what has happened to it since it came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interaction {
    /// Becomes the id of the authorization, so that one interaction is answered once.
    pub id: String,
    pub started_at: Timestamp,
    pub request: AuthorizationRequest,
    /// The `sid` of the session that somebody signed in to, or chose, in this interaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticated_sid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected_sid: Option<String>,
    /// The `sid` of the session whose person the consent page was shown to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_sid: Option<String>,
}

/// Why a sealed interaction is not taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InteractionError {
    /// Changed, of another browser, or not ours at all.
    #[error("this page does not belong to this browser")]
    Foreign,
    /// Ours and of this browser, but too old: the request can be started anew.
    #[error("this page is too old")]
    Expired(Box<AuthorizationRequest>),
}

impl Interaction {
    /// A new interaction for a checked request.
    pub fn start(request: AuthorizationRequest, random: &dyn Random, now: Timestamp) -> Self {
        Self {
            id: random.id_at(now),
            started_at: now,
            request,
            authenticated_sid: None,
            selected_sid: None,
            asked_sid: None,
        }
    }
}

impl AuthorizeKeys {
    /// Derives the keys; every instance with the same master key has the same.
    pub fn new(sealer: &Sealer) -> Self {
        Self {
            interactions: sealer.purpose("interactions"),
            csrf: sealer.purpose("csrf tokens"),
            known: sealer.purpose("known browsers"),
            states: sealer.purpose("session states"),
        }
    }

    /// Seals an interaction for one browser.
    pub fn seal(&self, random: &dyn Random, browser: &str, interaction: &Interaction) -> String {
        let json = serde_json::to_vec(interaction).unwrap_or_default();
        self.interactions.seal(random, &json, digest(browser).as_bytes())
    }

    /// Opens what [`AuthorizeKeys::seal`] sealed for this browser.
    ///
    /// # Errors
    ///
    /// See [`InteractionError`].
    pub fn open(
        &self,
        browser: &str,
        sealed: &str,
        now: Timestamp,
    ) -> Result<Interaction, InteractionError> {
        let json = self.interactions.open(sealed, digest(browser).as_bytes());
        let json = json.ok_or(InteractionError::Foreign)?;
        let interaction: Interaction =
            serde_json::from_slice(&json).map_err(|_| InteractionError::Foreign)?;
        if interaction.started_at + LIFETIME <= now {
            return Err(InteractionError::Expired(Box::new(interaction.request)));
        }
        Ok(interaction)
    }

    /// The token that a form must carry: only a page of ours that this browser was shown has it.
    pub fn csrf_token(&self, browser: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.csrf.mac(browser.as_bytes()))
    }

    /// Whether a form carries the token of this browser.
    pub fn is_csrf_token(&self, browser: &str, sent: &str) -> bool {
        BASE64_URL_SAFE_NO_PAD
            .decode(sent)
            .is_ok_and(|tag| self.csrf.verifies_mac(browser.as_bytes(), &tag))
    }

    /// What a browser keeps to show that somebody signed in there before.
    pub fn known_browser(&self, random: &dyn Random, user_id: &str) -> String {
        self.known.seal(random, user_id.as_bytes(), b"")
    }

    /// The user that [`AuthorizeKeys::known_browser`] named.
    pub fn known_user(&self, kept: &str) -> Option<String> {
        String::from_utf8(self.known.open(kept, b"")?).ok()
    }

    /// What a browser keeps for scripts to see that somebody is signed in, by the hash of the
    /// session's cookie.
    pub fn session_state(&self, random: &dyn Random, id_hash: &str) -> String {
        self.states.seal(random, id_hash.as_bytes(), b"")
    }

    /// The session that [`AuthorizeKeys::session_state`] is of.
    pub fn session_of_state(&self, kept: &str) -> Option<String> {
        String::from_utf8(self.states.open(kept, b"")?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::random::SystemRandom;

    fn interaction() -> Interaction {
        let request = AuthorizationRequest {
            client_id: "app".into(),
            redirect_uri: "https://app.example/cb".into(),
            ..AuthorizationRequest::default()
        };
        Interaction::start(request, &SystemRandom, Timestamp::from_unix(1000))
    }

    fn keys() -> AuthorizeKeys {
        AuthorizeKeys::new(&Sealer::new(&[7; 32]))
    }

    #[test]
    fn az_24_an_interaction_of_another_browser_is_foreign() {
        let sealed = keys().seal(&SystemRandom, "mine", &interaction());
        let now = Timestamp::from_unix(1001);
        assert_eq!(
            keys().open("mine", &sealed, now),
            Ok(keys().open("mine", &sealed, now).unwrap())
        );
        assert_eq!(keys().open("yours", &sealed, now), Err(InteractionError::Foreign));
    }

    #[test]
    fn az_25_an_interaction_dies_after_half_an_hour() {
        let sealed = keys().seal(&SystemRandom, "mine", &interaction());
        let opened = |now| keys().open("mine", &sealed, Timestamp::from_unix(now));
        assert!(opened(1000 + 1799).is_ok());
        assert!(matches!(opened(1000 + 1800), Err(InteractionError::Expired(_))));
    }

    #[test]
    fn pk_06_a_changed_interaction_is_foreign() {
        let mut sealed = keys().seal(&SystemRandom, "mine", &interaction()).into_bytes();
        sealed[40] = if sealed[40] == b'A' { b'B' } else { b'A' };
        let sealed = String::from_utf8(sealed).unwrap();
        let opened = keys().open("mine", &sealed, Timestamp::from_unix(1001));
        assert_eq!(opened, Err(InteractionError::Foreign));
    }

    #[test]
    fn lg_05_a_csrf_token_is_of_one_browser() {
        let token = keys().csrf_token("mine");
        assert!(keys().is_csrf_token("mine", &token));
        assert!(!keys().is_csrf_token("yours", &token));
        assert!(!keys().is_csrf_token("mine", ""));
    }
}
