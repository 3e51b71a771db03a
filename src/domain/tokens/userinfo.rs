//! Claims about a person for whoever may see them (OpenID Connect Core §5.3).

use super::presented::{self, Presented};
use crate::domain::provider::Provider;
use crate::domain::sender::{self, Evidence, Scheme};
use crate::protocol::claims;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::storage::users::{self, User};
use crate::storage::{authorizations, issued_tokens};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The claims that an access token gives access to.
///
/// # Errors
///
/// `invalid_token` when the token is not good, or no longer; `insufficient_scope` without `openid`;
/// those of [`sender::check_access`].
pub async fn userinfo(
    provider: &Provider,
    text: &str,
    scheme: Scheme,
    evidence: &Evidence,
) -> Result<Map<String, Value>, OAuthError> {
    let refused = || OAuthError::invalid_token("the access token is not valid, or no longer");
    let token = presented::read(provider, text).await?.ok_or_else(refused)?;
    sender::check_access(provider, &token, text, scheme, evidence).await?;
    if !token.audience.split(' ').any(|audience| audience == provider.default_audience()) {
        return Err(refused());
    }
    let has_openid = token.scope.contains("openid");
    let claims = find(provider, token).await?.ok_or_else(refused)?;
    match has_openid {
        true => Ok(claims),
        false => Err(OAuthError::new(ErrorCode::InsufficientScope, "the scope openid is needed")),
    }
}

async fn find(
    provider: &Provider,
    token: Arc<Presented>,
) -> Result<Option<Map<String, Value>>, OAuthError> {
    let now = provider.now();
    let found = provider
        .db
        .read_by_key(move |conn| {
            if token.is_revoked(conn, now)? {
                return Ok(None);
            }
            let Some(user) = users::find(conn, &token.subject)? else { return Ok(None) };
            let authorization =
                match issued_tokens::authorization_of(conn, &token.jti, token.expires_at)? {
                    Some(id) => authorizations::find(conn, &id)?,
                    None => None,
                };
            let asked = authorization.map(|of| of.claims.userinfo).unwrap_or_default();
            let by_scope = claims::of_scope(&token.scope).map(|name| name as &str);
            let names = by_scope.chain(asked.keys().map(String::as_str));
            let mut selected = select(&user, names);
            selected.insert("sub".into(), user.id.into());
            Ok(Some(selected))
        })
        .await?;
    Ok(found)
}

/// The claims of a user with these names, where there is a value. What is not there is left out
/// (§5.3.2).
pub fn select<'a>(user: &User, names: impl Iterator<Item = &'a str>) -> Map<String, Value> {
    names
        .filter(|name| claims::is_standard(name))
        .filter_map(|name| Some((name.to_owned(), value(user, name)?)))
        .collect()
}

/// The value of one standard claim (§5.1).
pub fn value(user: &User, name: &str) -> Option<Value> {
    match name {
        "name" => user.name.clone().map(Value::String),
        "preferred_username" => user.username.clone().map(Value::String),
        "email" => Some(user.email.clone().into()),
        "email_verified" => Some(user.email_verified.into()),
        "updated_at" => Some(user.updated_at.as_unix().into()),
        "locale" if !user.claims.contains_key("locale") => user.language.clone().map(Value::String),
        other => user.claims.get(other).cloned(),
    }
}
