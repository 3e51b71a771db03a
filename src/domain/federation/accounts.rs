//! Which account here an account elsewhere belongs to. Only its owner ties the two, by proving both;
//! an equal email address ties nothing (OpenID Connect Core §5.7).

use super::Identity;
use super::held::{Arrived, LIFETIME};
use crate::domain::audit::{Actor, EventExt};
use crate::domain::digest::digest;
use crate::domain::ground::Ground;
use crate::domain::identity::sessions::SignedIn;
use crate::domain::identity::users::{self as accounts, AccountError, NewUser};
use crate::domain::provider::Provider;
use crate::protocol::error::OAuthError;
use crate::protocol::time::Lifetime;
use crate::storage::linked_accounts::{self, LinkedAccount};
use crate::storage::users::{self, User};
use crate::storage::{DbConnection, StorageError, audit, seen_jtis, settings};

/// Why an account was not linked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// This arrival was used, or is too old.
    #[error("the sign-in there was used before")]
    Used,
    /// The account elsewhere belongs to somebody else here.
    #[error("the account belongs to somebody else here")]
    Taken,
    /// An account here has the address: its owner has to sign in to it.
    #[error("an account here has this email address")]
    EmailTaken,
    /// New accounts are not made like this.
    #[error("people may not sign up through this provider")]
    NoSignUp,
    /// Another password by now, or a block.
    #[error("the account here was changed meanwhile")]
    Overtaken,
    #[error(transparent)]
    Fault(#[from] OAuthError),
}

impl From<StorageError> for LinkError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Conflict => Self::Taken,
            other => Self::Fault(other.into()),
        }
    }
}

/// Why an account was not unlinked.
#[derive(Debug, thiserror::Error)]
pub enum UnlinkError {
    #[error("there is no such link")]
    NotFound,
    /// The person has no other way to sign in.
    #[error("this is the only way in")]
    LastWayIn,
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The user whom an account elsewhere belongs to.
///
/// # Errors
///
/// Those of the database.
pub async fn find_user(
    provider: &Provider,
    identity: &Identity,
) -> Result<Option<User>, StorageError> {
    let (identity, now) = (identity.clone(), provider.now());
    let found = provider.db.write(move |conn| {
        let found = linked_accounts::find(conn, &identity.issuer, &identity.subject)?;
        let Some(link) = found else { return Ok(None) };
        linked_accounts::touch(conn, &link.id, identity.label(), now)?;
        users::find(conn, &link.user_id)
    });
    found.await
}

/// The owner of an account here, by what proved it.
#[derive(Debug, Clone, Copy)]
pub enum Owner<'a> {
    /// The password, as it was when it was checked.
    Password(&'a User),
    /// The browser in which they are signed in.
    Session(&'a SignedIn),
}

impl Owner<'_> {
    const fn user(&self) -> &User {
        match self {
            Self::Password(user) => user,
            Self::Session(signed_in) => &signed_in.user,
        }
    }

    fn ground(&self, provider: &Provider) -> Ground {
        match self {
            Self::Password(_) => provider.ground(),
            Self::Session(signed_in) => provider.ground_of(signed_in),
        }
    }
}

/// Links an account elsewhere to a user who has just proved to be its owner.
///
/// # Errors
///
/// `Used`, `Overtaken` when the proof is worth nothing any more, and `Taken` when it belongs to
/// somebody else.
pub async fn link(
    provider: &Provider,
    slug: &str,
    identity: &Identity,
    owner: Owner<'_>,
    arrival: Option<&Arrived>,
    actor: &Actor,
) -> Result<(), LinkError> {
    let link = new_link(provider, slug, identity, &owner.user().id);
    let proven = owner.user().clone();
    let once = arrival.map(|arrival| (arrival_hash(arrival), arrival.at + LIFETIME));
    let event = event(provider, actor, "account.link", &link);
    owner
        .ground(provider)
        .transact(move |conn| {
            let stored = users::hold(conn, &proven.id)?;
            if !stored.is_some_and(|stored| proven.is_still(&stored)) {
                return Err(LinkError::Overtaken);
            }
            if let Some((hash, until)) = &once
                && !seen_jtis::insert(conn, hash, *until + Lifetime::minutes(1))?
            {
                return Err(LinkError::Used);
            }
            tie(conn, &link)?;
            Ok(audit::insert(conn, &event)?)
        })
        .await
}

/// Makes an account for somebody whom a provider knows, where that is allowed and the address is one
/// that it verified and is believed to have.
///
/// # Errors
///
/// `NoSignUp`, `EmailTaken`, `Used`.
pub async fn create_account(
    provider: &Provider,
    arrival: &Arrived,
    actor: &Actor,
) -> Result<User, LinkError> {
    let upstream = provider.upstreams.find(&arrival.slug).ok_or(LinkError::NoSignUp)?;
    let identity = &arrival.identity;
    let email = identity.email.clone().filter(|_| identity.email_verified);
    let Some(email) = email.filter(|_| upstream.settings.allow_sign_up) else {
        return Err(LinkError::NoSignUp);
    };
    let new =
        NewUser { email, email_verified: true, name: identity.name.clone(), ..NewUser::default() };
    let prepared = accounts::prepare(&provider.ground(), new).await.map_err(not_made)?;
    let link = new_link(provider, &arrival.slug, identity, &prepared.user.id);
    let (hash, until) = (arrival_hash(arrival), arrival.at + LIFETIME + Lifetime::minutes(1));
    let event = event(provider, actor, "account.link", &link);
    let (actor, version) = (actor.clone(), provider.random.id());
    provider
        .ground()
        .transact(move |conn| {
            if !seen_jtis::insert(conn, &hash, until)? {
                return Err(LinkError::Used);
            }
            accounts::insert(conn, &prepared, &actor).map_err(not_made)?;
            tie(conn, &link)?;
            audit::insert(conn, &event)?;
            settings::bump_cache_version(conn, &version)?;
            Ok(prepared.user)
        })
        .await
}

fn not_made(error: AccountError) -> LinkError {
    match error {
        AccountError::Taken(_) => LinkError::EmailTaken,
        AccountError::Invalid(_) => LinkError::NoSignUp,
        AccountError::Storage(error) => LinkError::Fault(error.into()),
        other => LinkError::Fault(OAuthError::server_error(other)),
    }
}

/// Inserts a link; one that the same person made before stays as it is.
fn tie(conn: &mut DbConnection, link: &LinkedAccount) -> Result<(), LinkError> {
    match linked_accounts::find(conn, &link.issuer, &link.subject)? {
        Some(before) if before.user_id == link.user_id => Ok(()),
        Some(_) => Err(LinkError::Taken),
        None => Ok(linked_accounts::insert(conn, link)?),
    }
}

fn new_link(provider: &Provider, slug: &str, identity: &Identity, user_id: &str) -> LinkedAccount {
    let now = provider.now().as_unix();
    LinkedAccount {
        id: provider.random.id(),
        issuer: identity.issuer.clone(),
        subject: identity.subject.clone(),
        user_id: user_id.to_owned(),
        slug: slug.to_owned(),
        label: identity.label().to_owned(),
        created_at: now,
        last_used_at: now,
    }
}

fn arrival_hash(arrival: &Arrived) -> String {
    digest(&format!("arrival {}", arrival.id))
}

fn event(
    provider: &Provider,
    actor: &Actor,
    action: &str,
    link: &LinkedAccount,
) -> audit::NewEvent {
    actor
        .event(action, provider.now())
        .user(&link.user_id)
        .target(format!("upstream:{}", link.slug))
}

/// The accounts elsewhere that belong to a user.
///
/// # Errors
///
/// Those of the database.
pub async fn linked_accounts(
    provider: &Provider,
    user_id: &str,
) -> Result<Vec<LinkedAccount>, StorageError> {
    let user_id = user_id.to_owned();
    provider.db.read(move |conn| linked_accounts::list_of_user(conn, &user_id)).await
}

/// Unties an account elsewhere from its user, who keeps a way in.
///
/// # Errors
///
/// See [`UnlinkError`].
pub async fn unlink(
    provider: &Provider,
    signed_in: &SignedIn,
    id: &str,
    actor: &Actor,
) -> Result<(), UnlinkError> {
    let (user_id, id) = (signed_in.user.id.clone(), id.to_owned());
    let (actor, now) = (actor.clone(), provider.now());
    provider
        .ground_of(signed_in)
        .transact(move |conn| {
            let user = users::hold(conn, &user_id)?.ok_or(UnlinkError::NotFound)?;
            let links = linked_accounts::list_of_user(conn, &user_id)?;
            let link = links.iter().find(|link| link.id == id).ok_or(UnlinkError::NotFound)?;
            if user.password_hash.is_none() && links.len() == 1 {
                return Err(UnlinkError::LastWayIn);
            }
            linked_accounts::delete(conn, &user_id, &id)?;
            let event = actor.event("account.unlink", now).user(&user_id);
            let event = event.target(format!("upstream:{}", link.slug));
            Ok(audit::insert(conn, &event)?)
        })
        .await
}
