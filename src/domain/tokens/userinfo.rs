//! Claims about a person for whoever may see them (OpenID Connect Core §5.3).

use super::presented::{self, Presented};
use crate::domain::clients::{self, RegisteredClient, jwks};
use crate::domain::fault::signing;
use crate::domain::private_claims;
use crate::domain::provider::Provider;
use crate::domain::sender::{self, Evidence, Scheme};
use crate::jose::Typ;
use crate::protocol::claims;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::private_claims::PrivateClaims;
use crate::storage::users::{self, User};
use crate::storage::{
    DbConnection, StorageError, authorizations, issued_tokens, pairwise_subjects,
};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The answer of the endpoint (§5.3.2).
#[derive(Debug, Clone, PartialEq)]
pub enum UserInfo {
    /// As `application/json`.
    Json(Map<String, Value>),
    /// Signed, encrypted or both, as `application/jwt`.
    Jwt(String),
}

/// The claims that an access token gives access to, in the form that its client registered for.
///
/// # Errors
///
/// `invalid_token` when the token is not good, or no longer; `insufficient_scope` without `openid`;
/// `invalid_request` when the client has no key to encrypt to; those of [`sender::check_access`].
pub async fn userinfo(
    provider: &Provider,
    text: &str,
    scheme: Scheme,
    evidence: &Evidence,
) -> Result<UserInfo, OAuthError> {
    let refused = || OAuthError::invalid_token("the access token is not valid, or no longer");
    let token = presented::read(provider, text).await?.ok_or_else(refused)?;
    sender::check_access(provider, &token, text, scheme, evidence).await?;
    if !token.audience.split(' ').any(|audience| audience == provider.default_audience()) {
        return Err(refused());
    }
    let has_openid = token.scope.contains("openid");
    let client = clients::find(provider, &token.client_id).await?;
    let rules = client.as_ref().map(|client| client.policy.id_token_claims.clone());
    let rules = rules.unwrap_or_default();
    let claims = find(provider, token, rules).await?.ok_or_else(refused)?;
    if !has_openid {
        return Err(OAuthError::new(ErrorCode::InsufficientScope, "the scope openid is needed"));
    }
    written(provider, &*client.ok_or_else(refused)?, claims).await
}

async fn written(
    provider: &Provider,
    client: &RegisteredClient,
    mut claims: Map<String, Value>,
) -> Result<UserInfo, OAuthError> {
    let key = match client.userinfo_encryption {
        Some(algorithms) => Some(jwks::recipient_key(provider, client, algorithms).await?),
        None => None,
    };
    let signed = match client.userinfo_alg {
        Some(alg) => {
            claims.insert("iss".into(), provider.issuer.clone().into());
            claims.insert("aud".into(), client.id.clone().into());
            let keys = provider.keys.current();
            Some(keys.signing(alg)?.sign(Typ::UserInfo, &claims).map_err(signing)?)
        }
        None => None,
    };
    Ok(match (key, signed) {
        (None, None) => UserInfo::Json(claims),
        (None, Some(signed)) => UserInfo::Jwt(signed),
        (Some(key), Some(signed)) => {
            UserInfo::Jwt(key.encrypt_jwt(&signed, None).map_err(signing)?)
        }
        (Some(key), None) => {
            let json = Value::Object(claims).to_string();
            UserInfo::Jwt(key.encrypt(json.as_bytes(), None).map_err(signing)?)
        }
    })
}

async fn find(
    provider: &Provider,
    token: Arc<Presented>,
    rules: PrivateClaims,
) -> Result<Option<Map<String, Value>>, OAuthError> {
    let now = provider.now();
    let found = provider
        .db
        .read_by_key(move |conn| {
            if token.is_revoked(conn, now)? {
                return Ok(None);
            }
            let Some(user) = user_of(conn, &token.subject)? else { return Ok(None) };
            let authorization =
                match issued_tokens::authorization_of(conn, &token.jti, token.expires_at)? {
                    Some(id) => authorizations::find(conn, &id)?,
                    None => None,
                };
            let asked = authorization.map(|of| of.claims.userinfo).unwrap_or_default();
            let by_scope = claims::of_scope(&token.scope).map(|name| name as &str);
            let names = by_scope.chain(asked.keys().map(String::as_str));
            let mut selected = select(&user, names);
            if !rules.is_empty() {
                let (roles, groups) =
                    (users::roles(conn, &user.id)?, users::groups(conn, &user.id)?);
                selected.extend(private_claims::of_user(&rules, &user, (&roles, &groups)));
            }
            selected.insert("sub".into(), token.subject.clone().into());
            Ok(Some(selected))
        })
        .await?;
    Ok(found)
}

/// The user whom a token names: by the id, or by a name that one sector has for them.
pub(super) fn user_of(
    conn: &mut DbConnection,
    subject: &str,
) -> Result<Option<User>, StorageError> {
    if let Some(user) = users::find(conn, subject)? {
        return Ok(Some(user));
    }
    match pairwise_subjects::user_of(conn, subject)? {
        Some(user_id) => users::find(conn, &user_id),
        None => Ok(None),
    }
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
