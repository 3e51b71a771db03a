//! Registering and changing clients, for the admin pages and the command line.
//!
//! Every function is one transaction with its entry in the audit log and a new cache version, so
//! that every process sees the change within a second.

mod backchannel;
mod draft;
mod encryption;
mod error;
mod logout;
mod proof;
mod responses;
mod secrets;
mod sector;
#[cfg(test)]
mod tests;

pub use crate::storage::client_secrets::ClientSecret;
pub use draft::requests::{CONTENT_ENCRYPTION, ENCRYPTION_TO_OTHERS, ENCRYPTION_TO_US};
pub use draft::{ClientDraft, MAX_ACCESS_TOKEN_SECONDS, idle_scopes};
pub use encryption::{content_algorithms, key_algorithms};
pub use error::ClientError;
pub use secrets::{
    DEFAULT_OVERLAP, list as secrets, retire as retire_secret, rotate as rotate_secret,
};

use crate::domain::audit::{Actor, EventExt};
use crate::domain::ground::Ground;
use crate::domain::revocation::{self, Reason};
use crate::protocol::client::Client;
use crate::protocol::time::Timestamp;
use crate::storage::{
    DbConnection, StorageError, audit, authorizations, client_secrets, clients, settings, users,
};
use serde::Serialize;
use serde_json::{Map, Value};

/// Why authorizations end when a client comes to call people otherwise.
const SUBJECTS_CHANGED: &str = "subjects_changed";

/// A client with the secret it was given, which nobody can read again.
#[derive(Clone)]
pub struct Created {
    pub client: Client,
    pub secret: Option<String>,
}

/// A client that is checked and complete, with the secret it will have.
pub struct Prepared {
    pub client: Client,
    secret: Option<(String, ClientSecret)>,
    event: audit::NewEvent,
    version: String,
}

impl Prepared {
    /// The same client under a name that it did not choose here: the address of its document.
    #[must_use]
    pub fn called(mut self, id: &str) -> Self {
        id.clone_into(&mut self.client.id);
        self.event = self.event.target(format!("client:{id}")).client(id);
        self
    }
}

/// Registers a client.
///
/// # Errors
///
/// `Invalid` with all that is wrong, `Taken` when the `client_id` is a client's or a user's.
pub async fn create(
    ground: &Ground,
    draft: ClientDraft,
    actor: &Actor,
) -> Result<Created, ClientError> {
    let prepared = prepare(ground, draft, actor).await?;
    ground.transact(move |conn| insert(conn, prepared)).await
}

/// Checks a new client and makes what belongs to it, for [`insert`] to write.
///
/// # Errors
///
/// `Invalid` with all that is wrong.
pub async fn prepare(
    ground: &Ground,
    draft: ClientDraft,
    actor: &Actor,
) -> Result<Prepared, ClientError> {
    let draft = draft.checked()?;
    sector::check(&ground.outbound, &draft).await?;
    let now = ground.now();
    let client = Client {
        id: draft.id.unwrap_or_else(|| ground.random.id()),
        name: draft.name,
        metadata: draft.metadata,
        policy: draft.policy,
        disabled: false,
        created_at: now,
        updated_at: now,
    };
    let method = client.metadata.token_endpoint_auth_method;
    let secret = match method.uses_secret() {
        true => Some(secrets::fresh(ground, &client.id, method, now)?),
        false => None,
    };
    let event = event(actor, "client.create", &client.id, now);
    let event = event.details(format!("name: {}", client.name));
    Ok(Prepared { client, secret, event, version: ground.random.id() })
}

/// Writes a new client, in the transaction of whatever belongs to it.
///
/// # Errors
///
/// `Taken` when the `client_id` is a client's or a user's.
pub fn insert(conn: &mut DbConnection, prepared: Prepared) -> Result<Created, ClientError> {
    let Prepared { client, secret, event, version } = prepared;
    // The subject of a client's own tokens is its id: it must be nobody else's.
    if users::find(conn, &client.id)?.is_some() {
        return Err(ClientError::Taken);
    }
    clients::insert(conn, &client)?;
    let secret = secret.map(|(plain, row)| {
        client_secrets::insert(conn, &row)?;
        Ok::<_, StorageError>(plain)
    });
    audit::insert(conn, &event)?;
    settings::bump_cache_version(conn, &version)?;
    Ok(Created { client, secret: secret.transpose()? })
}

/// Writes a client over the old one. When it starts to use a secret it gets one, also when it starts
/// or stops to sign with it; when it stops, its secrets go. One that is as it was leaves no entry.
///
/// # Errors
///
/// `Invalid` with all that is wrong, `NotFound`.
pub async fn update(
    ground: &Ground,
    id: &str,
    draft: ClientDraft,
    actor: &Actor,
) -> Result<Created, ClientError> {
    update_as(ground, id, draft, actor, |_, _, _| Ok(())).await
}

/// As [`update`], for a draft that was made from `seen`: what somebody else saved since is not undone.
///
/// # Errors
///
/// As [`update`], and `Changed`.
pub async fn update_from(
    ground: &Ground,
    seen: &Client,
    draft: ClientDraft,
    actor: &Actor,
) -> Result<Created, ClientError> {
    let (id, seen) = (seen.id.clone(), seen.clone());
    let is_as_seen = move |_: &mut DbConnection, stored: &Client, _: &mut ClientDraft| {
        let is_same = changed(&seen, stored).is_empty();
        is_same.then_some(()).ok_or(ClientError::Changed)
    };
    update_as(ground, &id, draft, actor, is_as_seen).await
}

/// As [`update`], for whoever is not free in all of it: once nobody else can change the client,
/// `settle` sees what is stored, takes into the draft what is to stay, and may refuse.
///
/// # Errors
///
/// As [`update`], and what `settle` refuses with.
pub async fn update_as<F>(
    ground: &Ground,
    id: &str,
    draft: ClientDraft,
    actor: &Actor,
    settle: F,
) -> Result<Created, ClientError>
where
    F: FnOnce(&mut DbConnection, &Client, &mut ClientDraft) -> Result<(), ClientError>
        + Send
        + 'static,
{
    let mut draft = ClientDraft { id: None, ..draft }.checked()?;
    if names_a_new_sector(ground, id, &draft).await? {
        sector::check(&ground.outbound, &draft).await?;
    }
    let now = ground.now();
    let method = draft.metadata.token_endpoint_auth_method;
    let fresh = secrets::fresh(ground, id, method, now)?;
    let event = event(actor, "client.update", id, now);
    let cause = ground.cause(Reason::ClientDisabled, actor);
    let (id, version) = (id.to_owned(), ground.random.id());
    ground
        .transact(move |conn| {
            let before = existing(conn, &id)?;
            settle(conn, &before, &mut draft)?;
            let draft = draft.checked()?;
            let client = Client {
                name: draft.name,
                metadata: draft.metadata,
                policy: draft.policy,
                updated_at: now,
                ..before.clone()
            };
            let changed = changed(&before, &client).join(", ");
            if changed.is_empty() {
                return Ok(Created { client: before, secret: None });
            }
            clients::update(conn, &client)?;
            if client.sector() != before.sector() {
                // People get other names: what was given under the old ones must not be renewed.
                authorizations::revoke_of_client(conn, &id, SUBJECTS_CHANGED, now)?;
                revocation::end_tokens_of_client(conn, &id, &cause)?;
            }
            let secret = secrets::follow_method(conn, &before, &client, fresh)?;
            audit::insert(conn, &event.details(format!("changed: {changed}")))?;
            settings::bump_cache_version(conn, &version)?;
            Ok(Created { client, secret })
        })
        .await
}

/// Whether a draft has a document of a sector that has to be read: another than before, or for
/// other addresses.
async fn names_a_new_sector(
    ground: &Ground,
    id: &str,
    draft: &ClientDraft,
) -> Result<bool, ClientError> {
    let before = find(ground, id).await?.ok_or(ClientError::NotFound)?.metadata;
    let after = &draft.metadata;
    Ok(after.sector_identifier_uri.is_some()
        && (after.sector_identifier_uri != before.sector_identifier_uri
            || after.redirect_uris != before.redirect_uris))
}

/// Switches a client off: it can start nothing, and its access tokens end. True when it was on.
///
/// # Errors
///
/// `NotFound`, and those of the database.
pub async fn disable(ground: &Ground, id: &str, actor: &Actor) -> Result<bool, ClientError> {
    set_disabled(ground, id, true, actor).await
}

/// Switches a client on again; the access tokens of before stay dead. True when it was off.
///
/// # Errors
///
/// `NotFound`, and those of the database.
pub async fn enable(ground: &Ground, id: &str, actor: &Actor) -> Result<bool, ClientError> {
    set_disabled(ground, id, false, actor).await
}

async fn set_disabled(
    ground: &Ground,
    id: &str,
    disabled: bool,
    actor: &Actor,
) -> Result<bool, ClientError> {
    let now = ground.now();
    let action = if disabled { "client.disable" } else { "client.enable" };
    let event = event(actor, action, id, now);
    let cause = ground.cause(Reason::ClientDisabled, actor);
    let (id, version) = (id.to_owned(), ground.random.id());
    ground
        .transact(move |conn| {
            let before = existing(conn, &id)?;
            let changed = before.disabled != disabled;
            clients::set_disabled(conn, &id, disabled, now)?;
            if disabled {
                authorizations::revoke_of_client(conn, &id, "client_disabled", now)?;
                revocation::end_tokens_of_client(conn, &id, &cause)?;
            }
            audit::insert(conn, &event)?;
            settings::bump_cache_version(conn, &version)?;
            Ok(changed)
        })
        .await
}

/// Deletes a client with its secrets and consents, and ends all it was given.
///
/// # Errors
///
/// `NotFound`, and those of the database.
pub async fn delete(ground: &Ground, id: &str, actor: &Actor) -> Result<(), ClientError> {
    delete_as(ground, id, actor, |_, _| Ok(())).await
}

/// As [`delete`], for whoever may not always: `settle` sees what is stored, and may refuse.
///
/// # Errors
///
/// As [`delete`], and what `settle` refuses with.
pub async fn delete_as<F>(
    ground: &Ground,
    id: &str,
    actor: &Actor,
    settle: F,
) -> Result<(), ClientError>
where
    F: FnOnce(&mut DbConnection, &Client) -> Result<(), ClientError> + Send + 'static,
{
    let now = ground.now();
    let event = event(actor, "client.delete", id, now);
    let cause = ground.cause(Reason::ClientDisabled, actor);
    let (id, version) = (id.to_owned(), ground.random.id());
    ground
        .transact(move |conn| {
            let client = existing(conn, &id)?;
            settle(conn, &client)?;
            // A later client with this id must not inherit refresh tokens.
            authorizations::revoke_of_client(conn, &id, Reason::ClientDisabled.as_str(), now)?;
            revocation::end_tokens_of_client(conn, &id, &cause)?;
            clients::delete(conn, &id)?;
            audit::insert(conn, &event.details(format!("name: {}", client.name)))?;
            Ok(settings::bump_cache_version(conn, &version)?)
        })
        .await
}

/// Finds a client by its id, on or off.
///
/// # Errors
///
/// Those of the database.
pub async fn find(ground: &Ground, id: &str) -> Result<Option<Client>, StorageError> {
    let id = id.to_owned();
    ground.db.read(move |conn| clients::find(conn, &id)).await
}

/// Lists clients whose name or id contains `search`, in the order of creation.
///
/// # Errors
///
/// Those of the database.
pub async fn list(
    ground: &Ground,
    search: Option<String>,
    after: Option<(Timestamp, String)>,
    limit: i64,
) -> Result<Vec<Client>, StorageError> {
    ground.db.read(move |conn| clients::list(conn, search.as_deref(), after, limit)).await
}

/// A client that nobody else changes until the transaction ends.
fn existing(conn: &mut DbConnection, id: &str) -> Result<Client, ClientError> {
    clients::hold(conn, id)?.ok_or(ClientError::NotFound)
}

fn event(actor: &Actor, action: &str, id: &str, now: Timestamp) -> audit::NewEvent {
    actor.event(action, now).target(format!("client:{id}")).client(id)
}

/// All that can be changed about a client, by the names of the registration (RFC 7591 §2) and of ours.
pub fn members(client: &Client) -> Map<String, Value> {
    let mut all = members_of(&client.metadata);
    all.extend(members_of(&client.policy));
    all.insert("client_name".into(), Value::String(client.name.clone()));
    all
}

/// The members of a part of a client, by name.
pub fn members_of(part: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(part) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// The names of the members that differ; not the values, some of which are long.
fn changed(before: &Client, after: &Client) -> Vec<String> {
    let (before, after) = (members(before), members(after));
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}
