//! The ways a client can ask for tokens at the token endpoint (RFC 6749 §1.3, §4).
//!
//! A grant proves that the client may have something and says what: a [`Redemption`]. It does not
//! authenticate the client, sign a token or touch HTTP; those happen once, around every grant. To
//! add one, write a file here and name it in [`Grants::standard`]. Discovery follows.

pub mod authorization_code;
pub mod ciba;
pub mod client_credentials;
pub mod device_code;
pub mod jwt_bearer;
pub mod refresh_token;
pub mod token_exchange;

use super::audit::Actor;
use super::clients::RegisteredClient;
use super::digest;
use super::provider::Provider;
use crate::domain::resources::Target;
use crate::domain::tokens::presented::Presented;
use crate::protocol::client::GrantType;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::protocol::scope::Scope;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::protocol::token_exchange::TokenType;
use crate::storage::authorizations::Authorization;
use crate::storage::users::User;
use crate::storage::{DbConnection, StorageError, users};
use async_trait::async_trait;
use serde_json::Value;
use std::sync::Arc;

/// What a grant proved: for whom, how much, and what is used up when tokens come of it.
#[derive(Debug, Clone)]
pub struct Redemption {
    pub subject: Subject,
    /// The scope of the access token, before it is cut to what its target knows.
    pub scope: Scope,
    /// Whom the access token is for.
    pub target: Target,
    /// Spent by the token issuer, in the transaction that writes the tokens.
    pub spend: Option<OneTimeValue>,
    /// The refresh token to give with it, if any.
    pub refresh: Option<RefreshPlan>,
    /// The earliest `iat` that no watermark covers, as it was when the grant was proven.
    pub earliest_iat: Timestamp,
    /// What the sender must show to hold, because what is spent is bound to it.
    pub bound_to: Confirmation,
    /// What the tokens become bound to. The token endpoint says so; a grant leaves it empty.
    pub confirmation: Confirmation,
    /// What an exchange brings into the access token.
    pub exchange: Option<Box<Exchange>>,
    /// Whether the authorization begins with these tokens, and is written with them.
    pub begins: bool,
}

impl Redemption {
    /// The error for a sender that does not hold what it must, in the words of the grant.
    pub fn refused(&self, error: OAuthError) -> OAuthError {
        match self.exchange {
            None => error,
            Some(_) => OAuthError { code: ErrorCode::InvalidRequest, ..error },
        }
    }
}

/// What token exchange (RFC 8693) says of the token that comes of it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The token that is exchanged: what comes of it ends with it.
    pub subject_token: Arc<Presented>,
    /// The token of who acts. Both must be good when the new token is written.
    pub actor_token: Option<Arc<Presented>>,
    /// The `act` claim (§4.1).
    pub act: Option<Value>,
    /// What the client is told that it got (§2.2.1).
    pub issued: TokenType,
}

impl Exchange {
    /// The new token outlives none of those it came of.
    pub fn expires_at(&self) -> Timestamp {
        self.tokens().map(|token| token.expires_at).min().unwrap_or(self.subject_token.expires_at)
    }

    /// The tokens that it came of.
    pub fn tokens(&self) -> impl Iterator<Item = &Arc<Presented>> {
        std::iter::once(&self.subject_token).chain(&self.actor_token)
    }
}

/// Whom the tokens are about.
#[derive(Debug, Clone)]
pub enum Subject {
    /// The client itself (RFC 6749 §4.4).
    Client,
    /// A person, by what they let the client have.
    Person(Box<Person>),
    /// Another client, by a token about itself (RFC 8693).
    Service(String),
}

/// A person with what tokens say of them.
#[derive(Debug, Clone)]
pub struct Person {
    pub authorization: Authorization,
    pub user: User,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
}

impl Person {
    /// Reads the person behind an authorization; `None` when they are gone or blocked.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub fn find(
        conn: &mut DbConnection,
        authorization: Authorization,
    ) -> Result<Option<Self>, StorageError> {
        let Some(user) = users::find(conn, &authorization.user_id)? else { return Ok(None) };
        if user.blocked_at.is_some() {
            return Ok(None);
        }
        let (roles, groups) = users::roles_and_groups(conn, &user.id)?;
        Ok(Some(Self { authorization, user, roles, groups }))
    }

    /// The earliest `iat` of a token of theirs.
    fn earliest_iat(&self, provider: &Provider) -> Timestamp {
        let of = &self.authorization;
        let (sid, now) = (of.sid.as_deref(), provider.issuing_at());
        provider.revocation.earliest_iat_of_user(&of.user_id, &of.client_id, sid, now)
    }
}

/// A value that works once, in the form it is stored in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OneTimeValue {
    /// The code of the authorization that the tokens are for.
    AuthorizationCode,
    /// By the hash of its code: somebody decided elsewhere.
    DeferredRequest(String),
    /// By what it is stored under, with that of its successor.
    RefreshToken { hash: String, successor_hash: String },
    /// A refresh token that stays good, and until when. Any number of uses win.
    KeptRefreshToken { hash: String, expires_at: Timestamp },
    /// The `jti` of an assertion, which is remembered until it expires.
    Assertion { hash: String, expires_at: Timestamp },
    /// A spent refresh token whose answer was lost: accepted once more, for the same successor.
    RetriedRefreshToken { hash: String, successor_hash: String },
}

/// The refresh token that goes out.
#[derive(Clone)]
pub struct RefreshPlan {
    pub value: String,
    /// What it may be used for: the whole scope that was granted, whatever this token has.
    pub scope: Scope,
    pub expires_at: Timestamp,
    /// False when it is in the database already.
    pub is_new: bool,
}

/// The value is a secret.
impl std::fmt::Debug for RefreshPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RefreshPlan(expires_at: {:?})", self.expires_at)
    }
}

/// A way to get tokens.
#[async_trait]
pub trait Grant: Send + Sync {
    /// The `grant_type` this grant answers to.
    fn grant_type(&self) -> GrantType;

    /// Checks the proof in `params`. Nothing is used up until tokens are written; but a proof that
    /// gives a theft away ends what was stolen, and `actor` stands in the audit log then.
    async fn redeem(
        &self,
        provider: &Provider,
        client: &RegisteredClient,
        params: &Params,
        actor: &Actor,
    ) -> Result<Redemption, OAuthError>;
}

/// The grants this server offers.
pub struct Grants(Vec<Box<dyn Grant>>);

impl Grants {
    /// All there are.
    pub fn standard() -> Self {
        Self(vec![
            Box::new(authorization_code::AuthorizationCodeGrant),
            Box::new(refresh_token::RefreshTokenGrant),
            Box::new(client_credentials::ClientCredentialsGrant),
            Box::new(jwt_bearer::JwtBearerGrant),
            Box::new(token_exchange::TokenExchangeGrant),
            Box::new(device_code::DeviceCodeGrant),
            Box::new(ciba::CibaGrant),
        ])
    }

    /// `grant_types_supported` of the discovery document (RFC 8414 §2).
    pub fn supported(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.iter().map(|grant| grant.grant_type().as_str())
    }

    /// The grant for `grant_type`, if we offer it and this client is registered for it.
    ///
    /// # Errors
    ///
    /// `unsupported_grant_type` or `unauthorized_client` (RFC 6749 §5.2).
    pub fn find(
        &self,
        grant_type: &str,
        client: &RegisteredClient,
    ) -> Result<&dyn Grant, OAuthError> {
        let grant = self.0.iter().find(|grant| grant.grant_type().as_str() == grant_type);
        let Some(grant) = grant else {
            return Err(OAuthError::new(
                ErrorCode::UnsupportedGrantType,
                "this server does not offer that grant_type",
            ));
        };
        match client.may_use(grant.grant_type()) {
            true => Ok(grant.as_ref()),
            false => Err(OAuthError::new(
                ErrorCode::UnauthorizedClient,
                "the client is not registered for that grant_type",
            )),
        }
    }
}

/// The scope of an access token: what was granted, or the part of it that is asked for.
///
/// # Errors
///
/// `invalid_scope` when more is asked for than was granted (RFC 6749 §6).
fn narrowed(params: &Params, granted: &Scope) -> Result<Scope, OAuthError> {
    let Some(asked) = params.one("scope")? else { return Ok(granted.clone()) };
    let asked: Scope = asked.parse()?;
    match asked.is_within(granted) && !asked.is_empty() {
        true => Ok(asked),
        false => Err(OAuthError::invalid_scope("scope is more than was granted")),
    }
}

/// A refresh token for those who asked to stay, or whose client always gets one.
fn first_refresh_token(
    provider: &Provider,
    client: &RegisteredClient,
    authorization: &Authorization,
) -> Option<RefreshPlan> {
    let wanted = authorization.offline || client.policy.always_refresh_token;
    (wanted && client.may_use(GrantType::RefreshToken)).then(|| RefreshPlan {
        value: digest::refresh_token(provider.now(), &provider.random.secret()),
        scope: authorization.scope.clone(),
        expires_at: refresh_expiry(provider, authorization),
        is_new: true,
    })
}

/// When a refresh token that is issued now dies: unused for long, or its family too old.
fn refresh_expiry(provider: &Provider, authorization: &Authorization) -> Timestamp {
    let idle: Lifetime = provider.tokens.refresh_token_idle;
    let absolute = authorization.created_at + provider.tokens.refresh_token_absolute;
    (provider.now() + idle).min(absolute)
}
