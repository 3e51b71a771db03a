//! Trusted issuers: the list, one of them, and who its subjects are.

use super::guard::{Admin, Answer, Posted, Stop};
use super::list::{self, below};
use super::version;
use crate::domain::issuers::management::{self, IssuerDraft, IssuerError};
use crate::http::page::{Nav, Notice};
use crate::http::problems;
use crate::http::text::Text;
use crate::http::views::Errors;
use crate::http::views::admin::{IssuerPage, IssuerRow, Issuers};
use crate::http::views::choice::Choice;
use crate::http::views::confirm::{Act, Confirm};
use crate::http::views::problem::Problem;
use crate::protocol::trusted_issuer::{IssuerSettings, NamedBy, TrustedIssuer};
use actix_web::web::Path;

const LIST: &str = "/admin/issuers";
/// The most that the list shows.
const MAX_ROWS: i64 = 1000;

/// Shows the list.
pub async fn list(admin: Admin) -> Answer {
    let issuers = admin.read(management::list(&admin.ground(), MAX_ROWS).await)?;
    let row = |issuer: &TrustedIssuer| IssuerRow {
        name: issuer.name.clone(),
        href: below(LIST, &issuer.id),
        issuer: issuer.issuer.clone(),
        clients: issuer.settings.clients.join(" "),
    };
    let rows = issuers.iter().map(row).collect();
    Ok(Issuers { rows, page: admin.page(Nav::Issuers) }.respond())
}

/// Asks for a new one.
pub async fn new(admin: Admin) -> Answer {
    admin.recent()?;
    Ok(form(&admin, &IssuerSettings::default()).respond())
}

/// Makes one.
pub async fn create(admin: Admin, posted: Posted) -> Answer {
    admin.recent_or("/admin/issuers/new")?;
    let mut errors = Errors::default();
    let settings = read(&admin, &posted, &mut errors);
    let draft = IssuerDraft {
        issuer: posted.field("issuer"),
        name: posted.field("name"),
        settings: settings.clone(),
    };
    let own = Some(admin.provider().issuer.as_str());
    let made = match errors.is_empty() {
        true => management::create(&admin.ground(), draft, own, &admin.actor()).await,
        false => Err(IssuerError::Invalid(Vec::new())),
    };
    match made {
        Ok(issuer) => {
            admin.changed().await?;
            Ok(admin.done(&below(LIST, &issuer.id), Notice::IssuerSaved))
        }
        Err(error) => {
            let errors = wrong(&admin, error, errors)?;
            let issuer = posted.field("issuer");
            Ok(IssuerPage { issuer, errors, ..typed(form(&admin, &settings), &posted) }.respond())
        }
    }
}

/// Shows an issuer.
pub async fn get(admin: Admin, id: Path<String>) -> Answer {
    let issuer = find(&admin, &id).await?;
    Ok(shown(&admin, &issuer).await?.respond())
}

/// Saves it. Who is believed is sensitive.
pub async fn save(admin: Admin, id: Path<String>, posted: Posted) -> Answer {
    admin.recent()?;
    let issuer = find(&admin, &id).await?;
    let mut errors = Errors::default();
    let settings = read(&admin, &posted, &mut errors);
    version::check(&admin, &posted, &version(&issuer), "issuer-save", &mut errors);
    let draft = IssuerDraft {
        issuer: issuer.issuer.clone(),
        name: posted.field("name"),
        settings: settings.clone(),
    };
    let made = match errors.is_empty() {
        true => management::update(&admin.ground(), &issuer.id, draft, &admin.actor()).await,
        false => Err(IssuerError::Invalid(Vec::new())),
    };
    match made {
        Ok(_) => {
            admin.changed().await?;
            Ok(admin.done(&below(LIST, &issuer.id), Notice::IssuerSaved))
        }
        Err(error) => {
            let errors = wrong(&admin, error, errors)?;
            let named_by = choices(admin.page(Nav::Issuers).text, settings.named_by);
            let page = typed(shown(&admin, &issuer).await?, &posted);
            Ok(IssuerPage { errors, named_by, ..page }.respond())
        }
    }
}

/// Says who a subject is, or takes it back.
pub async fn subjects(admin: Admin, id: Path<String>, posted: Posted) -> Answer {
    admin.recent()?;
    let issuer = find(&admin, &id).await?;
    let (subject, user) = (posted.field("subject"), posted.field("user"));
    let (ground, actor) = (admin.ground(), admin.actor());
    let done = match posted.field("act").as_str() {
        "unmap" => management::unmap(&ground, &issuer.id, &subject, &actor).await,
        _ => management::map(&ground, &issuer.id, &subject, &user, &actor).await,
    };
    match done {
        Ok(()) => Ok(admin.done(&below(LIST, &issuer.id), Notice::IssuerSaved)),
        Err(error) => {
            let errors = wrong(&admin, error, Errors::default())?;
            let page = shown(&admin, &issuer).await?;
            Ok(IssuerPage { errors, subject, user, ..page }.respond())
        }
    }
}

/// Asks before an issuer is trusted no more.
pub async fn ask_delete(admin: Admin, id: Path<String>) -> Answer {
    let issuer = find(&admin, &id).await?;
    admin.recent()?;
    let base = below(LIST, &issuer.id);
    let act = Act::DeleteIssuer { name: &issuer.name };
    Ok(Confirm::new(admin.page(Nav::Issuers), act, &format!("{base}/delete"), &base).respond())
}

/// Does it.
pub async fn delete(admin: Admin, id: Path<String>, _posted: Posted) -> Answer {
    let issuer = find(&admin, &id).await?;
    admin.recent()?;
    match management::delete(&admin.ground(), &issuer.id, &admin.actor()).await {
        Ok(()) => {
            admin.changed().await?;
            Ok(admin.done(LIST, Notice::IssuerDeleted))
        }
        Err(error) => Err(admin.issuer(error)),
    }
}

async fn find(admin: &Admin, id: &str) -> Result<TrustedIssuer, Stop> {
    let found = admin.read(management::find(&admin.ground(), id).await)?;
    admin.found(found)
}

/// What is wrong, field by field; what is no field's is an answer of its own.
fn wrong(admin: &Admin, error: IssuerError, mut errors: Errors) -> Result<Errors, Stop> {
    match error {
        IssuerError::Invalid(_) | IssuerError::Taken | IssuerError::NoUser => {
            problems::add(&mut errors, admin.page(Nav::Issuers).text, &error.problems());
            Ok(errors)
        }
        IssuerError::NoSubject => {
            errors.add("subject", admin.page(Nav::Issuers).text, Problem::Invalid);
            Ok(errors)
        }
        other => Err(admin.issuer(other)),
    }
}

/// The form, with the settings of an issuer.
fn form(admin: &Admin, settings: &IssuerSettings) -> IssuerPage {
    let page = admin.page(Nav::Issuers);
    IssuerPage {
        title: page.t("issuers-new").into_owned(),
        action: LIST.to_owned(),
        is_new: true,
        jwks_uri: settings.jwks_uri.clone().unwrap_or_default(),
        jwks: settings.jwks.as_ref().map(|jwks| format!("{jwks:#}")).unwrap_or_default(),
        clients: settings.clients.join("\n"),
        scope: settings.scope.to_string(),
        user_claim: settings.user_claim.clone().unwrap_or_default(),
        named_by: choices(page.text, settings.named_by),
        page,
        ..IssuerPage::default()
    }
}

async fn shown(admin: &Admin, issuer: &TrustedIssuer) -> Result<IssuerPage, Stop> {
    let subjects = admin.read(management::subjects(&admin.ground(), &issuer.id).await)?;
    Ok(IssuerPage {
        title: issuer.name.clone(),
        version: version(issuer),
        action: below(LIST, &issuer.id),
        is_new: false,
        name: issuer.name.clone(),
        issuer: issuer.issuer.clone(),
        subjects,
        ..form(admin, &issuer.settings)
    })
}

fn version(issuer: &TrustedIssuer) -> String {
    version::of(&(&issuer.name, &issuer.settings))
}

/// The fields as they were typed.
fn typed(page: IssuerPage, posted: &Posted) -> IssuerPage {
    IssuerPage {
        name: posted.field("name"),
        jwks_uri: posted.field("jwks_uri"),
        jwks: posted.field("jwks"),
        clients: posted.field("clients"),
        scope: posted.field("scope"),
        user_claim: posted.field("user_claim"),
        ..page
    }
}

fn choices(text: Text, chosen: NamedBy) -> Vec<Choice> {
    let choice = |one: NamedBy| {
        let key = match one {
            NamedBy::Id => "issuer-by-id",
            NamedBy::Username => "issuer-by-username",
            NamedBy::Email => "issuer-by-email",
        };
        Choice::new(one.as_str(), &text.t(key), one == chosen)
    };
    NamedBy::ALL.into_iter().map(choice).collect()
}

/// Reads the form; what cannot be read is an error.
fn read(admin: &Admin, posted: &Posted, errors: &mut Errors) -> IssuerSettings {
    let text = admin.page(Nav::Issuers).text;
    let given = |name: &'static str| Some(posted.field(name)).filter(|value| !value.is_empty());
    let mut settings = IssuerSettings {
        jwks_uri: given("jwks_uri"),
        clients: list::lines(&posted.field("clients")),
        user_claim: given("user_claim"),
        ..IssuerSettings::default()
    };
    match given("jwks").map(|jwks| serde_json::from_str(&jwks)).transpose() {
        Ok(jwks) => settings.jwks = jwks,
        Err(_) => errors.add("jwks", text, Problem::KeysInvalid),
    }
    match posted.field("scope").parse() {
        Ok(scope) => settings.scope = scope,
        Err(_) => errors.add("scope", text, Problem::ScopeInvalid),
    }
    match NamedBy::parse(&posted.field("named_by")) {
        Some(named_by) => settings.named_by = named_by,
        None => errors.add("named_by", text, Problem::ChoiceInvalid),
    }
    settings
}
