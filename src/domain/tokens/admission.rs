//! Whom a proxy may let through: somebody with a session here, or with an access token of ours.
//!
//! The database is asked every time, so a block counts at once.

use super::presented;
use super::userinfo::user_of;
use crate::domain::identity::sessions;
use crate::domain::provider::Provider;
use crate::protocol::error::OAuthError;
use crate::protocol::scope::Scope;
use crate::storage::users;

/// Who comes.
#[derive(Debug, Clone, PartialEq)]
pub struct Admitted {
    /// The user id, or what the token calls the person or the machine.
    pub subject: String,
    /// None for a machine.
    pub email: Option<String>,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    /// Of a token.
    pub scope: Option<Scope>,
    /// Of a token.
    pub client_id: Option<String>,
}

/// The person of a browser's session.
///
/// # Errors
///
/// Those of the database.
pub async fn by_session(provider: &Provider, cookie: &str) -> Result<Option<Admitted>, OAuthError> {
    let Some(signed_in) = sessions::find(provider, cookie).await? else { return Ok(None) };
    let id = signed_in.user.id.clone();
    let groups = provider.db.read(move |conn| users::groups(conn, &id)).await?;
    Ok(Some(Admitted {
        subject: signed_in.user.id,
        email: Some(signed_in.user.email),
        roles: signed_in.roles,
        groups,
        scope: None,
        client_id: None,
    }))
}

/// Who sends an access token that is for one of `audiences`.
///
/// # Errors
///
/// `invalid_token` when it is not good, not for any of them, or bound to a key: what the sender
/// showed to the proxy is not seen here. Those of the database.
pub async fn by_token(
    provider: &Provider,
    token: &str,
    audiences: &[&str],
) -> Result<Admitted, OAuthError> {
    let refused = || OAuthError::invalid_token("the access token is not valid, or no longer");
    let token = presented::read(provider, token).await?.ok_or_else(refused)?;
    if !token.audience.split(' ').any(|own| audiences.contains(&own)) {
        return Err(OAuthError::invalid_token("the access token is for another place"));
    }
    if !token.confirmation.is_empty() {
        let bound = "the access token is bound to a key, which only the service itself can check";
        return Err(OAuthError::invalid_token(bound));
    }
    let now = provider.now();
    let found = provider.db.read_by_key(move |conn| {
        if token.is_revoked(conn, now)? {
            return Ok(None);
        }
        let mut admitted = Admitted {
            subject: token.subject.clone(),
            email: None,
            roles: Vec::new(),
            groups: Vec::new(),
            scope: Some(token.scope.clone()),
            client_id: Some(token.client_id.clone()),
        };
        if token.subject == token.client_id {
            return Ok(Some(admitted));
        }
        let user = user_of(conn, &token.subject)?.filter(|user| user.blocked_at.is_none());
        let Some(user) = user else { return Ok(None) };
        admitted.roles = users::roles(conn, &user.id)?;
        admitted.groups = users::groups(conn, &user.id)?;
        admitted.email = Some(user.email);
        Ok(Some(admitted))
    });
    found.await?.ok_or_else(refused)
}
