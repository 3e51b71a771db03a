//! Sign-out at a provider ends what began there (OpenID Connect Back-Channel Logout 1.0 §2.6).

use super::metadata::unusable;
use super::{FederationError, RegisteredUpstream};
use crate::domain::audit::{Actor, EventExt};
use crate::domain::digest::digest;
use crate::domain::logout::back_channel::EVENT;
use crate::domain::provider::Provider;
use crate::domain::revocation::{self, Reason};
use crate::jose::{Claims, TimeCheck};
use crate::protocol::time::{Lifetime, Timestamp};
use crate::protocol::upstream::UpstreamKind;
use crate::storage::{audit, seen_jtis, upstream_sessions};
use serde_json::Value;

/// How far their clock may be off, in seconds.
const LEEWAY: u32 = 60;
/// No logout token is good for longer, whatever it says.
const MAX_LIFE: u32 = 600;

/// A logout token that was checked.
struct Told {
    subject: Option<String>,
    sid: Option<String>,
    jti: String,
    until: Timestamp,
}

/// Takes a logout token, and ends the sessions that it means. Gives how many they were.
///
/// # Errors
///
/// `Provider` for a token that is not one of this provider for us, `Foreign` for one that was taken
/// before.
pub async fn end_sessions(
    provider: &Provider,
    upstream: &RegisteredUpstream,
    token: &str,
    actor: &Actor,
) -> Result<usize, FederationError> {
    if upstream.settings.kind != UpstreamKind::Oidc {
        return Err(FederationError::Unknown);
    }
    let claims = upstream.verified(provider, token, &["logout+jwt", "JWT"]).await?;
    let told = check(provider, upstream, &claims)?;
    let issuer = upstream.settings.issuer.clone();
    let hash = digest(&format!("logout {issuer} {}", told.jti));
    let cause = provider.cause(Reason::SignedOut, actor);
    let actor = actor.clone();
    let ended = provider.db.write(move |conn| {
        if !seen_jtis::insert(conn, &hash, told.until)? {
            return Ok(None);
        }
        let (subject, sid) = (told.subject.as_deref(), told.sid.as_deref());
        let mut ended = 0;
        for session in upstream_sessions::list(conn, &issuer, subject, sid)? {
            if revocation::end_session(conn, &session.user_id, &session.sid, &cause)? {
                let event = actor.event("session.end", cause.now).user(&session.user_id);
                audit::insert(conn, &event.target(format!("session:{}", session.sid)))?;
                ended += 1;
            }
        }
        Ok(Some(ended))
    });
    let ended = ended.await?.ok_or(FederationError::Foreign)?;
    provider.outbox.wake();
    provider.revocation.committed(&provider.db).await.map_err(unusable)?;
    Ok(ended)
}

fn check(
    provider: &Provider,
    upstream: &RegisteredUpstream,
    claims: &Claims,
) -> Result<Told, FederationError> {
    let settings = &upstream.settings;
    claims.expect_str("iss", &settings.issuer).map_err(unusable)?;
    if !claims.required_audience().map_err(unusable)?.contains(&settings.client_id) {
        return Err(unusable("the logout token is for another client"));
    }
    let time = TimeCheck { now: provider.now(), leeway_seconds: LEEWAY };
    // Older providers leave `exp` out; then `iat` has to be young.
    time.require_fresh_iat(claims, MAX_LIFE).map_err(unusable)?;
    if claims.get("exp").is_some() {
        time.require_exp(claims).map_err(unusable)?;
    }
    let is_logout = claims.get("events").and_then(Value::as_object);
    if !is_logout.is_some_and(|events| events.get(EVENT).is_some_and(Value::is_object)) {
        return Err(unusable("the token tells of no sign-out"));
    }
    if claims.get("nonce").is_some() {
        return Err(unusable("an ID token is no logout token"));
    }
    let text =
        |name| Ok::<_, FederationError>(claims.str(name).map_err(unusable)?.map(str::to_owned));
    let told = Told {
        subject: text("sub")?,
        sid: text("sid")?,
        jti: claims.required_str("jti").map_err(unusable)?.to_owned(),
        until: time.now + Lifetime::seconds(MAX_LIFE + 2 * LEEWAY),
    };
    match told.subject.is_none() && told.sid.is_none() {
        true => Err(unusable("the token says neither whose session nor which")),
        false => Ok(told),
    }
}
