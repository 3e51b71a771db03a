//! Making and changing resources, for the admin pages and the command line.
//!
//! Every function is one transaction with its entry in the audit log and a new cache version, so
//! that every process sees the change within a second.

pub use super::draft::ResourceDraft;

use crate::domain::audit::{Actor, EventExt};
use crate::domain::form::{FieldProblem, sentences};
use crate::domain::ground::Ground;
use crate::jose::SealingKey;
use crate::protocol::resource::Resource;
use crate::protocol::time::Timestamp;
use crate::storage::{DbConnection, StorageError, audit, resources, settings};
use serde_json::Value;
use std::collections::BTreeSet;

/// A resource with the secret it was given, which is shown once.
#[derive(Clone)]
pub struct Created {
    pub resource: Resource,
    pub secret: Option<String>,
}

/// Why a resource was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum ResourceError {
    /// Members that are not as they must be.
    #[error("{}", sentences(.0))]
    Invalid(Vec<FieldProblem>),
    #[error("identifier: another resource has this one")]
    Taken,
    /// A type of authorization details is declared by one resource.
    #[error("authorization_details_types: another resource declares one of these types")]
    TypeTaken,
    #[error("there is no such resource")]
    NotFound,
    #[error("tokens for this resource are made without a shared secret")]
    NoSecret,
    #[error("the secret of a resource is sealed under the master key, which is missing")]
    NoMasterKey,
    #[error(transparent)]
    Storage(StorageError),
}

impl ResourceError {
    /// The members that are wrong, for a form to show.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let taken = "another resource has this one";
        match self {
            Self::Invalid(problems) => problems.clone(),
            Self::Taken => {
                vec![FieldProblem::new("identifier", "error-resource-taken", taken)]
            }
            Self::TypeTaken => {
                let says = "another resource declares one of these types";
                let field = "authorization_details_types";
                vec![FieldProblem::new(field, "error-details-type-taken", says)]
            }
            _ => Vec::new(),
        }
    }
}

impl From<StorageError> for ResourceError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Conflict => Self::Taken,
            other => Self::Storage(other),
        }
    }
}

/// Makes a resource. One whose tokens need a shared secret gets it; `seal` keeps it.
///
/// # Errors
///
/// `Invalid` with all that is wrong, `Taken`, and `NoMasterKey` without a seal that is needed.
pub async fn create(
    ground: &Ground,
    draft: ResourceDraft,
    seal: Option<&SealingKey>,
    actor: &Actor,
) -> Result<Created, ResourceError> {
    let draft = draft.checked()?;
    let (now, id) = (ground.now(), ground.random.id());
    let secret = match draft.settings.needs_secret() {
        true => Some(fresh(ground, &id, seal)?),
        false => None,
    };
    let (plain, sealed_secret) = secret.unzip();
    let resource = Resource {
        identifier: draft.identifier,
        name: draft.name,
        settings: draft.settings,
        sealed_secret,
        created_at: now,
        updated_at: now,
        id,
    };
    let event = event(actor, "resource.create", &resource.id, now);
    let version = ground.random.id();
    ground
        .transact(move |conn| {
            types_are_free(conn, &resource)?;
            resources::insert(conn, &resource)?;
            audit::insert(conn, &event.details(resource.identifier.clone()))?;
            settings::bump_cache_version(conn, &version)?;
            Ok(Created { resource, secret: plain })
        })
        .await
}

/// Writes a resource over the old one; the identifier stays. One whose tokens start to need a
/// shared secret gets it; one whose tokens stop has none left. One that is as it was leaves no entry.
///
/// # Errors
///
/// As [`create`], and `NotFound`.
pub async fn update(
    ground: &Ground,
    id: &str,
    draft: ResourceDraft,
    seal: Option<&SealingKey>,
    actor: &Actor,
) -> Result<Created, ResourceError> {
    let before = find(ground, id).await?.ok_or(ResourceError::NotFound)?;
    let draft = ResourceDraft { identifier: before.identifier.clone(), ..draft }.checked()?;
    let now = ground.now();
    let fresh = draft.settings.needs_secret().then(|| fresh(ground, id, seal));
    let event = event(actor, "resource.update", id, now);
    let (id, version) = (id.to_owned(), ground.random.id());
    ground
        .transact(move |conn| {
            let before = existing(conn, &id)?;
            let (plain, sealed_secret) = match (fresh, &before.sealed_secret) {
                (None, _) => (None, None),
                (Some(_), Some(kept)) => (None, Some(kept.clone())),
                (Some(fresh), None) => Some(fresh?).unzip(),
            };
            let resource = Resource {
                name: draft.name,
                settings: draft.settings,
                sealed_secret,
                updated_at: now,
                ..before.clone()
            };
            let changed = changed(&before, &resource).join(", ");
            if changed.is_empty() && plain.is_none() {
                return Ok(Created { resource: before, secret: None });
            }
            types_are_free(conn, &resource)?;
            resources::update(conn, &resource)?;
            audit::insert(conn, &event.details(format!("changed: {changed}")))?;
            settings::bump_cache_version(conn, &version)?;
            Ok(Created { resource, secret: plain })
        })
        .await
}

/// Gives a resource a new secret; tokens that were made with the one before live out their lives.
///
/// # Errors
///
/// `NoSecret` for a resource whose tokens need none, `NotFound`.
pub async fn rotate_secret(
    ground: &Ground,
    id: &str,
    seal: &SealingKey,
    actor: &Actor,
) -> Result<String, ResourceError> {
    let now = ground.now();
    let (plain, sealed) = fresh(ground, id, Some(seal))?;
    let event = event(actor, "resource.rotate_secret", id, now);
    let (id, version) = (id.to_owned(), ground.random.id());
    ground
        .transact(move |conn| {
            let before = existing(conn, &id)?;
            if !before.settings.needs_secret() {
                return Err(ResourceError::NoSecret);
            }
            let sealed_secret = Some(sealed);
            resources::update(conn, &Resource { sealed_secret, updated_at: now, ..before })?;
            audit::insert(conn, &event)?;
            settings::bump_cache_version(conn, &version)?;
            Ok(plain)
        })
        .await
}

/// Deletes a resource: no token is made for it any more.
///
/// # Errors
///
/// `NotFound`, and those of the database.
pub async fn delete(ground: &Ground, id: &str, actor: &Actor) -> Result<(), ResourceError> {
    let event = event(actor, "resource.delete", id, ground.now());
    let (id, version) = (id.to_owned(), ground.random.id());
    ground
        .transact(move |conn| {
            let resource = existing(conn, &id)?;
            resources::delete(conn, &id)?;
            audit::insert(conn, &event.details(resource.identifier))?;
            Ok(settings::bump_cache_version(conn, &version)?)
        })
        .await
}

/// Finds a resource by its id or its identifier.
///
/// # Errors
///
/// Those of the database.
pub async fn find(ground: &Ground, name: &str) -> Result<Option<Resource>, StorageError> {
    let name = name.to_owned();
    let found = ground.db.read(move |conn| match resources::find(conn, &name)? {
        Some(found) => Ok(Some(found)),
        None => resources::find_by_identifier(conn, &name),
    });
    found.await
}

/// Lists resources in the order of creation.
///
/// # Errors
///
/// Those of the database.
pub async fn list(
    ground: &Ground,
    after: Option<(Timestamp, String)>,
    limit: i64,
) -> Result<Vec<Resource>, StorageError> {
    ground.db.read(move |conn| resources::list(conn, after, limit)).await
}

/// A new secret, and the same sealed for this resource.
fn fresh(
    ground: &Ground,
    id: &str,
    seal: Option<&SealingKey>,
) -> Result<(String, String), ResourceError> {
    let seal = seal.ok_or(ResourceError::NoMasterKey)?;
    let plain = ground.random.secret();
    let sealed = seal.seal(ground.random.as_ref(), plain.as_bytes(), id.as_bytes());
    Ok((plain, sealed))
}

/// A resource that nobody else changes until the transaction ends.
fn existing(conn: &mut DbConnection, id: &str) -> Result<Resource, ResourceError> {
    resources::hold(conn, id)?.ok_or(ResourceError::NotFound)
}

/// A type means one thing, wherever it is asked for.
fn types_are_free(conn: &mut DbConnection, resource: &Resource) -> Result<(), ResourceError> {
    let types = &resource.settings.authorization_details_types;
    if types.is_empty() {
        return Ok(());
    }
    let others = resources::list(conn, None, 1000)?.into_iter().filter(|it| it.id != resource.id);
    let mut declared = others.flat_map(|other| other.settings.authorization_details_types);
    match declared.any(|other| types.iter().any(|own| own.name == other.name)) {
        true => Err(ResourceError::TypeTaken),
        false => Ok(()),
    }
}

fn event(actor: &Actor, action: &str, id: &str, now: Timestamp) -> audit::NewEvent {
    actor.event(action, now).target(format!("resource:{id}"))
}

/// The names of the members that differ.
fn changed(before: &Resource, after: &Resource) -> Vec<String> {
    let members = |resource: &Resource| {
        let settings = serde_json::to_value(&resource.settings).unwrap_or_default();
        let mut all = settings.as_object().cloned().unwrap_or_default();
        all.insert("name".into(), Value::String(resource.name.clone()));
        all
    };
    let (before, after) = (members(before), members(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ground::testing::ground;
    use crate::domain::resources::sealing_key;
    use crate::protocol::resource::ResourceSettings;

    fn orders(alg: &str) -> ResourceDraft {
        ResourceDraft {
            identifier: "https://orders.example".into(),
            name: "Orders".into(),
            settings: ResourceSettings {
                token_signed_alg: Some(alg.into()),
                ..ResourceSettings::default()
            },
        }
    }

    #[tokio::test]
    async fn a_secret_comes_and_goes_with_the_need_for_it() {
        let test = ground();
        let (ground, seal, actor) = (&test.ground, sealing_key(&[7; 32]), Actor::system());
        let missing = create(ground, orders("HS256"), None, &actor).await;
        assert!(matches!(missing, Err(ResourceError::NoMasterKey)));
        let made = create(ground, orders("ES256"), None, &actor).await.unwrap();
        assert!(made.secret.is_none());
        let id = made.resource.id;
        let none = rotate_secret(ground, &id, &seal, &actor).await;
        assert!(matches!(none, Err(ResourceError::NoSecret)));

        let with = update(ground, &id, orders("HS256"), Some(&seal), &actor).await.unwrap();
        let (secret, sealed) = (with.secret.unwrap(), with.resource.sealed_secret.unwrap());
        assert!(!sealed.contains(&secret));
        assert_eq!(seal.open(&sealed, id.as_bytes()), Some(secret.clone().into_bytes()));
        assert_eq!(seal.open(&sealed, b"another"), None);
        let kept = update(ground, &id, orders("HS256"), Some(&seal), &actor).await.unwrap();
        assert!(kept.secret.is_none() && kept.resource.sealed_secret.is_some());
        assert_ne!(rotate_secret(ground, &id, &seal, &actor).await.unwrap(), secret);

        let without = update(ground, &id, orders("ES256"), None, &actor).await.unwrap();
        assert_eq!(without.resource.sealed_secret, None);
    }

    #[tokio::test]
    async fn an_identifier_names_one_resource_for_ever() {
        let test = ground();
        let (ground, actor) = (&test.ground, Actor::system());
        let first = create(ground, orders("ES256"), None, &actor).await.unwrap().resource;
        let second = create(ground, orders("ES256"), None, &actor).await;
        assert!(matches!(second, Err(ResourceError::Taken)));
        let other = ResourceDraft { identifier: "https://b.example".into(), ..orders("ES256") };
        let kept = update(ground, &first.id, other, None, &actor).await.unwrap().resource;
        assert_eq!(kept.identifier, "https://orders.example");
        let found = find(ground, "https://orders.example").await.unwrap();
        assert_eq!(found.map(|found| found.id), Some(first.id.clone()));
        delete(ground, &first.id, &actor).await.unwrap();
        assert!(matches!(delete(ground, &first.id, &actor).await, Err(ResourceError::NotFound)));
    }
}
