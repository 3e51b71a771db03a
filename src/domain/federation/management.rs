//! Making and changing the providers at which people may sign in, for the admin pages and the
//! command line.

use crate::domain::audit::{Actor, EventExt};
use crate::domain::form::{FieldProblem, is_line, is_safe_url, sentences};
use crate::domain::ground::Ground;
use crate::jose::SealingKey;
use crate::protocol::time::Timestamp;
use crate::protocol::upstream::{Upstream, UpstreamKind, UpstreamSettings, is_slug};
use crate::storage::{StorageError, audit, settings, upstreams};

/// Why a provider was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// Members that are not as they must be.
    #[error("{}", sentences(.0))]
    Invalid(Vec<FieldProblem>),
    #[error("slug: another provider has this one")]
    Taken,
    #[error("there is no such provider")]
    NotFound,
    #[error("the secret for a provider is sealed under the master key, which is missing")]
    NoMasterKey,
    #[error(transparent)]
    Storage(StorageError),
}

impl UpstreamError {
    /// The members that are wrong, for a form to show.
    pub fn problems(&self) -> Vec<FieldProblem> {
        match self {
            Self::Invalid(problems) => problems.clone(),
            Self::Taken => {
                let says = "another provider has this one";
                vec![FieldProblem::new("slug", "error-slug-taken", says)]
            }
            _ => Vec::new(),
        }
    }
}

impl From<StorageError> for UpstreamError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Conflict => Self::Taken,
            other => Self::Storage(other),
        }
    }
}

/// A provider as an administrator describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpstreamDraft {
    pub slug: String,
    pub name: String,
    pub settings: UpstreamSettings,
    /// The secret that it gave us. For a change: none keeps the one before, an empty one takes it
    /// away.
    pub client_secret: Option<String>,
}

impl UpstreamDraft {
    fn checked(mut self) -> Result<Self, UpstreamError> {
        let settings = &mut self.settings;
        if settings.scope.trim().is_empty() && settings.kind == UpstreamKind::Oidc {
            settings.scope = "openid profile email".to_owned();
        }
        let words: Vec<&str> = settings.scope.split_whitespace().collect();
        settings.scope = words.join(" ");
        let problems = self.problems();
        match problems.is_empty() {
            true => Ok(self),
            false => Err(UpstreamError::Invalid(problems)),
        }
    }

    /// Everything that is wrong with it.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let settings = &self.settings;
        let mut problems = Vec::new();
        let mut check = |is_good: bool, field, key, says: &'static str| {
            if !is_good {
                problems.push(FieldProblem::new(field, key, says));
            }
        };
        let slug = "use 1 to 32 small letters, digits and dashes";
        check(is_slug(&self.slug), "slug", "error-slug", slug);
        let line = "use 1 to 100 characters that can be seen";
        check(is_line(&self.name, 100), "name", "error-client-name", line);
        let line = "use 1 to 255 characters that can be seen";
        check(is_line(&settings.client_id, 255), "client_id", "error-client-id", line);
        let web = "use an https address, or http of this machine";
        let is_issuer = is_safe_url(&settings.issuer) && !settings.issuer.contains(['?', '#']);
        check(is_issuer, "issuer", "error-uri", web);
        let scope = "use scope tokens, separated by spaces";
        let is_scope = settings.scope.parse::<crate::protocol::scope::Scope>().is_ok();
        check(is_scope, "scope", "error-scope", scope);
        let plain = settings.kind == UpstreamKind::Oauth2;
        for (field, uri) in [
            ("authorization_endpoint", &settings.authorization_endpoint),
            ("token_endpoint", &settings.token_endpoint),
            ("userinfo_endpoint", &settings.userinfo_endpoint),
        ] {
            let is_good = match uri {
                Some(uri) => plain && is_safe_url(uri) && !uri.contains('#'),
                None => !plain,
            };
            let says = "an oauth2 provider needs an https address here, an oidc one has none";
            check(is_good, field, "error-upstream-endpoint", says);
        }
        let emails = settings.emails_endpoint.as_deref();
        let is_good = emails.is_none_or(|uri| plain && is_safe_url(uri) && !uri.contains('#'));
        let says = "use an https address, for an oauth2 provider alone";
        check(is_good, "emails_endpoint", "error-upstream-endpoint", says);
        let claims = &settings.claims;
        for (field, name) in [
            ("subject_claim", &claims.subject_claim),
            ("email_claim", &claims.email_claim),
            ("email_verified_claim", &claims.email_verified_claim),
            ("name_claim", &claims.name_claim),
        ] {
            let is_good = name.as_deref().is_none_or(|name| is_line(name, 100));
            check(is_good, field, "error-claim-name", line);
        }
        let says = "an OpenID provider names people by sub";
        check(plain || claims.subject_claim.is_none(), "subject_claim", "error-claim-name", says);
        let says = "new accounts need an email address that is trusted: set trust_email as well";
        let is_good = settings.trust_email || !settings.allow_sign_up;
        check(is_good, "allow_sign_up", "error-upstream-sign-up", says);
        problems
    }
}

/// Makes a provider.
///
/// # Errors
///
/// `Invalid` with all that is wrong, `Taken`, and `NoMasterKey` without a seal that is needed.
pub async fn create(
    ground: &Ground,
    draft: UpstreamDraft,
    seal: Option<&SealingKey>,
    actor: &Actor,
) -> Result<Upstream, UpstreamError> {
    let draft = draft.checked()?;
    let now = ground.now();
    let upstream = Upstream {
        sealed_secret: sealed(ground, &draft, seal)?.flatten(),
        slug: draft.slug,
        name: draft.name,
        settings: draft.settings,
        created_at: now,
        updated_at: now,
    };
    let event = event(actor, "upstream.create", &upstream.slug, now);
    let version = ground.random.id();
    ground
        .transact(move |conn| {
            upstreams::insert(conn, &upstream)?;
            audit::insert(conn, &event.details(upstream.settings.issuer.clone()))?;
            settings::bump_cache_version(conn, &version)?;
            Ok(upstream)
        })
        .await
}

/// Writes a provider over the old one; the slug stays.
///
/// # Errors
///
/// As [`create`], and `NotFound`.
pub async fn update(
    ground: &Ground,
    slug: &str,
    draft: UpstreamDraft,
    seal: Option<&SealingKey>,
    actor: &Actor,
) -> Result<Upstream, UpstreamError> {
    let draft = UpstreamDraft { slug: slug.to_owned(), ..draft }.checked()?;
    let now = ground.now();
    let secret = sealed(ground, &draft, seal)?;
    let event = event(actor, "upstream.update", slug, now);
    let version = ground.random.id();
    ground
        .transact(move |conn| {
            let before = upstreams::hold(conn, &draft.slug)?.ok_or(UpstreamError::NotFound)?;
            let upstream = Upstream {
                sealed_secret: secret.unwrap_or(before.sealed_secret),
                slug: draft.slug,
                name: draft.name,
                settings: draft.settings,
                created_at: before.created_at,
                updated_at: now,
            };
            upstreams::update(conn, &upstream)?;
            audit::insert(conn, &event.details(upstream.settings.issuer.clone()))?;
            settings::bump_cache_version(conn, &version)?;
            Ok(upstream)
        })
        .await
}

/// Deletes a provider. Accounts that were linked through it stay linked, for when it comes back.
///
/// # Errors
///
/// `NotFound`, and those of the database.
pub async fn delete(ground: &Ground, slug: &str, actor: &Actor) -> Result<(), UpstreamError> {
    let event = event(actor, "upstream.delete", slug, ground.now());
    let (slug, version) = (slug.to_owned(), ground.random.id());
    ground
        .transact(move |conn| {
            if !upstreams::delete(conn, &slug)? {
                return Err(UpstreamError::NotFound);
            }
            audit::insert(conn, &event)?;
            Ok(settings::bump_cache_version(conn, &version)?)
        })
        .await
}

/// Finds a provider, on or off.
///
/// # Errors
///
/// Those of the database.
pub async fn find(ground: &Ground, slug: &str) -> Result<Option<Upstream>, StorageError> {
    let slug = slug.to_owned();
    ground.db.read(move |conn| upstreams::find(conn, &slug)).await
}

/// Lists all of them, in the order of creation.
///
/// # Errors
///
/// Those of the database.
pub async fn list(ground: &Ground) -> Result<Vec<Upstream>, StorageError> {
    ground.db.read(upstreams::list).await
}

/// None to keep the one before; else what takes its place.
fn sealed(
    ground: &Ground,
    draft: &UpstreamDraft,
    seal: Option<&SealingKey>,
) -> Result<Option<Option<String>>, UpstreamError> {
    match draft.client_secret.as_deref() {
        None => Ok(None),
        Some("") => Ok(Some(None)),
        Some(secret) => {
            let seal = seal.ok_or(UpstreamError::NoMasterKey)?;
            let random = ground.random.as_ref();
            Ok(Some(Some(seal.seal(random, secret.as_bytes(), draft.slug.as_bytes()))))
        }
    }
}

fn event(actor: &Actor, action: &str, slug: &str, now: Timestamp) -> audit::NewEvent {
    actor.event(action, now).target(format!("upstream:{slug}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> UpstreamDraft {
        let settings = UpstreamSettings {
            issuer: "https://id.example".into(),
            client_id: "us".into(),
            ..UpstreamSettings::default()
        };
        UpstreamDraft {
            slug: "example".into(),
            name: "Example".into(),
            settings,
            client_secret: None,
        }
    }

    fn fields(change: impl FnOnce(&mut UpstreamDraft)) -> Vec<&'static str> {
        let mut draft = draft();
        change(&mut draft);
        match draft.checked() {
            Ok(_) => Vec::new(),
            Err(error) => error.problems().iter().map(|problem| problem.field).collect(),
        }
    }

    #[test]
    fn an_openid_provider_needs_an_issuer_and_no_more() {
        assert!(fields(|_| {}).is_empty());
        assert_eq!(draft().checked().unwrap().settings.scope, "openid profile email");
        assert_eq!(fields(|draft| draft.settings.issuer = "http://id.example".into()), ["issuer"]);
        assert_eq!(
            fields(|draft| draft.settings.issuer = "https://x.example?a".into()),
            ["issuer"]
        );
        let named =
            fields(|draft| draft.settings.token_endpoint = Some("https://x.example/".into()));
        assert_eq!(named, ["token_endpoint"]);
        let named = fields(|draft| draft.settings.claims.subject_claim = Some("email".into()));
        assert_eq!(named, ["subject_claim"]);
        assert_eq!(fields(|draft| draft.slug = "No".into()), ["slug"]);
    }

    #[test]
    fn a_plain_provider_needs_its_addresses() {
        let endpoints = ["authorization_endpoint", "token_endpoint", "userinfo_endpoint"];
        let plain = |draft: &mut UpstreamDraft| draft.settings.kind = UpstreamKind::Oauth2;
        assert_eq!(fields(plain), endpoints);
        let with = fields(|draft| {
            plain(draft);
            let uri = || Some("https://github.example/x".to_owned());
            draft.settings.authorization_endpoint = uri();
            draft.settings.token_endpoint = uri();
            draft.settings.userinfo_endpoint = uri();
        });
        assert!(with.is_empty(), "{with:?}");
        let emails = |uri: &str| Some(uri.to_owned());
        let of_openid = |draft: &mut UpstreamDraft| {
            draft.settings.emails_endpoint = emails("https://github.example/emails");
        };
        assert_eq!(fields(of_openid), ["emails_endpoint"]);
    }

    #[test]
    fn lg_16_accounts_are_made_only_with_an_address_that_is_trusted() {
        assert_eq!(fields(|draft| draft.settings.allow_sign_up = true), ["allow_sign_up"]);
        let both = fields(|draft| {
            draft.settings.allow_sign_up = true;
            draft.settings.trust_email = true;
        });
        assert!(both.is_empty());
    }
}
