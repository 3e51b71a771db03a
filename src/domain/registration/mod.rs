//! Clients that register themselves (RFC 7591, OpenID Connect Dynamic Registration), and manage
//! what they registered (RFC 7592).
//!
//! What a client sends becomes a [`ClientDraft`] like any other, so the rules are those that hold
//! for administrators; [`strict`] adds what must not be left to strangers. Nothing that a client
//! sends reaches its policy.

pub mod answer;
pub mod document;
mod draft;
pub mod initial_tokens;
pub mod manage;
pub mod statement;
mod strict;
pub mod unused;

use crate::config::RegistrationMode;
use crate::domain::audit::Actor;
use crate::domain::clients::management::{self, ClientDraft, ClientError};
use crate::domain::digest::digest;
use crate::domain::form::sentences;
use crate::domain::identity::throttle::{Limit, TooMany, address_name};
use crate::domain::provider::Provider;
use crate::jose::Claims;
use crate::protocol::client::ClientOrigin;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::time::Lifetime;
use crate::storage::registrations::{self, Registration};
use crate::storage::{StorageError, initial_access_tokens};
use answer::Answer;
use serde_json::{Map, Value};

/// The window of `registration.per_hour`.
const HOUR: Lifetime = Lifetime::hours(1);

/// Registers a client (RFC 7591 §3.1). `bearer` is the initial access token, if one was sent.
///
/// # Errors
///
/// `invalid_token` without a good initial access token where one is needed, those of RFC 7591 §3.2.2
/// for what is wrong with the metadata, `temporarily_unavailable` beyond the limits.
pub async fn register(
    provider: &Provider,
    bearer: Option<&str>,
    body: &[u8],
    actor: &Actor,
) -> Result<Answer, OAuthError> {
    limit(provider, actor).await?;
    let initial_token = admit(provider, bearer).await?;
    let (draft, statement) = checked_draft(provider, members(body)?).await?;
    let ground = provider.ground();
    let name = initial_token
        .as_ref()
        .map_or("open registration".to_owned(), |id| format!("initial access token:{id}"));
    let actor = actor.acting_as(name);
    let prepared = management::prepare(&ground, draft, &actor).await.map_err(refused)?;
    let access_token = provider.random.secret();
    let now = provider.now();
    let registration = Registration {
        client_id: prepared.client.id.clone(),
        token_hash: digest(&access_token),
        initial_token_id: initial_token.clone(),
        software_statement: statement,
        created_at: now.as_unix(),
        used_at: None,
    };
    let most = i64::from(provider.registration.max_unused);
    let kept = registration.clone();
    let created = ground.transact(move |conn| {
        if let Some(id) = &initial_token
            && !initial_access_tokens::take(conn, id, now)?
        {
            return Err(Refusal::InitialToken);
        }
        if registrations::count_unused(conn)? >= most {
            return Err(Refusal::Full);
        }
        let created = management::insert(conn, prepared).map_err(Refusal::Client)?;
        registrations::insert(conn, &kept)?;
        Ok(created)
    });
    let created = created.await.map_err(Refusal::into_error)?;
    provider.forget();
    Ok(Answer {
        client: created.client,
        secret: created.secret,
        registration,
        access_token,
        issuer: provider.issuer.clone(),
    })
}

/// What a body of metadata describes, held against the rules for strangers. Those for everybody
/// come with the writing.
/// Gives the software statement beside it.
async fn checked_draft(
    provider: &Provider,
    mut members: Map<String, Value>,
) -> Result<(ClientDraft, Option<String>), OAuthError> {
    let statement = statement::merge(provider, &mut members).await?;
    let draft = draft::read(provider, members, ClientOrigin::Registration)?;
    strict::check(provider, &draft).await?;
    Ok((draft, statement))
}

/// The members of a body: one JSON object that says nothing twice.
fn members(body: &[u8]) -> Result<Map<String, Value>, OAuthError> {
    let wanted = "send one JSON object, in which no member comes twice";
    let members = Claims::parse(body).map_err(|_| invalid_metadata(wanted))?.into_map();
    // Null is as good as nothing (RFC 7592 §2.2).
    Ok(members.into_iter().filter(|(_, value)| !value.is_null()).collect())
}

/// The id of the initial access token, where one is needed.
async fn admit(provider: &Provider, bearer: Option<&str>) -> Result<Option<String>, OAuthError> {
    if provider.registration.mode == RegistrationMode::Open {
        return Ok(None);
    }
    let bearer = bearer.ok_or_else(|| OAuthError::invalid_token("send an initial access token"))?;
    let (hash, now) = (digest(bearer), provider.now());
    let found =
        provider.db.read(move |conn| initial_access_tokens::find_good(conn, &hash, now)).await?;
    found.map(Some).ok_or_else(no_initial_token)
}

fn no_initial_token() -> OAuthError {
    OAuthError::invalid_token("the initial access token is not good, or no longer")
}

/// Whoever has no token is known by nothing but the address.
async fn limit(provider: &Provider, actor: &Actor) -> Result<(), OAuthError> {
    let name = format!("register {}", address_name(actor.ip.as_deref()));
    let attempts = provider.registration.per_hour;
    let taken = provider.throttle.take(&name, Limit { attempts, window: HOUR }).await;
    taken.map_err(|wait: TooMany| wait.refused("too many registrations, try again later"))
}

/// Why a client was not written.
enum Refusal {
    InitialToken,
    Full,
    Client(ClientError),
}

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        Self::Client(error.into())
    }
}

impl Refusal {
    fn into_error(self) -> OAuthError {
        match self {
            Self::InitialToken => no_initial_token(),
            Self::Full => {
                tracing::warn!("registration.max_unused clients wait for their first use");
                let mut error = OAuthError::unavailable("registration.max_unused is reached");
                error.description = "too many clients wait for their first use".into();
                error
            }
            Self::Client(error) => refused(error),
        }
    }
}

/// A refusal in the words of RFC 7591 §3.2.2.
pub(super) fn refused(error: ClientError) -> OAuthError {
    match error {
        ClientError::Invalid(problems) => {
            let of_addresses = problems.iter().any(|problem| problem.field == "redirect_uris");
            let code = match of_addresses {
                true => ErrorCode::InvalidRedirectUri,
                false => ErrorCode::InvalidClientMetadata,
            };
            OAuthError::new(code, describable(&sentences(&problems)))
        }
        ClientError::Storage(error) => error.into(),
        ClientError::NotFound => OAuthError::invalid_token("the client is gone"),
        other => OAuthError::server_error(other),
    }
}

/// `invalid_client_metadata`.
pub(super) fn invalid_metadata(says: impl AsRef<str>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClientMetadata, describable(says.as_ref()))
}

/// `invalid_redirect_uri`.
pub(super) fn invalid_redirect_uri(says: impl AsRef<str>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRedirectUri, describable(says.as_ref()))
}

/// Text in the characters of RFC 6749 §5.2, and not too much of it.
fn describable(text: &str) -> String {
    let plain = text.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\'));
    plain.take(500).collect()
}

/// What nobody but us decides about a client that came by itself.
fn policy_of(draft: &mut ClientDraft, origin: ClientOrigin) {
    use crate::protocol::client::AuthMethod;
    let policy = &mut draft.policy;
    policy.kind = draft.metadata.kind();
    policy.origin = origin;
    // A confidential OpenID client may rely on its nonce instead.
    policy.require_pkce = draft.metadata.token_endpoint_auth_method == AuthMethod::None;
}
