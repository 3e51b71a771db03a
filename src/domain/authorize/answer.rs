//! The answer to an authorization request: a code, or a refusal, once.

use super::elsewhere;
use super::interaction::Interaction;
use super::progress::wanted;
use super::reply::{Ending, Reply, ReplyAddress};
use crate::domain::audit::{Actor, EventExt};
use crate::domain::clients::RegisteredClient;
use crate::domain::digest::{digest, new_code};
use crate::domain::identity::sessions::SignedIn;
use crate::domain::provider::Provider;
use crate::domain::resources::details;
use crate::domain::subject;
use crate::domain::tokens::front_channel::{self, TokenRecord};
use crate::protocol::authorization_request::{AuthorizationRequest, Once};
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::scope::Scope;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::audit::{self, NewEvent};
use crate::storage::authorization_codes::{self, AuthorizationCode};
use crate::storage::authorizations::{self, Authorization};
use crate::storage::pairwise_subjects::PairwiseSubject;
use crate::storage::{
    DbConnection, StorageError, consents, pushed_requests, registrations, seen_jtis, sessions,
};

/// How long an authorization is kept after its code, so that a replay finds what to take back.
const KEPT: Lifetime = Lifetime::hours(2);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The interaction was answered before: the first decision stands.
    #[error("this request was answered before")]
    AnsweredBefore,
    /// The person was signed out meanwhile.
    #[error("the session has ended")]
    SignedOut,
    /// What was allowed before was taken back meanwhile.
    #[error("the consent was withdrawn")]
    ConsentWithdrawn,
    #[error(transparent)]
    Fault(#[from] OAuthError),
}

enum Outcome {
    Done,
    AnsweredBefore,
    SignedOut,
    ConsentWithdrawn,
}

/// Where the answer of an interaction goes.
pub fn reply_address(interaction: &Interaction) -> ReplyAddress {
    let request = &interaction.request;
    ReplyAddress {
        redirect_uri: request.redirect_uri.clone(),
        state: request.state.clone(),
        mode: request.response_mode,
        secured: request.response_is_jwt,
    }
}

/// What is written when a person lets a client have something.
struct Granting {
    authorization: Authorization,
    code: Option<AuthorizationCode>,
    /// The name by which the client will know the person, when it has one of its own.
    subject: Option<PairwiseSubject>,
    tokens: Option<TokenRecord>,
    sid: String,
    /// What the answer uses up.
    once: Option<Once>,
    /// What the consent must cover.
    wanted: Scope,
    /// The hashes of what is asked for in detail.
    details: Vec<String>,
    /// The person has just allowed it.
    remember: bool,
    must_be_allowed: bool,
    event: NewEvent,
    /// The client, when this is its first use.
    first_use: Option<String>,
    now: Timestamp,
}

/// Gives the client a code (RFC 6749 §4.1.2), and with it, or instead of it, the tokens of the older
/// response types (OpenID Connect Core §3.2, §3.3). With `remember`, the person has just allowed it.
///
/// # Errors
///
/// See [`AnswerError`].
pub async fn grant(
    provider: &Provider,
    client: &RegisteredClient,
    interaction: &Interaction,
    signed_in: &SignedIn,
    remember: bool,
    actor: &Actor,
) -> Result<Reply, AnswerError> {
    provider.expect_right_clock()?;
    let request = &interaction.request;
    if let Some(asked) = &request.elsewhere {
        return elsewhere::allow(provider, client, interaction, asked, signed_in, actor).await;
    }
    let authorization = authorization(provider, client, interaction, signed_in, false);
    let value = request
        .response_type
        .has_code()
        .then(|| new_code(&authorization.id, provider.random.as_ref()));
    let front =
        front_channel::make(provider, client, request, &authorization, value.as_deref()).await?;
    let (tokens, beside) = front.map(|front| (front.record, front.fields)).unzip();
    let now = provider.now();
    let granting = Granting {
        code: value.as_deref().map(|value| code(provider, client, request, value)),
        subject: subject::to_remember(provider, client, &signed_in.user.id),
        tokens,
        sid: signed_in.session.sid.clone(),
        once: request.once.clone(),
        wanted: wanted(request),
        details: details::hashes(&request.details),
        remember,
        must_be_allowed: !remember && !client.policy.skip_consent,
        event: actor
            .event("authorization.grant", now)
            .user(&authorization.user_id)
            .client(&client.id)
            .details(authorization.scope.to_string()),
        authorization,
        first_use: client.first_use(),
        now,
    };
    let outcome = match granting.tokens.is_some() {
        true => provider.db.write(move |conn| write(conn, &granting)).await,
        false => provider.db.write_in_batch(move |conn| write(conn, &granting)).await,
    };
    match outcome.map_err(OAuthError::from)? {
        Outcome::Done => {
            client.used();
            let mut fields: Vec<_> = value.map(|value| ("code", value)).into_iter().collect();
            fields.extend(beside.unwrap_or_default());
            Ok(reply_address(interaction).success(fields, &provider.issuer))
        }
        Outcome::AnsweredBefore => Err(AnswerError::AnsweredBefore),
        Outcome::SignedOut => Err(AnswerError::SignedOut),
        Outcome::ConsentWithdrawn => Err(AnswerError::ConsentWithdrawn),
    }
}

fn code(
    provider: &Provider,
    client: &RegisteredClient,
    request: &AuthorizationRequest,
    value: &str,
) -> AuthorizationCode {
    AuthorizationCode {
        code_hash: digest(value),
        redirect_uri: request.redirect_uri.clone(),
        code_challenge: request.code_challenge.clone(),
        expires_at: provider.now() + client.code_lifetime(provider.tokens.authorization_code),
        dpop_jkt: request.dpop_jkt.clone(),
    }
}

/// Writes what was granted, or nothing.
fn write(conn: &mut DbConnection, granting: &Granting) -> Result<Outcome, StorageError> {
    let (authorization, now) = (&granting.authorization, granting.now);
    let (user, client) = (&authorization.user_id, &authorization.client_id);
    if !sessions::hold_live(conn, &granting.sid, now)? {
        return Ok(Outcome::SignedOut);
    }
    if granting.must_be_allowed
        && !consents::hold(conn, user, client, &granting.wanted, &granting.details)?
    {
        return Ok(Outcome::ConsentWithdrawn);
    }
    if !spend(conn, granting.once.as_ref(), now)? || !insert(conn, granting)? {
        return Ok(Outcome::AnsweredBefore);
    }
    subject::remember(conn, granting.subject.as_ref(), now)?;
    if granting.remember {
        consents::grant(conn, user, client, &granting.wanted, &granting.details, now)?;
    }
    if let Some(tokens) = &granting.tokens
        && !tokens.write(conn)?
    {
        // Undone as a whole: nothing of it may be left behind.
        let why = "tokens were revoked while these were made";
        return Err(StorageError::Unavailable(why.into()));
    }
    if let Some(client_id) = &granting.first_use {
        registrations::mark_used(conn, client_id, now)?;
    }
    audit::insert(conn, &granting.event)?;
    Ok(Outcome::Done)
}

fn insert(conn: &mut DbConnection, granting: &Granting) -> Result<bool, StorageError> {
    match &granting.code {
        Some(code) => authorization_codes::insert(conn, &granting.authorization, code),
        None => authorizations::insert(conn, &granting.authorization),
    }
}

/// Tells the client that the person said no. The interaction is used up by that.
///
/// # Errors
///
/// See [`AnswerError`].
pub async fn deny(
    provider: &Provider,
    client: &RegisteredClient,
    interaction: &Interaction,
    signed_in: &SignedIn,
    actor: &Actor,
) -> Result<Reply, AnswerError> {
    if let Some(asked) = &interaction.request.elsewhere {
        return elsewhere::deny(provider, client, asked, signed_in, actor).await;
    }
    let denied = authorization(provider, client, interaction, signed_in, true);
    let event = actor
        .event("authorization.grant", provider.now())
        .user(&denied.user_id)
        .client(&client.id)
        .result("denied");
    let (once, now) = (interaction.request.once.clone(), provider.now());
    let is_first = provider
        .db
        .write(move |conn| {
            let is_first =
                spend(conn, once.as_ref(), now)? && authorizations::insert(conn, &denied)?;
            if is_first {
                audit::insert(conn, &event)?;
            }
            Ok(is_first)
        })
        .await
        .map_err(OAuthError::from)?;
    match is_first {
        true => Ok(refuse(provider, interaction, &denied_by_person())),
        false => Err(AnswerError::AnsweredBefore),
    }
}

/// Uses up what the request may be answered for once; true for the first answer.
fn spend(
    conn: &mut DbConnection,
    once: Option<&Once>,
    now: Timestamp,
) -> Result<bool, StorageError> {
    match once {
        None => Ok(true),
        Some(Once::Pushed(hash)) => pushed_requests::spend(conn, hash, now),
        Some(Once::RequestObject { jti_hash, until }) => seen_jtis::insert(conn, jti_hash, *until),
    }
}

/// The error that a client gets when the person cancels.
pub fn denied_by_person() -> OAuthError {
    OAuthError::new(ErrorCode::AccessDenied, "the person did not allow it")
}

/// Tells the client of an error.
pub fn refuse(provider: &Provider, interaction: &Interaction, error: &OAuthError) -> Reply {
    match &interaction.request.elsewhere {
        Some(asked) => Reply::Here(asked.errand, Ending::Undecided),
        None => reply_address(interaction).error(error, &provider.issuer),
    }
}

pub(super) fn authorization(
    provider: &Provider,
    client: &RegisteredClient,
    interaction: &Interaction,
    signed_in: &SignedIn,
    revoked: bool,
) -> Authorization {
    let now = provider.now();
    let request = &interaction.request;
    Authorization {
        id: interaction.id.clone(),
        client_id: client.id.clone(),
        user_id: signed_in.user.id.clone(),
        sid: Some(signed_in.session.sid.clone()),
        scope: request.scope.clone(),
        claims: request.claims.clone(),
        resources: request.resources.clone(),
        details: request.details.clone(),
        nonce: request.nonce.clone(),
        auth_time: signed_in.auth_time(),
        acr: request.acr.reported(signed_in.level()).as_str().to_owned(),
        amr: signed_in.session.amr.clone(),
        offline: request.scope.contains("offline_access"),
        created_at: now,
        expires_at: now + KEPT,
        revoked,
    }
}
