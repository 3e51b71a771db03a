//! The providers at which people may sign in: the list, one of them, and what is done to it.

use super::guard::{Admin, Answer, Posted, Stop};
use super::list::below;
use super::version;
use crate::domain::federation::callback_uri;
use crate::domain::federation::management::{self, UpstreamDraft, UpstreamError};
use crate::http::page::{Nav, Notice};
use crate::http::problems;
use crate::http::text::Text;
use crate::http::views::admin::{UpstreamPage, UpstreamRow, Upstreams};
use crate::http::views::choice::Choice;
use crate::http::views::confirm::{Act, Confirm};
use crate::http::views::problem::Problem;
use crate::http::views::{Badge, Errors};
use crate::protocol::upstream::{ClaimNames, Upstream, UpstreamKind, UpstreamSettings};
use actix_web::web::Path;

const LIST: &str = "/admin/upstreams";

/// Shows the list.
pub async fn list(admin: Admin) -> Answer {
    let all = admin.read(management::list(&admin.ground()).await)?;
    let page = admin.page(Nav::Upstreams);
    let row = |one: &Upstream| UpstreamRow {
        name: one.name.clone(),
        href: below(LIST, &one.slug),
        slug: one.slug.clone(),
        issuer: one.settings.issuer.clone(),
        status: Badge::client(page.text, one.settings.disabled),
    };
    Ok(Upstreams { rows: all.iter().map(row).collect(), page }.respond())
}

/// Asks for a new one.
pub async fn new(admin: Admin) -> Answer {
    admin.recent()?;
    Ok(shown(&admin, &UpstreamDraft::default(), None, Errors::default()).respond())
}

/// Shows one.
pub async fn get(admin: Admin, slug: Path<String>) -> Answer {
    let upstream = find(&admin, &slug).await?;
    Ok(shown(&admin, &draft_of(&upstream), Some(&upstream), Errors::default()).respond())
}

async fn find(admin: &Admin, slug: &str) -> Result<Upstream, Stop> {
    let found = admin.read(management::find(&admin.ground(), slug).await)?;
    admin.found(found)
}

fn draft_of(upstream: &Upstream) -> UpstreamDraft {
    UpstreamDraft {
        slug: upstream.slug.clone(),
        name: upstream.name.clone(),
        settings: upstream.settings.clone(),
        client_secret: None,
    }
}

fn shown(
    admin: &Admin,
    draft: &UpstreamDraft,
    stored: Option<&Upstream>,
    errors: Errors,
) -> UpstreamPage {
    let page = admin.page(Nav::Upstreams);
    let settings = &draft.settings;
    let callback = stored.map(|stored| callback_uri(admin.provider(), &stored.slug));
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    UpstreamPage {
        errors,
        title: stored.map(|stored| stored.name.clone()),
        base: stored.map_or_else(|| LIST.to_owned(), |stored| below(LIST, &stored.slug)),
        logout: callback
            .as_ref()
            .map(|uri| format!("{}backchannel-logout", uri.trim_end_matches("callback"))),
        callback,
        version: stored.map(version).unwrap_or_default(),
        slug: draft.slug.clone(),
        name: draft.name.clone(),
        kinds: kinds(page.text, settings.kind),
        issuer: settings.issuer.clone(),
        client_id: settings.client_id.clone(),
        has_secret: stored.is_some_and(|stored| stored.sealed_secret.is_some()),
        scope: settings.scope.clone(),
        authorization_endpoint: text(&settings.authorization_endpoint),
        token_endpoint: text(&settings.token_endpoint),
        userinfo_endpoint: text(&settings.userinfo_endpoint),
        emails_endpoint: text(&settings.emails_endpoint),
        subject_claim: text(&settings.claims.subject_claim),
        email_claim: text(&settings.claims.email_claim),
        email_verified_claim: text(&settings.claims.email_verified_claim),
        name_claim: text(&settings.claims.name_claim),
        trust_email: settings.trust_email,
        allow_sign_up: settings.allow_sign_up,
        disabled: settings.disabled,
        page,
    }
}

fn version(stored: &Upstream) -> String {
    version::of(&(&stored.name, &stored.settings, &stored.sealed_secret))
}

fn kinds(text: Text, chosen: UpstreamKind) -> Vec<Choice> {
    let words = |kind| match kind {
        UpstreamKind::Oidc => text.t("upstream-kind-oidc"),
        UpstreamKind::Oauth2 => text.t("upstream-kind-oauth2"),
    };
    let choice = |kind: UpstreamKind| Choice::new(kind.as_str(), &words(kind), kind == chosen);
    UpstreamKind::ALL.map(choice).into()
}

/// Makes one. Who may sign people in is sensitive.
pub async fn create(admin: Admin, posted: Posted) -> Answer {
    admin.recent_or("/admin/upstreams/new")?;
    let text = admin.page(Nav::Upstreams).text;
    let mut errors = Errors::default();
    let draft = UpstreamDraft { slug: posted.field("slug"), ..read(text, &posted, &mut errors) };
    if errors.is_empty() {
        let seal = Some(admin.provider().upstreams.seal());
        match management::create(&admin.ground(), draft.clone(), seal, &admin.actor()).await {
            Err(error @ (UpstreamError::Invalid(_) | UpstreamError::Taken)) => {
                problems::add(&mut errors, text, &error.problems());
            }
            made => {
                let made = admin.upstream(made)?;
                admin.changed().await?;
                return Ok(admin.done(&below(LIST, &made.slug), Notice::UpstreamSaved));
            }
        }
    }
    Ok(shown(&admin, &draft, None, errors).respond())
}

/// Saves one.
pub async fn save(admin: Admin, slug: Path<String>, posted: Posted) -> Answer {
    admin.recent()?;
    let stored = find(&admin, &slug).await?;
    let text = admin.page(Nav::Upstreams).text;
    let mut errors = Errors::default();
    let draft = UpstreamDraft { slug: stored.slug.clone(), ..read(text, &posted, &mut errors) };
    version::check(&admin, &posted, &version(&stored), "upstream-save", &mut errors);
    if errors.is_empty() {
        let (ground, seal) = (admin.ground(), Some(admin.provider().upstreams.seal()));
        let actor = admin.actor();
        match management::update(&ground, &stored.slug, draft.clone(), seal, &actor).await {
            Err(error @ UpstreamError::Invalid(_)) => {
                problems::add(&mut errors, text, &error.problems());
            }
            made => {
                admin.upstream(made)?;
                admin.changed().await?;
                return Ok(admin.done(&below(LIST, &stored.slug), Notice::UpstreamSaved));
            }
        }
    }
    Ok(shown(&admin, &draft, Some(&stored), errors).respond())
}

/// Reads the form; what cannot be read is an error. An empty secret keeps the one there is.
fn read(text: Text, posted: &Posted, errors: &mut Errors) -> UpstreamDraft {
    let kind = posted.field("kind").parse();
    if kind.is_err() {
        errors.add("kind", text, Problem::ChoiceInvalid);
    }
    UpstreamDraft {
        slug: String::new(),
        name: posted.field("name"),
        client_secret: posted.optional("client_secret"),
        settings: UpstreamSettings {
            kind: kind.unwrap_or_default(),
            issuer: posted.field("issuer"),
            client_id: posted.field("client_id"),
            scope: posted.field("scope"),
            authorization_endpoint: posted.optional("authorization_endpoint"),
            token_endpoint: posted.optional("token_endpoint"),
            userinfo_endpoint: posted.optional("userinfo_endpoint"),
            emails_endpoint: posted.optional("emails_endpoint"),
            claims: ClaimNames {
                subject_claim: posted.optional("subject_claim"),
                email_claim: posted.optional("email_claim"),
                email_verified_claim: posted.optional("email_verified_claim"),
                name_claim: posted.optional("name_claim"),
            },
            trust_email: posted.ticked("trust_email"),
            allow_sign_up: posted.ticked("allow_sign_up"),
            disabled: posted.ticked("disabled"),
        },
    }
}

/// Asks before one is deleted.
pub async fn ask_delete(admin: Admin, slug: Path<String>) -> Answer {
    let upstream = find(&admin, &slug).await?;
    admin.recent()?;
    let base = below(LIST, &upstream.slug);
    let act = Act::DeleteUpstream { name: &upstream.name };
    let action = format!("{base}/delete");
    Ok(Confirm::new(admin.page(Nav::Upstreams), act, &action, &base).respond())
}

/// Deletes it.
pub async fn delete(admin: Admin, slug: Path<String>, _posted: Posted) -> Answer {
    let upstream = find(&admin, &slug).await?;
    admin.recent()?;
    let gone = management::delete(&admin.ground(), &upstream.slug, &admin.actor()).await;
    admin.upstream(gone)?;
    admin.changed().await?;
    Ok(admin.done(LIST, Notice::UpstreamDeleted))
}
