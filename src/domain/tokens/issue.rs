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
use crate::domain::grants::{Exchange, OneTimeValue, Person, Redemption, Subject, token_exchange};
use crate::domain::provider::Provider;
use crate::domain::revocation::{self, Cause, Reason};
use crate::failpoint;
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::OAuthError;
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

/// How often a token is signed anew because a watermark rose meanwhile, or its place in a status list
/// was taken.
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

/// What is written when tokens go out.
struct Writing {
    spend: Option<OneTimeValue>,
    /// The user, the client, and the session that a watermark could be for.
    subject: Option<(String, String, Option<String>)>,
    /// How long the list was when `iat` was chosen.
    list_head: Option<i64>,
    authorization: Option<String>,
    /// Set when the authorization has to be kept for longer than it would be.
    keep_until: Option<Timestamp>,
    iat: Timestamp,
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
    /// A watermark rose: tokens have to be issued after this.
    Overtaken(Timestamp),
}

/// Makes the tokens that a grant has proved the client may have.
///
/// # Errors
///
/// `invalid_grant` when what the grant used up was used before, or the authorization ended in
/// between.
pub async fn issue(
    provider: &Provider,
    client: &RegisteredClient,
    mut redemption: Redemption,
    actor: &Actor,
) -> Result<TokenResponse, OAuthError> {
    let mut iat = redemption.earliest_iat;
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
        let writing = writing(provider, client, &redemption, access.record, iat, actor);
        let Some(writing) = writing else { return Ok(response) };
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
                    return Ok(response);
                }
                Written::Overtaken(later) => {
                    iat = later;
                    read_again(provider, &mut redemption).await?;
                }
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
    Err(OAuthError::unavailable("tokens were revoked while this one was issued"))
}

/// What ended tokens of a person may have changed the person: the next token says what is true now.
async fn read_again(provider: &Provider, redemption: &mut Redemption) -> Result<(), OAuthError> {
    let Subject::Person(person) = &mut redemption.subject else { return Ok(()) };
    let authorization = person.authorization.clone();
    let read = move |conn: &mut DbConnection| {
        let head = revocations::head(conn)?;
        Ok((head, Person::find(conn, authorization)?))
    };
    let (head, found) = provider.db.read_by_key(read).await?;
    let ended = || OAuthError::invalid_grant("the authorization has ended");
    **person = found.ok_or_else(ended)?;
    redemption.list_head = Some(head);
    Ok(())
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
    iat: Timestamp,
    actor: &Actor,
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
    let subject = authorization.map(|of| (of.user_id.clone(), client.id.clone(), of.sid.clone()));
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
        subject,
        list_head: redemption.list_head,
        authorization: authorization.map(|of| of.id.clone()),
        keep_until,
        iat,
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
    if let Some((user, client, sid)) = &writing.subject
        && writing.list_head != Some(revocations::head(conn)?)
    {
        let (iat, sid) = (writing.iat, sid.as_deref());
        let (earliest, last) = revocation::watermarks(conn, user, client, sid, iat)?;
        if earliest > iat || writing.list_head.is_some_and(|known| last > known) {
            return Ok(Written::Overtaken(earliest));
        }
    }
    if !spend(conn, &writing)? {
        return Ok(Written::SpentBefore);
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
