//! Token exchange (RFC 8693): an access token for a service becomes one for the next, about the
//! same person.
//!
//! What comes of a token is never more than that was: no wider scope, no longer life, bound to the
//! same key, and it ends with it. Whom it may be for and who may act in it, the policy of the client
//! says (`ExchangePolicy`). With an `actor_token` the new token names who acts, and before it those
//! who did; they stay in it whoever exchanges it next.

use super::{Exchange, Grant, Person, Redemption, Subject};
use crate::domain::audit::{Actor, EventExt};
use crate::domain::clients::{self, RegisteredClient};
use crate::domain::provider::Provider;
use crate::domain::resources::Target;
use crate::domain::revocation;
use crate::domain::tokens::presented::{self, Presented};
use crate::protocol::client::{AccessTokenFormat, GrantType};
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::protocol::resource::MAX_RESOURCES;
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;
use crate::protocol::token_exchange::{TokenType, acting, actors};
use crate::storage::audit::NewEvent;
use crate::storage::issued_tokens::{self, Hold, IssuedToken};
use crate::storage::{DbConnection, StorageError, authorizations};
use async_trait::async_trait;
use serde_json::Value;
use std::sync::Arc;

/// Exchanges a token for another.
pub struct TokenExchangeGrant;

/// What the database says of a token that is to be exchanged.
struct Found {
    subject: Subject,
    /// The most that can come of it.
    ceiling: Scope,
    earliest_iat: Timestamp,
}

#[async_trait]
impl Grant for TokenExchangeGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::TokenExchange
    }

    #[tracing::instrument(level = "debug", name = "grant.token_exchange", skip_all, fields(client.id = %client.id))]
    async fn redeem(
        &self,
        provider: &Provider,
        client: &RegisteredClient,
        params: &Params,
        _actor: &Actor,
    ) -> Result<Redemption, OAuthError> {
        check_client(client)?;
        let subject_token = read_subject(provider, client, params).await?;
        let actor_token = read_actor(provider, client, params).await?;
        let act = act(client, &subject_token, actor_token.as_deref())?;
        let target = target(provider, client, params).await?;
        let issued = issued(params, client, &target)?;
        let tokens = (subject_token.clone(), actor_token.clone());
        let found = find(provider, client, tokens).await?.ok_or_else(unusable)?;
        check_service(provider, &found.subject).await?;
        let scope = super::narrowed(params, &allowed(client, &found.ceiling))?;
        if target.leaves_nothing_of(&scope) {
            return Err(OAuthError::invalid_scope("nothing of the scope is for that audience"));
        }
        let of_actor = actor_token.as_ref().map(|token| token.confirmation.clone());
        let of_actor = of_actor.unwrap_or_default();
        if !subject_token.confirmation.agrees_with(&of_actor) {
            return Err(OAuthError::invalid_request("the two tokens are bound to different keys"));
        }
        Ok(Redemption {
            subject: found.subject,
            scope,
            target,
            spend: None,
            refresh: None,
            earliest_iat: found.earliest_iat,
            bound_to: subject_token.confirmation.clone().and(&of_actor),
            confirmation: Confirmation::default(),
            exchange: Some(Box::new(Exchange { subject_token, actor_token, act, issued })),
            begins: false,
        })
    }
}

/// One answer for tokens that are no access tokens of ours, have ended, or are not for the client,
/// so that nobody learns which it is (§2.2.2).
pub fn unusable() -> OAuthError {
    OAuthError::invalid_request("a token that is exchanged is not valid for this client")
}

/// The entry of the audit log.
pub fn event(exchange: &Exchange, actor: &Actor, now: Timestamp) -> NewEvent {
    let event =
        actor.event("token.exchange", now).target(format!("token:{}", exchange.subject_token.jti));
    match &exchange.actor_token {
        Some(token) => event.details(format!("acting: {}", token.subject)),
        None => event,
    }
}

/// Whether the tokens are good still; they stay so until the transaction ends, or whoever ends them
/// sees what came of them.
///
/// # Errors
///
/// Those of the database.
pub fn hold(
    conn: &mut DbConnection,
    exchange: &Exchange,
    now: Timestamp,
) -> Result<bool, StorageError> {
    issued_tokens::hold(conn, &exchange.subject_token.jti, Hold::Shared)?;
    for token in exchange.tokens() {
        if token.is_revoked(conn, now)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whoever exchanges proves who it is, and has been told for whom.
fn check_client(client: &RegisteredClient) -> Result<(), OAuthError> {
    let refuse = |why: &'static str| Err(OAuthError::new(ErrorCode::UnauthorizedClient, why));
    if client.is_public() {
        return refuse("a public client cannot exchange tokens");
    }
    match client.policy.exchange.audiences.is_empty() {
        true => refuse("the client may not exchange tokens for anybody"),
        false => Ok(()),
    }
}

async fn read_subject(
    provider: &Provider,
    client: &RegisteredClient,
    params: &Params,
) -> Result<Arc<Presented>, OAuthError> {
    let text = params.required("subject_token")?;
    let kind = TokenType::parse("subject_token_type", params.required("subject_token_type")?)?;
    read(provider, client, text, kind).await
}

async fn read_actor(
    provider: &Provider,
    client: &RegisteredClient,
    params: &Params,
) -> Result<Option<Arc<Presented>>, OAuthError> {
    match (params.one("actor_token")?, params.one("actor_token_type")?) {
        (None, None) => Ok(None),
        (Some(text), Some(kind)) => {
            let kind = TokenType::parse("actor_token_type", kind)?;
            read(provider, client, text, kind).await.map(Some)
        }
        _ => Err(OAuthError::invalid_request("actor_token and actor_token_type go together")),
    }
}

/// A token that the client got itself, or that was sent to it: others are not its to exchange (§5).
async fn read(
    provider: &Provider,
    client: &RegisteredClient,
    text: &str,
    kind: TokenType,
) -> Result<Arc<Presented>, OAuthError> {
    if kind == TokenType::Jwt && !text.contains('.') {
        return Err(unusable());
    }
    let token = presented::read(provider, text).await?.ok_or_else(unusable)?;
    let serves = &client.policy.resource_server_of;
    let is_for = |audience: &str| {
        audience == client.id || serves.iter().any(|resource| resource == audience)
    };
    match token.client_id == client.id || token.audience.split(' ').any(is_for) {
        true => Ok(token),
        false => Err(unusable()),
    }
}

/// The `act` claim of the new token (§4.1), when all agree to it: the policy of the client, and the
/// token about its subject (§4.4).
fn act(
    client: &RegisteredClient,
    subject_token: &Presented,
    actor_token: Option<&Presented>,
) -> Result<Option<Value>, OAuthError> {
    let policy = &client.policy.exchange;
    let before = subject_token.claims.get("act");
    let act = match actor_token {
        None if !policy.impersonation => {
            let says = "the client may only exchange tokens with an actor_token";
            return Err(OAuthError::invalid_request(says));
        }
        None => before.cloned(),
        Some(actor) if !policy.actors.contains(&actor.subject) => {
            let says = "the subject of the actor_token may not act for others at this client";
            return Err(OAuthError::invalid_request(says));
        }
        Some(actor) if actor.claims.contains_key("act") => {
            return Err(OAuthError::invalid_request("somebody else acts in the actor_token"));
        }
        Some(actor) => Some(acting(&actor.subject, before)),
    };
    if actors(act.as_ref()) > policy.most_actors() {
        return Err(OAuthError::invalid_request("too many act one for the other"));
    }
    check_may_act(client, subject_token, actor_token)?;
    Ok(act)
}

/// All that `may_act` says must hold of who acts: of the actor token, or of the client itself.
fn check_may_act(
    client: &RegisteredClient,
    subject_token: &Presented,
    actor_token: Option<&Presented>,
) -> Result<(), OAuthError> {
    let Some(may_act) = subject_token.claims.get("may_act") else { return Ok(()) };
    let members = may_act.as_object().filter(|members| !members.is_empty());
    let holds = |(name, value): (&String, &Value)| match actor_token {
        Some(actor) => actor.claims.get(name) == Some(value),
        None => name == "sub" && value == client.id.as_str(),
    };
    match members.is_some_and(|members| members.iter().all(holds)) {
        true => Ok(()),
        false => Err(OAuthError::invalid_request("may_act of the subject_token names another")),
    }
}

/// Whom the new token is for: what `audience` and `resource` name (§2.1), as far as the policy
/// allows it. Without them, the only one that it allows.
async fn target(
    provider: &Provider,
    client: &RegisteredClient,
    params: &Params,
) -> Result<Target, OAuthError> {
    let refuse = |why| OAuthError::new(ErrorCode::InvalidTarget, why);
    let allowed = &client.policy.exchange.audiences;
    let mut wanted: Vec<&str> = Vec::new();
    for one in params.all("audience").chain(params.all("resource")).filter(|one| !one.is_empty()) {
        if !allowed.iter().any(|allowed| allowed == one) {
            return Err(refuse("the client may not exchange tokens for that audience"));
        }
        if !wanted.contains(&one) {
            wanted.push(one);
        }
    }
    match (&wanted[..], &allowed[..]) {
        ([], [only]) => wanted.push(only),
        ([], _) => return Err(refuse("name whom the token is for: audience or resource")),
        (many, _) if many.len() > MAX_RESOURCES => return Err(refuse("more than 10 audiences")),
        _ => {}
    }
    Target::of_all(provider, client, &wanted).await
}

/// What the client gets, if that is what it asks for (§2.1).
fn issued(
    params: &Params,
    client: &RegisteredClient,
    target: &Target,
) -> Result<TokenType, OAuthError> {
    let Some(asked) = params.one("requested_token_type")? else {
        return Ok(TokenType::AccessToken);
    };
    let asked = TokenType::parse("requested_token_type", asked)?;
    let is_opaque = target.look(client).format == AccessTokenFormat::Opaque;
    match asked == TokenType::Jwt && is_opaque {
        true => Err(OAuthError::invalid_request("tokens for that audience are no JWTs")),
        false => Ok(asked),
    }
}

/// A sign-in does not pass from one client to another, and neither does staying signed in.
fn allowed(client: &RegisteredClient, ceiling: &Scope) -> Scope {
    let own = ceiling.intersection(&client.metadata.scope);
    let own = own.without("openid").without("offline_access");
    match &client.policy.exchange.scope {
        all if all.is_empty() => own,
        some => own.intersection(some),
    }
}

/// Looks up whom the subject token is about. `None` when one of the tokens has ended.
async fn find(
    provider: &Provider,
    client: &RegisteredClient,
    (subject_token, actor_token): (Arc<Presented>, Option<Arc<Presented>>),
) -> Result<Option<Found>, OAuthError> {
    let (now, client_id) = (provider.now(), client.id.clone());
    let issuing_at = provider.issuing_at();
    let found = provider.db.read_by_key(move |conn| {
        let tokens = std::iter::once(&subject_token).chain(&actor_token);
        for token in tokens {
            if token.is_revoked(conn, now)? {
                return Ok(None);
            }
        }
        let (jti, expires_at) = (&subject_token.jti, subject_token.expires_at);
        let record = issued_tokens::find(conn, jti, expires_at)?;
        let Some(subject) = subject(conn, &subject_token, record.as_ref())? else {
            return Ok(None);
        };
        let earliest_iat = match &subject {
            Subject::Person(person) => {
                let sid = person.authorization.sid.as_deref();
                revocation::earliest_iat(conn, &person.user.id, &client_id, sid, issuing_at)?
            }
            Subject::Client => issuing_at,
            Subject::Service(id) => {
                revocation::earliest_iat(conn, id, &client_id, None, issuing_at)?
            }
        };
        let granted = record.and_then(|record| record.granted_scope);
        let granted = granted.map(|text| text.parse());
        let ceiling = granted.transpose();
        let ceiling = ceiling.map_err(|_| StorageError::Corrupt("issued_tokens.granted_scope"))?;
        let ceiling = ceiling.unwrap_or_else(|| subject_token.scope.clone());
        Ok(Some(Found { subject, ceiling, earliest_iat }))
    });
    Ok(found.await?)
}

/// A person by the authorization that the token is of, or a client by a token about itself. Tokens
/// of people have a record always, so one without is the client's that it names.
fn subject(
    conn: &mut DbConnection,
    token: &Presented,
    record: Option<&IssuedToken>,
) -> Result<Option<Subject>, StorageError> {
    let Some(id) = record.and_then(|record| record.authorization_id.as_deref()) else {
        let is_about_itself = record.is_some() || token.subject == token.client_id;
        return Ok(is_about_itself.then(|| Subject::Service(token.subject.clone())));
    };
    let authorization = authorizations::find(conn, id)?.filter(|of| !of.revoked);
    let Some(authorization) = authorization else { return Ok(None) };
    let person = Person::find(conn, authorization)?;
    Ok(person.map(|person| Subject::Person(Box::new(person))))
}

/// A client that was switched off is nobody to act for.
async fn check_service(provider: &Provider, subject: &Subject) -> Result<(), OAuthError> {
    let Subject::Service(id) = subject else { return Ok(()) };
    match clients::find(provider, id).await? {
        Some(_) => Ok(()),
        None => Err(unusable()),
    }
}
