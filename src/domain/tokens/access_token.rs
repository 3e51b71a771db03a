//! Access tokens (RFC 9068): signed, signed and encrypted, or opaque.

use crate::domain::clients::RegisteredClient;
use crate::domain::digest::digest;
use crate::domain::fault::signing;
use crate::domain::grants::{Person, Redemption, Subject};
use crate::domain::private_claims;
use crate::domain::provider::Provider;
use crate::domain::resources::target::{Audience, Look};
use crate::domain::subject;
use crate::domain::tokens::status::{Place, Status};
use crate::jose::Typ;
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::client::AccessTokenFormat;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::OAuthError;
use crate::protocol::scope::Scope;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::issued_tokens::IssuedToken;
use serde::Serialize;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The claims of an access token (RFC 9068 §2.2).
#[derive(Debug, Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: Cow<'a, str>,
    aud: Audience<'a>,
    client_id: &'a str,
    iat: Timestamp,
    nbf: Timestamp,
    exp: Timestamp,
    jti: &'a str,
    #[serde(skip_serializing_if = "Scope::is_empty")]
    scope: &'a Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amr: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    roles: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    groups: &'a [String],
    /// RFC 9396 §9.1.
    #[serde(skip_serializing_if = "AuthorizationDetails::is_empty")]
    authorization_details: &'a AuthorizationDetails,
    #[serde(skip_serializing_if = "Confirmation::is_empty")]
    cnf: &'a Confirmation,
    /// RFC 8693 §4.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<&'a Value>,
    /// RFC 8693 §4.4.
    #[serde(skip_serializing_if = "Option::is_none")]
    may_act: Option<MayAct<'a>>,
    /// IETF Token Status List §6.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

/// The same, with what the rules of a resource or client add. Their names are none of the others.
#[derive(Serialize)]
struct WithPrivate<'a> {
    #[serde(flatten)]
    claims: &'a Claims<'a>,
    #[serde(flatten)]
    private: Map<String, Value>,
}

/// Who alone may act with a token.
#[derive(Debug, Serialize)]
struct MayAct<'a> {
    sub: &'a str,
}

/// An access token with the record that finds it again.
pub struct AccessToken {
    /// As it goes to the client.
    pub value: String,
    pub lifetime: Lifetime,
    /// Absent when nothing needs to find it: a signed token without a user.
    pub record: Option<IssuedToken>,
}

/// Makes an access token that is issued at `iat`.
///
/// # Errors
///
/// `server_error` when signing fails.
pub fn make(
    provider: &Provider,
    client: &RegisteredClient,
    redemption: &Redemption,
    iat: Timestamp,
) -> Result<AccessToken, OAuthError> {
    let look = redemption.target.look(client);
    let lifetime = look.lifetime.map_or(provider.tokens.access_token, Lifetime::seconds);
    let lifetime = within(lifetime, redemption, iat)?;
    let jti = provider.random.id_at(iat);
    let scope = redemption.target.scope(&redemption.scope);
    let person = match &redemption.subject {
        Subject::Person(person) => Some(person.as_ref()),
        Subject::Client | Subject::Service(_) => None,
    };
    let times = (iat, iat + lifetime);
    let place = look.tells_status.then(|| Place::draw(provider.random.as_ref(), iat + lifetime));
    let mut claims = claims(provider, client, redemption, person, times, (&jti, &scope));
    claims.status = place.map(|place| place.claim(provider));
    let rules = redemption.target.private_claims(client);
    let readable_by_us_only = look.format != AccessTokenFormat::Jwt || look.own_key.is_some();
    let ((value, kid), written) = match rules.is_empty() {
        true => (write(provider, &look, &claims)?, readable_by_us_only.then(|| json(&claims))),
        false => {
            let all = WithPrivate { claims: &claims, private: private_claims::of(rules, person) };
            (write(provider, &look, &all)?, readable_by_us_only.then(|| json(&all)))
        }
    };
    let parent = redemption.exchange.as_ref().map(|exchange| &exchange.subject_token.jti);
    let must_be_found =
        person.is_some() || readable_by_us_only || parent.is_some() || place.is_some();
    let record = must_be_found.then(|| IssuedToken {
        client_id: client.id.clone(),
        user_id: person.map(|person| person.user.id.clone()),
        authorization_id: person.map(|person| person.authorization.id.clone()),
        sid: person.and_then(|person| person.authorization.sid.clone()),
        issued_at: iat.as_unix(),
        expires_at: (iat + lifetime).as_unix(),
        token_hash: readable_by_us_only.then(|| digest(&value)),
        claims: written.flatten(),
        jti: jti.clone(),
        parent_jti: parent.cloned(),
        granted_scope: (*scope != redemption.scope).then(|| redemption.scope.to_string()),
        status_list: place.map(|place| place.list),
        status_index: place.map(|place| place.index),
        kid: kid.filter(|_| readable_by_us_only || place.is_some()),
    });
    Ok(AccessToken { value, lifetime, record })
}

/// Claims as they are kept.
fn json(claims: &impl Serialize) -> Option<String> {
    serde_json::to_string(claims).ok()
}

/// What comes of another token lives no longer than that.
fn within(
    lifetime: Lifetime,
    redemption: &Redemption,
    iat: Timestamp,
) -> Result<Lifetime, OAuthError> {
    let Some(exchange) = &redemption.exchange else { return Ok(lifetime) };
    let left = u32::try_from(exchange.expires_at().seconds_since(iat)).unwrap_or(0);
    match left {
        0 => Err(OAuthError::invalid_request("a token that is exchanged is not valid any longer")),
        left => Ok(lifetime.min(Lifetime::seconds(left))),
    }
}

/// The token as it goes out: signed, signed and encrypted, or a random value. With the key of ours
/// that signed it.
fn write(
    provider: &Provider,
    look: &Look<'_>,
    claims: &impl Serialize,
) -> Result<(String, Option<String>), OAuthError> {
    if look.format == AccessTokenFormat::Opaque {
        return Ok((provider.random.secret(), None));
    }
    let keys = provider.keys.current();
    let key = match look.own_key {
        Some(key) => key,
        None => keys.signing(look.algorithm)?,
    };
    let signed = key.sign(Typ::AccessToken, claims).map_err(signing)?;
    let kid = look.own_key.is_none().then(|| key.kid().to_owned());
    if look.format == AccessTokenFormat::Jwt {
        return Ok((signed, kid));
    }
    let recipient = match look.recipient {
        Some(key) => key,
        None => keys.encryption()?,
    };
    Ok((recipient.encrypt_jwt(&signed, Some("at+jwt")).map_err(signing)?, kid))
}

fn claims<'a>(
    provider: &'a Provider,
    client: &'a RegisteredClient,
    redemption: &'a Redemption,
    person: Option<&'a Person>,
    (iat, exp): (Timestamp, Timestamp),
    (jti, scope): (&'a str, &'a Scope),
) -> Claims<'a> {
    let authorization = person.map(|person| &person.authorization);
    // Nobody signed in where somebody else vouched for the person.
    let signed_in = authorization.filter(|authorization| !authorization.acr.is_empty());
    Claims {
        iss: &provider.issuer,
        // A client's own token names the client; user ids are random, so the two never meet.
        sub: match &redemption.subject {
            Subject::Person(person) => subject::of(provider, client, &person.user.id),
            Subject::Client => Cow::Borrowed(&client.id),
            Subject::Service(id) => Cow::Borrowed(id),
        },
        aud: redemption.target.audience(provider),
        client_id: &client.id,
        iat,
        nbf: iat,
        exp,
        jti,
        scope,
        sid: authorization
            .and_then(|authorization| authorization.sid.as_deref())
            .map(|sid| subject::sid(provider, client, sid)),
        auth_time: signed_in.map(|authorization| authorization.auth_time),
        acr: signed_in.map(|authorization| authorization.acr.as_str()),
        amr: signed_in.map(|authorization| authorization.amr.split(' ').collect()),
        roles: person.map_or(&[], |person| &person.roles),
        groups: person.map_or(&[], |person| &person.groups),
        authorization_details: &redemption.target.details,
        cnf: &redemption.confirmation,
        act: redemption.exchange.as_ref().and_then(|exchange| exchange.act.as_ref()),
        may_act: person.and(client.policy.exchange.may_act.as_deref()).map(|sub| MayAct { sub }),
        status: None,
    }
}
