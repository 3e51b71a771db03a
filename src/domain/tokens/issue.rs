//! Issuing: what a grant proved becomes tokens, for every grant alike.
//!
//! The tokens are signed first and written second, in one transaction that spends what the grant
//! used up; they go out after its commit. Somebody who was too late gets nothing, and whoever spends
//! a code twice takes back what it gave.

use super::id_token::Beside;
use super::{access_token, id_token};
use crate::domain::audit::{Actor, EventExt};
use crate::domain::clients::RegisteredClient;
use crate::domain::digest::refresh_key;
use crate::domain::grants::{
    Exchange, OneTimeValue, Redemption, Subject, refresh_token, token_exchange,
};
use crate::domain::provider::Provider;
use crate::domain::revocation::{self, Cause, Reason};
use crate::failpoint;
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::OAuthError;
use crate::protocol::revocation::{ALL_KEY, subject_at_client};
use crate::protocol::scope::Scope;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::audit::{self, NewEvent};
use crate::storage::authorizations::Authorization;
use crate::storage::issued_tokens::{self, IssuedToken};
use crate::storage::refresh_tokens::{self, RefreshToken};
use crate::storage::{
    DbConnection, StorageError, authorization_codes, authorizations, deferred_requests,
    registrations, revocations, seen_jtis, users,
};
use serde::Serialize;

/// How often a token is signed anew because its place in a status list was taken.
const ATTEMPTS: usize = 6;

/// A successful answer of the token endpoint (RFC 6749 §5.1).
#[derive(Serialize)]
pub struct TokenResponse {
    pub access_token: String,
    pub token_type: &'static str,
    pub expires_in: u32,
    pub scope: Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// RFC 9396 §7.
    #[serde(skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub authorization_details: AuthorizationDetails,
    /// RFC 8693 §2.2.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<&'static str>,
}

/// What became of a grant that was proven.
pub enum Issued {
    Tokens(Box<TokenResponse>),
    /// Tokens like these were ended since what is in them was read: it may not be true any more, of the
    /// person or of the client, and has to be read again. Nothing was used up.
    Overtaken,
}

/// What is written when tokens go out.
struct Writing {
    spend: Option<OneTimeValue>,
    /// Under which keys a watermark would be for these tokens.
    marks: Vec<String>,
    /// The last entry of the list that was known before anything was read for these tokens.
    since: i64,
    authorization: Option<String>,
    /// Set when the authorization has to be kept for longer than it would be.
    keep_until: Option<Timestamp>,
    access_token: Option<IssuedToken>,
    refresh_token: Option<RefreshToken>,
    event: NewEvent,
    /// The client, when this is its first use.
    first_use: Option<String>,
    replay: Cause,
    /// What it comes of, which must be good still.
    exchange: Option<Box<Exchange>>,
    /// The authorization, when it begins here.
    begins: Option<Box<Authorization>>,
}

impl Writing {
    /// Whether the token is in a status list, where another may have its place.
    fn has_place(&self) -> bool {
        self.access_token.as_ref().is_some_and(|token| token.status_list.is_some())
    }
}

/// What became of it.
enum Written {
    Done,
    /// What should be spent was spent before.
    SpentBefore,
    /// The authorization was taken back meanwhile.
    Ended,
    /// A token that was to be exchanged was.
    SubjectEnded,
    /// A watermark rose.
    Overtaken,
}

/// Makes the tokens that a grant has proved the client may have. `since` is
/// [`last_seq`](crate::domain::revocation::Revocation::last_seq) of before the client and the grant
/// were read.
///
/// # Errors
///
/// `invalid_grant` when what the grant used up was used before, or the authorization ended in
/// between.
pub async fn issue(
    provider: &Provider,
    client: &RegisteredClient,
    redemption: Redemption,
    actor: &Actor,
    since: i64,
) -> Result<Issued, OAuthError> {
    provider.expect_right_clock()?;
    let iat = redemption.earliest_iat;
    for _ in 0..ATTEMPTS {
        let access = access_token::make(provider, client, &redemption, iat)?;
        let id_token = match &redemption.subject {
            Subject::Person(person) if redemption.scope.contains("openid") => {
                let beside = Beside { access_token: Some(&access.value), ..Beside::default() };
                Some(id_token::make(provider, client, person, beside, iat).await?)
            }
            _ => None,
        };
        let response = response(&redemption, access.value, access.lifetime, id_token);
        let writing = writing(provider, client, &redemption, access.record, actor, since);
        let Some(writing) = writing else {
            return unwritten(provider, client, response, since).await;
        };
        failpoint::reach("before_commit");
        // Only what may meet another in its place fails while the database is well.
        let has_place = writing.has_place();
        let written = match has_place {
            true => provider.db.write(move |conn| write(conn, writing)).await,
            false => provider.db.write_in_batch(move |conn| write(conn, writing)).await,
        };
        match written {
            Err(StorageError::Conflict) if has_place => {}
            written => match written? {
                Written::Done => {
                    failpoint::reach("after_commit");
                    client.used();
                    return Ok(Issued::Tokens(Box::new(response)));
                }
                Written::Overtaken => return Ok(Issued::Overtaken),
                Written::SpentBefore => {
                    provider.revocation.committed(&provider.db).await?;
                    return Err(OAuthError::invalid_grant("it was used before"));
                }
                Written::Ended => {
                    return Err(OAuthError::invalid_grant("the authorization has ended"));
                }
                Written::SubjectEnded => return Err(token_exchange::unusable()),
            },
        }
    }
    Err(OAuthError::unavailable("no place in a status list was free"))
}

/// A client's own token that leaves no trace: only whether the list has grown is asked.
async fn unwritten(
    provider: &Provider,
    client: &RegisteredClient,
    response: TokenResponse,
    since: i64,
) -> Result<Issued, OAuthError> {
    if provider.revocation.last_seq() == since {
        return Ok(Issued::Tokens(Box::new(response)));
    }
    let marks = vec![client.id.clone(), ALL_KEY.to_owned()];
    let now = provider.now();
    let ended = provider.db.read_by_key(move |conn| is_overtaken(conn, &marks, since, now)).await?;
    Ok(if ended { Issued::Overtaken } else { Issued::Tokens(Box::new(response)) })
}

/// Whether a watermark was set under one of these keys after the entry `since`.
fn is_overtaken(
    conn: &mut DbConnection,
    marks: &[String],
    since: i64,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let keys: Vec<&str> = marks.iter().map(String::as_str).collect();
    let found = revocations::find(conn, &keys, now)?;
    Ok(found.iter().any(|entry| entry.not_before.is_some() && entry.seq > since))
}

/// The keys under which a watermark would be for tokens of this client about this subject.
fn marks(client: &RegisteredClient, subject: &Subject) -> Vec<String> {
    let mut marks = vec![client.id.clone(), ALL_KEY.to_owned()];
    match subject {
        Subject::Client => {}
        Subject::Service(id) => marks.push(id.clone()),
        Subject::Person(person) => {
            let of = &person.authorization;
            marks.extend([of.user_id.clone(), subject_at_client(&of.user_id, &client.id)]);
            marks.extend(of.sid.clone());
        }
    }
    marks
}

fn response(
    redemption: &Redemption,
    access_token: String,
    lifetime: Lifetime,
    id_token: Option<String>,
) -> TokenResponse {
    TokenResponse {
        access_token,
        token_type: redemption.confirmation.token_type(),
        expires_in: lifetime.as_seconds(),
        scope: redemption.target.scope(&redemption.scope).into_owned(),
        id_token,
        refresh_token: redemption.refresh.as_ref().map(|refresh| refresh.value.clone()),
        authorization_details: redemption.target.details.clone(),
        issued_token_type: redemption.exchange.as_ref().map(|exchange| exchange.issued.as_str()),
    }
}

/// What has to be written, if anything: a client's own signed token leaves no trace.
fn writing(
    provider: &Provider,
    client: &RegisteredClient,
    redemption: &Redemption,
    access_token: Option<IssuedToken>,
    actor: &Actor,
    since: i64,
) -> Option<Writing> {
    let first_use = client.first_use();
    if redemption.spend.is_none() && access_token.is_none() && first_use.is_none() {
        return None;
    }
    let now = provider.now();
    let person = match &redemption.subject {
        Subject::Person(person) => Some(person.as_ref()),
        Subject::Client | Subject::Service(_) => None,
    };
    let authorization = person.map(|person| &person.authorization);
    let refresh_token = refresh_token(client, redemption, authorization, now);
    let event = match &redemption.exchange {
        None => actor.event("token.issue", now),
        Some(exchange) => token_exchange::event(exchange, actor, now),
    };
    let mut event = event.client(&client.id);
    if let Some(person) = person {
        event = event.user(&person.user.id);
    }
    // Until the last access token of the last refresh is dead: a block finds tokens by it. A day more
    // than needed, so that this is not written with every refresh.
    let keep_until = redemption
        .refresh
        .as_ref()
        .map(|refresh| refresh.expires_at + provider.longest_token_life())
        .filter(|needed| authorization.is_some_and(|of| of.expires_at < *needed))
        .map(|needed| needed + Lifetime::days(1));
    Some(Writing {
        spend: redemption.spend.clone(),
        marks: marks(client, &redemption.subject),
        since,
        authorization: authorization.map(|of| of.id.clone()),
        keep_until,
        access_token,
        refresh_token,
        event,
        first_use,
        replay: provider.cause(Reason::CodeReplayed, &Actor::client(&client.id)),
        exchange: redemption.exchange.clone(),
        begins: authorization.filter(|_| redemption.begins).cloned().map(Box::new),
    })
}

/// The refresh token to keep, when a new one goes out.
fn refresh_token(
    client: &RegisteredClient,
    redemption: &Redemption,
    authorization: Option<&Authorization>,
    now: Timestamp,
) -> Option<RefreshToken> {
    let refresh = redemption.refresh.as_ref().filter(|refresh| refresh.is_new);
    authorization.zip(refresh).map(|(authorization, refresh)| RefreshToken {
        token_hash: refresh_key(&refresh.value),
        authorization_id: authorization.id.clone(),
        client_id: client.id.clone(),
        scope: refresh.scope.clone(),
        created_at: now,
        expires_at: refresh.expires_at,
        spent_at: None,
        successor_hash: None,
        retried_at: None,
        // Who proves who it is at each refresh may change its keys (RFC 9449 §5, RFC 8705 §4).
        confirmation: match client.is_public() {
            true => redemption.confirmation.clone(),
            false => Confirmation::default(),
        },
    })
}

/// Writes what was issued, or nothing.
///
/// What is spent is spent before the authorization is held: of many who prove the same, one goes on
/// and the others wait for it here, holding nothing that it or they could need.
fn write(conn: &mut DbConnection, writing: Writing) -> Result<Written, StorageError> {
    if writing.since != revocations::head(conn)?
        && is_overtaken(conn, &writing.marks, writing.since, writing.replay.now)?
    {
        return Ok(Written::Overtaken);
    }
    if !spend(conn, &writing)? {
        return Ok(match meets_a_lost_one(conn, &writing)? {
            true => Written::Overtaken,
            false => Written::SpentBefore,
        });
    }
    if let Some(authorization) = &writing.begins
        && !begin(conn, authorization)?
    {
        return Ok(Written::Ended);
    }
    if let Some(id) = &writing.authorization {
        match (&writing.exchange, &writing.spend) {
            // Spending a code has held it.
            (None, Some(OneTimeValue::AuthorizationCode)) => {}
            (None, _) if !authorizations::hold_live(conn, id)? => return Ok(Written::Ended),
            (Some(_), _) if !authorizations::hold_live_shared(conn, id)? => {
                return Ok(Written::SubjectEnded);
            }
            _ => {}
        }
        if let Some(keep_until) = writing.keep_until {
            authorizations::extend(conn, id, keep_until)?;
        }
    }
    if let Some(exchange) = &writing.exchange
        && !token_exchange::hold(conn, exchange, writing.replay.now)?
    {
        return Ok(Written::SubjectEnded);
    }
    if let Some(token) = &writing.access_token {
        issued_tokens::insert(conn, token)?;
    }
    if let Some(token) = &writing.refresh_token {
        refresh_tokens::insert(conn, token)?;
    }
    if let Some(client_id) = &writing.first_use {
        registrations::mark_used(conn, client_id, writing.replay.now)?;
    }
    audit::insert(conn, &writing.event)?;
    Ok(Written::Done)
}

/// Whether a refresh token was spent while this request was on its way, by one that began well before:
/// then this is the retry of whoever was not answered in time, and is judged anew as one.
fn meets_a_lost_one(conn: &mut DbConnection, writing: &Writing) -> Result<bool, StorageError> {
    let Some(OneTimeValue::RefreshToken { hash, .. }) = &writing.spend else { return Ok(false) };
    let now = writing.replay.now;
    let spent_at = refresh_tokens::find(conn, hash, now)?.and_then(|token| token.spent_at);
    Ok(spent_at.is_some_and(|spent_at| !refresh_token::came_together(spent_at, now)))
}

/// Writes a new authorization. False when the account was closed meanwhile: whoever closes it waits,
/// and then sees this.
fn begin(conn: &mut DbConnection, authorization: &Authorization) -> Result<bool, StorageError> {
    let user = users::hold(conn, &authorization.user_id)?;
    match user.is_some_and(|user| user.blocked_at.is_none()) {
        true => authorizations::insert(conn, authorization),
        false => Ok(false),
    }
}

/// True for one of all who prove the same. The second spender of a code has proved as much as the
/// first, so the code leaked together with its verifier: what it gave is taken back (RFC 6749
/// §4.1.2). The second spender of a refresh token in the same moment is a hasty client.
fn spend(conn: &mut DbConnection, writing: &Writing) -> Result<bool, StorageError> {
    let now = writing.replay.now;
    match &writing.spend {
        None => Ok(true),
        Some(OneTimeValue::AuthorizationCode) => {
            let Some(id) = &writing.authorization else { return Ok(false) };
            let is_first = authorization_codes::spend(conn, id, now)?;
            if !is_first && authorization_codes::is_spent(conn, id)? {
                tracing::warn!(authorization.id = %id, "code replayed, authorization revoked");
                revocation::revoke_authorization(conn, id, &writing.replay)?;
                let event = NewEvent { action: "code.replay".into(), ..writing.event.clone() };
                audit::insert(conn, &event.target(format!("authorization:{id}")).result("denied"))?;
            }
            Ok(is_first)
        }
        // Clients ask again and again: a second question in the same moment is no theft.
        Some(OneTimeValue::DeferredRequest(hash)) => deferred_requests::spend(conn, hash, now),
        Some(OneTimeValue::Assertion { hash, expires_at }) => {
            seen_jtis::insert(conn, hash, *expires_at)
        }
        Some(OneTimeValue::RefreshToken { hash, successor_hash }) => {
            refresh_tokens::spend(conn, hash, successor_hash, now)
        }
        Some(OneTimeValue::KeptRefreshToken { hash, expires_at }) => {
            refresh_tokens::keep(conn, hash, *expires_at)
        }
        Some(OneTimeValue::RetriedRefreshToken { hash, successor_hash }) => {
            refresh_tokens::retry(conn, hash, successor_hash, now)
        }
    }
}
