//! The JWT bearer grant (RFC 7523 §2.1): somebody whom we trust says for whom the client asks.
//!
//! The person was here perhaps never, so nothing of a session is in the tokens: no `sid`, no sign-in,
//! no refresh token. An assertion is good once.

use super::{Grant, OneTimeValue, Person, Redemption, Subject};
use crate::domain::audit::Actor;
use crate::domain::clients::{RegisteredClient, jwks};
use crate::domain::digest::digest;
use crate::domain::issuers::{self, KnownIssuer};
use crate::domain::provider::Provider;
use crate::domain::resources::Target;
use crate::domain::revocation;
use crate::jose::{Claims, Expected, JoseError, SigningAlgorithm, TimeCheck, gate};
use crate::protocol::claims::ClaimsRequest;
use crate::protocol::client::GrantType;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::protocol::scope::Scope;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::protocol::trusted_issuer::NamedBy;
use crate::storage::authorizations::Authorization;
use crate::storage::users::{self, User};
use crate::storage::{DbConnection, StorageError, trusted_issuers};
use async_trait::async_trait;

/// How assertions may be signed: never with a secret.
const ALGORITHMS: [SigningAlgorithm; 4] = [
    SigningAlgorithm::ES256,
    SigningAlgorithm::RS256,
    SigningAlgorithm::PS256,
    SigningAlgorithm::EdDSA,
];
const EXPECTED: Expected<'static> = Expected::new(&["JWT"], &ALGORITHMS).or_absent();
/// How far the clock of the issuer may be off, in seconds.
const LEEWAY_SECONDS: u32 = 60;
/// How far ahead an assertion may expire, and how old it may be, in seconds.
const MAX_LIFE_SECONDS: u32 = 3600;
/// The longest `jti`, in bytes.
const MAX_JTI_BYTES: usize = 256;

/// Exchanges an assertion for a token.
pub struct JwtBearerGrant;

/// What a good assertion says.
struct Assertion {
    claims: Claims,
    subject: String,
    jti: String,
    remember_until: Timestamp,
}

#[async_trait]
impl Grant for JwtBearerGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::JwtBearer
    }

    #[tracing::instrument(level = "debug", name = "grant.jwt_bearer", skip_all, fields(client.id = %client.id))]
    async fn redeem(
        &self,
        provider: &Provider,
        client: &RegisteredClient,
        params: &Params,
        _actor: &Actor,
    ) -> Result<Redemption, OAuthError> {
        if client.is_public() {
            let says = "a public client cannot bring assertions";
            return Err(OAuthError::new(ErrorCode::UnauthorizedClient, says));
        }
        let sent = params.required("assertion")?;
        let (issuer, assertion) = verify(provider, client, sent).await?;
        let target = Target::of(provider, client, params, None).await?;
        let scope = super::narrowed(params, &allowed(client, &issuer))?;
        let spend = OneTimeValue::Assertion {
            hash: digest(&format!("{}\n{}", issuer.issuer, assertion.jti)),
            expires_at: assertion.remember_until,
        };
        let (person, earliest_iat) = find(provider, client, &issuer, assertion, scope.clone())
            .await?
            .ok_or_else(|| refused("its subject is nobody here"))?;
        Ok(Redemption {
            subject: Subject::Person(Box::new(person)),
            scope,
            target,
            spend: Some(spend),
            refresh: None,
            earliest_iat,
            bound_to: Confirmation::default(),
            confirmation: Confirmation::default(),
            exchange: None,
            begins: true,
        })
    }
}

/// One answer for whatever is wrong (RFC 7523 §3.1); the log says what.
fn refused(cause: impl std::fmt::Display) -> OAuthError {
    tracing::debug!(%cause, "assertion refused");
    OAuthError::invalid_grant("the assertion is not valid for this client, or not any more")
}

/// An assertion of an issuer that we trust, brought by a client that may.
async fn verify(
    provider: &Provider,
    client: &RegisteredClient,
    sent: &str,
) -> Result<(std::sync::Arc<KnownIssuer>, Assertion), OAuthError> {
    let token = gate(sent, &EXPECTED).map_err(refused)?;
    let claimed = token.peek_claims().map_err(refused)?;
    let iss = claimed.required_str("iss").map_err(refused)?;
    let issuer = issuers::find(provider, iss).await?.ok_or_else(|| refused("unknown issuer"))?;
    if !issuer.settings.clients.contains(&client.id) {
        return Err(refused("the client may not bring assertions of this issuer"));
    }
    let (kid, alg) = (token.kid(), token.algorithm());
    let keys = jwks::matching(provider, &issuer.keys, &issuer.issuer, kid, alg).await;
    let claims = token.verify_with_any(keys.iter().map(AsRef::as_ref)).map_err(refused)?;
    let assertion = read(provider, claims).map_err(refused)?;
    Ok((issuer, assertion))
}

/// The rules of RFC 7523 §3.
fn read(provider: &Provider, claims: Claims) -> Result<Assertion, JoseError> {
    let time = TimeCheck { now: provider.now(), leeway_seconds: LEEWAY_SECONDS };
    let token_endpoints = provider.addresses("/token");
    match &claims.required_audience()?[..] {
        [aud] if *aud == provider.issuer || token_endpoints.contains(aud) => {}
        _ => return Err(JoseError::Claim { name: "aud", problem: "is not this server" }),
    }
    let expires_at = time.require_exp_within(&claims, MAX_LIFE_SECONDS)?;
    time.check_nbf(&claims)?;
    if let Some(issued_at) = time.check_iat(&claims)?
        && time.now.seconds_since(issued_at) > i64::from(MAX_LIFE_SECONDS)
    {
        return Err(JoseError::Claim { name: "iat", problem: "is too long ago" });
    }
    let subject = claims.required_str("sub")?.to_owned();
    let jti = claims.required_str("jti")?.to_owned();
    if jti.is_empty() || jti.len() > MAX_JTI_BYTES {
        return Err(JoseError::Claim { name: "jti", problem: "is empty or too long" });
    }
    let remember_until = expires_at + Lifetime::seconds(LEEWAY_SECONDS);
    Ok(Assertion { claims, subject, jti, remember_until })
}

/// What the issuer may vouch for at this client: no sign-in, and nothing that stays.
fn allowed(client: &RegisteredClient, issuer: &KnownIssuer) -> Scope {
    let own = client.metadata.scope.without("openid").without("offline_access");
    match &issuer.settings.scope {
        all if all.is_empty() => own,
        some => own.intersection(some),
    }
}

/// The person that the assertion means, with a new authorization.
async fn find(
    provider: &Provider,
    client: &RegisteredClient,
    issuer: &KnownIssuer,
    assertion: Assertion,
    scope: Scope,
) -> Result<Option<(Person, Timestamp)>, OAuthError> {
    let (now, issuer) = (provider.now(), (**issuer).clone());
    let authorization = Authorization {
        id: provider.random.id(),
        client_id: client.id.clone(),
        user_id: String::new(),
        sid: None,
        scope,
        claims: ClaimsRequest::default(),
        resources: Vec::new(),
        details: Default::default(),
        nonce: None,
        auth_time: now,
        acr: String::new(),
        amr: String::new(),
        offline: true,
        created_at: now,
        expires_at: now + provider.longest_token_life(),
        revoked: false,
    };
    let issuing_at = provider.issuing_at();
    let found = provider.db.read(move |conn| {
        let Some(user) = user(conn, &issuer, &assertion)? else { return Ok(None) };
        let authorization = Authorization { user_id: user.id, ..authorization };
        let client_id = authorization.client_id.clone();
        let Some(person) = Person::find(conn, authorization)? else { return Ok(None) };
        let (user, sid) = (&person.user.id, None);
        let earliest = revocation::earliest_iat(conn, user, &client_id, sid, issuing_at)?;
        Ok(Some((person, earliest)))
    });
    Ok(found.await?)
}

/// By the issuer and its subject, else by what the claim names that the issuer is trusted with.
fn user(
    conn: &mut DbConnection,
    issuer: &crate::protocol::trusted_issuer::TrustedIssuer,
    assertion: &Assertion,
) -> Result<Option<User>, StorageError> {
    if let Some(id) = trusted_issuers::user_of(conn, &issuer.id, &assertion.subject)? {
        return users::find(conn, &id);
    }
    let name = issuer.settings.user_claim.as_deref().and_then(|name| assertion.claims.get(name));
    let Some(value) = name.and_then(|name| name.as_str()) else { return Ok(None) };
    let same = |text: Option<&str>| {
        text.is_some_and(|text| users::canonical(text) == users::canonical(value))
    };
    Ok(match issuer.settings.named_by {
        NamedBy::Id => users::find(conn, value)?,
        NamedBy::Username => {
            users::find_by_login_name(conn, value)?.filter(|user| same(user.username.as_deref()))
        }
        NamedBy::Email => users::find_by_login_name(conn, value)?
            .filter(|user| user.email_verified && same(Some(&user.email))),
    })
}
