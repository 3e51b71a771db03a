//! Consent: what people let clients have, remembered until they take it back.

use super::audit::{Actor, EventExt};
use super::provider::Provider;
use super::revocation::{self, Reason};
use crate::protocol::error::OAuthError;
use crate::storage::{audit, consents};

/// Takes a client's access away: its consent, refresh tokens and access tokens. False when there
/// was none.
///
/// # Errors
///
/// Those of the database.
pub async fn withdraw(
    provider: &Provider,
    user_id: &str,
    client_id: &str,
    actor: &Actor,
) -> Result<bool, OAuthError> {
    let cause = provider.cause(Reason::ConsentWithdrawn, actor);
    let event = actor.event("consent.withdraw", cause.now).user(user_id).client(client_id);
    let (user_id, client_id) = (user_id.to_owned(), client_id.to_owned());
    let withdrawn = provider
        .db
        .write(move |conn| {
            let was_there = consents::delete(conn, &user_id, &client_id)?;
            // Also without a consent: what the client holds all the same must end too.
            revocation::revoke_user_at_client(conn, &user_id, &client_id, &cause)?;
            audit::insert(conn, &event)?;
            Ok(was_there)
        })
        .await?;
    provider.revocation.committed(&provider.db).await?;
    Ok(withdrawn)
}
