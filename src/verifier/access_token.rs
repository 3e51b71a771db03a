//! What a service learns from a token that passed every check.

use super::error::VerifyError;
use crate::jose::{Claims, JoseError};
use crate::protocol::confirmation::Confirmation;
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The claims of an access token that passed every check (RFC 9068 §2.2).
#[derive(Debug, Clone, PartialEq)]
pub struct AccessToken {
    /// `sub`: the person, or the client itself when it acts for nobody.
    pub subject: String,
    /// The client that the token was issued to.
    pub client_id: String,
    pub jti: String,
    /// What the token may be used for; empty when it does not say.
    pub scope: Scope,
    pub issuer: String,
    pub audience: Vec<String>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// The session that the person signed in to.
    pub sid: Option<String>,
    /// When the person proved who they are.
    pub auth_time: Option<Timestamp>,
    /// How well they did (OpenID Connect Core §2).
    pub acr: Option<String>,
    /// By which means (RFC 8176).
    pub amr: Vec<String>,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    /// Who acts for the subject (RFC 8693 §4.1); nested for each hop.
    pub act: Option<Value>,
    /// What its sender must show to hold (RFC 7800 §3.1).
    pub confirmation: Confirmation,
    /// Every claim there is, these and the others.
    pub claims: Map<String, Value>,
}

impl AccessToken {
    /// Reads claims whose times and audience were checked.
    pub(super) fn read(claims: Claims, expires_at: Timestamp) -> Result<Self, JoseError> {
        let scope = claims.str("scope")?.unwrap_or_default().parse();
        let wrong_scope = |_| JoseError::Claim { name: "scope", problem: "is not a scope" };
        Ok(Self {
            subject: claims.required_str("sub")?.to_owned(),
            client_id: claims.required_str("client_id")?.to_owned(),
            jti: claims.required_str("jti")?.to_owned(),
            scope: scope.map_err(wrong_scope)?,
            issuer: claims.required_str("iss")?.to_owned(),
            audience: claims.required_audience()?,
            issued_at: claims.required_time("iat")?,
            expires_at,
            sid: claims.str("sid")?.map(str::to_owned),
            auth_time: claims.time("auth_time")?,
            acr: claims.str("acr")?.map(str::to_owned),
            amr: strings(&claims, "amr")?,
            roles: strings(&claims, "roles")?,
            groups: strings(&claims, "groups")?,
            act: actor(&claims)?,
            confirmation: confirmation(&claims)?,
            claims: claims.into_map(),
        })
    }

    /// Asks for a scope token.
    ///
    /// # Errors
    ///
    /// `InsufficientScope` when the token was not given it: 403, and the challenge names it.
    pub fn require_scope(&self, scope: &str) -> Result<(), VerifyError> {
        if self.scope.contains(scope) {
            return Ok(());
        }
        Err(VerifyError::InsufficientScope { scope: scope.to_owned() })
    }

    /// Who acts for the subject, the last first: the service that calls, then the one that called it
    /// (RFC 8693 §4.1). Empty when the subject, or the client, acts for itself.
    pub fn actors(&self) -> Vec<&str> {
        let inner = std::iter::successors(self.act.as_ref(), |act| act.get("act"));
        inner.map_while(|act| act.get("sub")?.as_str()).collect()
    }

    /// Whether the subject has a role (RFC 9068 §2.2.3.1).
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own == role)
    }
}

fn strings(claims: &Claims, name: &'static str) -> Result<Vec<String>, JoseError> {
    let wrong = JoseError::Claim { name, problem: "is not an array of strings" };
    match claims.get(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) => {
            let texts = values.iter().map(|value| value.as_str().map(str::to_owned));
            texts.collect::<Option<_>>().ok_or(wrong)
        }
        Some(_) => Err(wrong),
    }
}

/// A binding that is not known is none that could be checked.
fn confirmation(claims: &Claims) -> Result<Confirmation, JoseError> {
    let Some(value) = claims.get("cnf") else { return Ok(Confirmation::default()) };
    let unknown = |_| JoseError::Claim { name: "cnf", problem: "cannot be checked" };
    Confirmation::deserialize(value).map_err(unknown)
}

fn actor(claims: &Claims) -> Result<Option<Value>, JoseError> {
    match claims.get("act") {
        None => Ok(None),
        Some(actor @ Value::Object(_)) => Ok(Some(actor.clone())),
        Some(_) => Err(JoseError::Claim { name: "act", problem: "is not an object" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn token(more: Value) -> Result<AccessToken, JoseError> {
        let mut claims = json!({
            "iss": "https://id.example.com", "aud": "https://api.example.com", "sub": "ada",
            "client_id": "app", "jti": "j1", "iat": 1_763_765_000,
        });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let claims = Claims::parse(claims.to_string().as_bytes()).unwrap();
        AccessToken::read(claims, Timestamp::from_unix(1_763_765_300))
    }

    #[test]
    fn jw_07_a_claim_of_the_wrong_type_refuses_the_token() {
        for wrong in [
            json!({ "sub": 1 }),
            json!({ "sub": "" }),
            json!({ "jti": null }),
            json!({ "client_id": [] }),
            json!({ "scope": ["a"] }),
            json!({ "scope": "a\"b" }),
            json!({ "sid": 1 }),
            json!({ "auth_time": "yesterday" }),
            json!({ "auth_time": 1.5 }),
            json!({ "acr": [] }),
            json!({ "amr": "pwd" }),
            json!({ "roles": "admin" }),
            json!({ "roles": ["admin", 1] }),
            json!({ "groups": {} }),
            json!({ "act": "service" }),
            json!({ "cnf": "key" }),
        ] {
            assert!(token(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_the_token_says_is_there_to_use() {
        let token = token(json!({
            "scope": "orders:read", "roles": ["clerk"], "groups": ["shop"], "amr": ["pwd"],
            "auth_time": 1_763_764_000, "sid": "s1", "act": { "sub": "svc" }, "tier": "gold",
        }))
        .unwrap();
        assert!(token.has_role("clerk") && !token.has_role("admin"));
        assert_eq!(token.groups, ["shop"]);
        assert_eq!(token.act, Some(json!({ "sub": "svc" })));
        assert_eq!(token.actors(), ["svc"]);
        assert_eq!(token.claims["tier"], "gold");
        assert_eq!(token.require_scope("orders:read"), Ok(()));
        let needed = VerifyError::InsufficientScope { scope: "orders:write".into() };
        assert_eq!(token.require_scope("orders:write"), Err(needed));
    }
}
