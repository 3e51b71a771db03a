//! Making and changing trusted issuers, for the admin pages and the command line.
//!
//! Every function is one transaction with its entry in the audit log and a new cache version, so
//! that every process sees the change within a second.

use crate::domain::audit::{Actor, EventExt};
use crate::domain::form::{FieldProblem, is_line, is_safe_url, sentences};
use crate::domain::ground::Ground;
use crate::jose::JwkSet;
use crate::protocol::time::Timestamp;
use crate::protocol::trusted_issuer::{IssuerSettings, TrustedIssuer};
use crate::storage::{DbConnection, StorageError, audit, settings, trusted_issuers, users};

const MAX_NAME_CHARS: usize = 100;
const MAX_ISSUER_BYTES: usize = 255;
const MAX_CLIENTS: usize = 50;
/// The most subjects of one issuer that are shown.
pub const MAX_SUBJECTS: i64 = 1000;

/// An issuer as an administrator describes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IssuerDraft {
    /// Only for a new one: what assertions name stays.
    pub issuer: String,
    pub name: String,
    pub settings: IssuerSettings,
}

/// Why an issuer was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// Members that are not as they must be.
    #[error("{}", sentences(.0))]
    Invalid(Vec<FieldProblem>),
    #[error("issuer: it is trusted already")]
    Taken,
    #[error("there is no such issuer")]
    NotFound,
    #[error("there is no such user")]
    NoUser,
    #[error("that subject is nobody")]
    NoSubject,
    #[error(transparent)]
    Storage(StorageError),
}

impl IssuerError {
    /// The members that are wrong, for a form to show.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let one = |field, key, says| vec![FieldProblem::new(field, key, says)];
        match self {
            Self::Invalid(problems) => problems.clone(),
            Self::Taken => one("issuer", "error-issuer-taken", "it is trusted already"),
            Self::NoUser => one("user", "error-issuer-user", "there is no such user"),
            _ => Vec::new(),
        }
    }
}

impl From<StorageError> for IssuerError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Conflict => Self::Taken,
            other => Self::Storage(other),
        }
    }
}

impl IssuerDraft {
    /// The draft, when nothing is wrong with it; `own` is the `iss` of this server.
    ///
    /// # Errors
    ///
    /// `Invalid` with all that is wrong.
    pub fn checked(mut self, own: Option<&str>) -> Result<Self, IssuerError> {
        self.name = self.name.trim().to_owned();
        let problems = self.problems(own);
        match problems.is_empty() {
            true => Ok(self),
            false => Err(IssuerError::Invalid(problems)),
        }
    }

    /// Everything that is wrong with it.
    fn problems(&self, own: Option<&str>) -> Vec<FieldProblem> {
        let given = &self.settings;
        let is_text =
            |text: &str| text.len() <= MAX_ISSUER_BYTES && is_line(text, MAX_ISSUER_BYTES);
        let unreadable = |jwks: &serde_json::Value| {
            JwkSet::parse(jwks.to_string().as_bytes()).map_or(true, |set| set.keys().is_empty())
        };
        let rules = [
            (!is_line(&self.name, MAX_NAME_CHARS), NAME),
            (!is_text(&self.issuer), ISSUER),
            (own == Some(self.issuer.as_str()), OURSELVES),
            (given.jwks.is_some() == given.jwks_uri.is_some(), ONE_SET),
            (given.jwks.as_ref().is_some_and(unreadable), NO_KEYS),
            (given.jwks_uri.as_deref().is_some_and(|uri| !is_safe_url(uri)), NO_ADDRESS),
            (given.clients.len() > MAX_CLIENTS, CLIENTS),
            (!given.clients.iter().all(|one| is_text(one)), CLIENT),
            (given.user_claim.as_deref().is_some_and(|claim| !is_text(claim)), CLAIM),
        ];
        let broken = rules.into_iter().filter(|(is_broken, _)| *is_broken);
        broken.map(|(_, (field, key, says))| FieldProblem::new(field, key, says)).collect()
    }
}

/// A field, the name of its text on pages, and what it says elsewhere.
type Rule = (&'static str, &'static str, &'static str);

const NAME: Rule = ("name", "error-issuer-name", "use 1 to 100 characters that can be seen");
const ISSUER: Rule = ("issuer", "error-issuer", "use 1 to 255 characters that can be seen");
const OURSELVES: Rule = ("issuer", "error-issuer-own", "this server does not vouch to itself");
const ONE_SET: Rule = ("jwks", "error-issuer-keys", "give either jwks or jwks_uri");
const NO_KEYS: Rule = ("jwks", "error-jwks", "not a JWK Set with a public key");
const NO_ADDRESS: Rule = ("jwks_uri", "error-uri", "use an https address, or http of this machine");
const CLIENTS: Rule = ("clients", "error-uri-count", "at most 50");
const CLIENT: Rule = ("clients", "error-membership", "name a client by its client_id");
const CLAIM: Rule = ("user_claim", "error-issuer-claim", "name one claim of the assertion");

/// Makes an issuer; `own` is the `iss` of this server.
///
/// # Errors
///
/// `Invalid` with all that is wrong, and `Taken`.
pub async fn create(
    ground: &Ground,
    draft: IssuerDraft,
    own: Option<&str>,
    actor: &Actor,
) -> Result<TrustedIssuer, IssuerError> {
    let draft = draft.checked(own)?;
    let now = ground.now();
    let issuer = TrustedIssuer {
        id: ground.random.id(),
        issuer: draft.issuer,
        name: draft.name,
        settings: draft.settings,
        created_at: now,
        updated_at: now,
    };
    let event = event(actor, "issuer.create", &issuer.id, now).details(issuer.issuer.clone());
    let version = ground.random.id();
    ground
        .transact(move |conn| {
            trusted_issuers::insert(conn, &issuer)?;
            audit::insert(conn, &event)?;
            settings::bump_cache_version(conn, &version)?;
            Ok(issuer)
        })
        .await
}

/// Writes an issuer over the old one; its `iss` stays.
///
/// # Errors
///
/// As [`create`], and `NotFound`.
pub async fn update(
    ground: &Ground,
    id: &str,
    draft: IssuerDraft,
    actor: &Actor,
) -> Result<TrustedIssuer, IssuerError> {
    let now = ground.now();
    let event = event(actor, "issuer.update", id, now);
    let (id, version) = (id.to_owned(), ground.random.id());
    ground
        .transact(move |conn| {
            let before = existing(conn, &id)?;
            let draft = IssuerDraft { issuer: before.issuer.clone(), ..draft }.checked(None)?;
            let issuer = TrustedIssuer {
                name: draft.name,
                settings: draft.settings,
                updated_at: now,
                ..before
            };
            trusted_issuers::update(conn, &issuer)?;
            audit::insert(conn, &event)?;
            settings::bump_cache_version(conn, &version)?;
            Ok(issuer)
        })
        .await
}

/// Trusts an issuer no more. What came of its assertions lives out its life.
///
/// # Errors
///
/// `NotFound`, and those of the database.
pub async fn delete(ground: &Ground, id: &str, actor: &Actor) -> Result<(), IssuerError> {
    let event = event(actor, "issuer.delete", id, ground.now());
    let (id, version) = (id.to_owned(), ground.random.id());
    ground
        .transact(move |conn| {
            let issuer = existing(conn, &id)?;
            trusted_issuers::delete(conn, &id)?;
            audit::insert(conn, &event.details(issuer.issuer))?;
            Ok(settings::bump_cache_version(conn, &version)?)
        })
        .await
}

/// Says who a subject of an issuer is: a user by id, email or user name.
///
/// # Errors
///
/// `NotFound`, `NoUser`, and `Invalid` for a subject that is none.
pub async fn map(
    ground: &Ground,
    id: &str,
    subject: &str,
    user: &str,
    actor: &Actor,
) -> Result<(), IssuerError> {
    if !is_line(subject, MAX_ISSUER_BYTES) {
        let says = "use 1 to 255 characters that can be seen";
        let problem = FieldProblem::new("subject", "error-issuer-subject", says);
        return Err(IssuerError::Invalid(vec![problem]));
    }
    let event = event(actor, "issuer.map", id, ground.now());
    let (id, subject, user) = (id.to_owned(), subject.to_owned(), user.to_owned());
    ground
        .transact(move |conn| {
            existing(conn, &id)?;
            let found = match users::find(conn, &user)? {
                Some(found) => Some(found),
                None => users::find_by_login_name(conn, &user)?,
            };
            let user = found.ok_or(IssuerError::NoUser)?;
            trusted_issuers::map(conn, &id, &subject, &user.id)?;
            audit::insert(conn, &event.user(&user.id).details(format!("subject: {subject}")))?;
            Ok(())
        })
        .await
}

/// Takes back who a subject is.
///
/// # Errors
///
/// `NoSubject` when nothing was said, and those of the database.
pub async fn unmap(
    ground: &Ground,
    id: &str,
    subject: &str,
    actor: &Actor,
) -> Result<(), IssuerError> {
    let event =
        event(actor, "issuer.unmap", id, ground.now()).details(format!("subject: {subject}"));
    let (id, subject) = (id.to_owned(), subject.to_owned());
    ground
        .transact(move |conn| match trusted_issuers::unmap(conn, &id, &subject)? {
            true => Ok(audit::insert(conn, &event)?),
            false => Err(IssuerError::NoSubject),
        })
        .await
}

/// Finds an issuer by its id or its `iss`.
///
/// # Errors
///
/// Those of the database.
pub async fn find(ground: &Ground, name: &str) -> Result<Option<TrustedIssuer>, StorageError> {
    let name = name.to_owned();
    let found = ground.db.read(move |conn| match trusted_issuers::find(conn, &name)? {
        Some(found) => Ok(Some(found)),
        None => trusted_issuers::find_by_issuer(conn, &name),
    });
    found.await
}

/// Lists issuers by name.
///
/// # Errors
///
/// Those of the database.
pub async fn list(ground: &Ground, limit: i64) -> Result<Vec<TrustedIssuer>, StorageError> {
    ground.db.read(move |conn| trusted_issuers::list(conn, limit)).await
}

/// The subjects of an issuer, each with the email of the user it is.
///
/// # Errors
///
/// Those of the database.
pub async fn subjects(ground: &Ground, id: &str) -> Result<Vec<(String, String)>, StorageError> {
    let id = id.to_owned();
    let found = ground.db.read(move |conn| {
        let mut all = Vec::new();
        for (subject, user_id) in trusted_issuers::subjects(conn, &id, MAX_SUBJECTS)? {
            let user = users::find(conn, &user_id)?;
            all.push((subject, user.map_or(user_id, |user| user.email)));
        }
        Ok(all)
    });
    found.await
}

/// An issuer that nobody else changes until the transaction ends.
fn existing(conn: &mut DbConnection, id: &str) -> Result<TrustedIssuer, IssuerError> {
    trusted_issuers::hold(conn, id)?.ok_or(IssuerError::NotFound)
}

fn event(actor: &Actor, action: &str, id: &str, now: Timestamp) -> audit::NewEvent {
    actor.event(action, now).target(format!("issuer:{id}"))
}
