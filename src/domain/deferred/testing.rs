//! Deciding a CIBA request in the place of its person, for test suites. A server that people use has
//! no way here: see [`crate::config::TestingConfig`].

use super::ciba;
use crate::domain::audit::Actor;
use crate::domain::authorize::answer::{self, AnswerError};
use crate::domain::authorize::interaction::Interaction;
use crate::domain::authorize::reply::{Ending, Reply};
use crate::domain::clients;
use crate::domain::digest::digest;
use crate::domain::identity::sessions::{self, BrowserInfo, SignedIn};
use crate::domain::logout;
use crate::domain::provider::Provider;
use crate::protocol::error::OAuthError;
use crate::storage::users::{self, User};
use subtle::ConstantTimeEq;

/// What a suite wants decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Allow,
    Deny,
}

/// Whether somebody shows the secret of the suite; never without one.
pub fn is_admitted(provider: &Provider, shown: &str) -> bool {
    let secret = provider.testing.ciba_secret.as_deref();
    secret.is_some_and(|secret| digest(secret).as_bytes().ct_eq(digest(shown).as_bytes()).into())
}

/// Decides as the person would on their account, signed in for this alone. False when nothing waits
/// under this id.
///
/// # Errors
///
/// Those of the database.
pub async fn decide(
    provider: &Provider,
    auth_req_id: &str,
    decision: Decision,
    actor: &Actor,
) -> Result<bool, OAuthError> {
    let Some((user_id, waiting)) = ciba::find(provider, auth_req_id).await? else {
        return Ok(false);
    };
    let user = provider.db.read(move |conn| users::find(conn, &user_id)).await?;
    let client = clients::find(provider, &waiting.request.client_id).await?;
    let (Some(user), Some(client)) = (user, client) else { return Ok(false) };
    let signed_in = sign_in(provider, user, actor).await?;
    let (random, now) = (provider.random.as_ref(), provider.now());
    let mut interaction = Interaction::start(waiting.request, random, now);
    interaction.authenticated_sid = Some(signed_in.session.sid.clone());
    let answered = match decision {
        Decision::Allow => {
            answer::grant(provider, &client, &interaction, &signed_in, true, actor).await
        }
        Decision::Deny => answer::deny(provider, &client, &interaction, &signed_in, actor).await,
    };
    logout::sign_out(provider, &signed_in, actor).await?;
    match answered {
        Ok(Reply::Here(_, Ending::Allowed | Ending::Denied)) => Ok(true),
        Ok(_) | Err(AnswerError::SignedOut) => Ok(false),
        Err(AnswerError::Fault(error)) => Err(error),
        Err(other) => Err(OAuthError::server_error(other)),
    }
}

async fn sign_in(provider: &Provider, user: User, actor: &Actor) -> Result<SignedIn, OAuthError> {
    let browser = BrowserInfo { actor: actor.clone(), user_agent: None, upstream: None };
    let (_, session) = sessions::start(provider, &user, false, None, browser).await?;
    Ok(SignedIn { session, user, roles: Vec::new() })
}
