//! One resource: what it is, saving it, and what is done to it with a page that asks first.

use super::guard::{Admin, Answer, MARK, Posted, Stop};
use super::list::{self, below};
use super::resources::LIST;
use super::version;
use crate::domain::resources::management::{self, ResourceDraft, ResourceError};
use crate::domain::resources::{CONTENT_ENCRYPTION, ENCRYPTION_ALGORITHMS, SIGNING_ALGORITHMS};
use crate::http::page::{Nav, Notice};
use crate::http::problems;
use crate::http::text::Text;
use crate::http::views::Errors;
use crate::http::views::admin::ResourcePage;
use crate::http::views::choice::Choice;
use crate::http::views::confirm::{Act, Confirm};
use crate::http::views::problem::Problem;
use crate::protocol::details_type::DetailsType;
use crate::protocol::resource::{Resource, ResourceSettings};
use actix_web::web::Path;
use std::collections::BTreeMap;

/// How tokens are signed unless a resource chose otherwise.
const USUAL_ALGORITHM: &str = "ES256";

/// Shows a resource.
pub async fn get(admin: Admin, id: Path<String>) -> Answer {
    let resource = find(&admin, &id).await?;
    Ok(shown(&admin, &resource, None).respond())
}

async fn find(admin: &Admin, id: &str) -> Result<Resource, Stop> {
    let found = admin.read(management::find(&admin.ground(), id).await)?;
    admin.found(found)
}

/// The page of a resource, with a secret that was just made and is shown nowhere else.
pub fn shown(admin: &Admin, resource: &Resource, new_secret: Option<String>) -> ResourcePage {
    let page = admin.page(Nav::Resources);
    let settings = &resource.settings;
    let scope = |(scope, words): (String, &str)| match words.is_empty() {
        true => scope,
        false => format!("{scope} = {words}"),
    };
    let jwk = settings.token_encryption_jwk.as_ref();
    let view = ResourcePage {
        base: below(LIST, &resource.id),
        version: version(resource),
        title: resource.name.clone(),
        identifier: resource.identifier.clone(),
        new_secret,
        preview: list::address(super::preview::PATH, &[("resource", &resource.identifier)]),
        has_secret: settings.needs_secret(),
        name: resource.name.clone(),
        scopes: settings.written_scopes().into_iter().map(scope).collect::<Vec<_>>().join("\n"),
        authorization_details_types: in_json(&settings.authorization_details_types),
        token_encryption_jwk: jwk.map(ToString::to_string).unwrap_or_default(),
        jwks_uri: settings.jwks_uri.clone().unwrap_or_default(),
        token_lifetime: settings.token_lifetime.map(|life| life.to_string()).unwrap_or_default(),
        token_claims: settings
            .token_claims
            .iter()
            .map(|(name, source)| format!("{name} = {source}"))
            .collect::<Vec<_>>()
            .join("\n"),
        token_status_list: settings.token_status_list,
        page,
        ..ResourcePage::default()
    };
    with_choices(view, settings)
}

fn version(resource: &Resource) -> String {
    version::of(&(&resource.name, &resource.settings))
}

/// The types as JSON, which is how they are declared; nothing when there are none.
fn in_json(types: &[DetailsType]) -> String {
    match types.is_empty() {
        true => String::new(),
        false => serde_json::to_string_pretty(types).unwrap_or_default(),
    }
}

fn with_choices(view: ResourcePage, settings: &ResourceSettings) -> ResourcePage {
    let text = view.page.text;
    let signed = settings.token_signed_alg.as_deref().unwrap_or(USUAL_ALGORITHM);
    let encs = CONTENT_ENCRYPTION.map(|enc| enc.as_str());
    let enc = settings.token_encryption_enc.as_deref();
    ResourcePage {
        token_formats: Choice::token_formats(text, settings.token_format.as_str()),
        signed_algs: Choice::list(SIGNING_ALGORITHMS.map(|alg| alg.as_str()), &[signed]),
        encryption_algs: or_suiting(text, settings.token_encryption_alg.as_deref()),
        encryption_encs: Choice::list(encs, &[enc.unwrap_or("A256GCM")]),
        ..view
    }
}

/// The algorithms, and that which suits the key.
fn or_suiting(text: Text, chosen: Option<&str>) -> Vec<Choice> {
    let suiting = Choice::new("", &text.t("resource-alg-suiting"), chosen.is_none());
    let named = ENCRYPTION_ALGORITHMS.map(|alg| alg.as_str());
    let chosen: Vec<&str> = chosen.into_iter().collect();
    std::iter::once(suiting).chain(Choice::list(named, &chosen)).collect()
}

/// Saves it.
pub async fn save(admin: Admin, id: Path<String>, posted: Posted) -> Answer {
    admin.recent()?;
    let resource = find(&admin, &id).await?;
    let text = admin.page(Nav::Resources).text;
    let mut errors = Errors::default();
    let settings = read(text, &posted, &resource.settings, &mut errors);
    version::check(&admin, &posted, &version(&resource), "resource-save", &mut errors);
    let draft = ResourceDraft {
        identifier: resource.identifier.clone(),
        name: posted.field("name"),
        settings: settings.clone(),
    };
    if !errors.is_empty() {
        problems::add(&mut errors, text, &draft.problems());
        return Ok(again(&admin, &resource, &posted, settings, errors));
    }
    let seal = Some(admin.provider().resources.seal());
    match management::update(&admin.ground(), &resource.id, draft, seal, &admin.actor()).await {
        Err(error @ (ResourceError::Invalid(_) | ResourceError::TypeTaken)) => {
            problems::add(&mut errors, text, &error.problems());
            Ok(again(&admin, &resource, &posted, settings, errors))
        }
        made => {
            let made = admin.resource(made)?;
            admin.changed().await?;
            match made.secret {
                Some(secret) => Ok(shown(&admin, &made.resource, Some(secret)).respond()),
                None => Ok(admin.done(&below(LIST, &resource.id), Notice::ResourceSaved)),
            }
        }
    }
}

/// The form as it was typed, with what is wrong.
fn again(
    admin: &Admin,
    resource: &Resource,
    posted: &Posted,
    settings: ResourceSettings,
    errors: Errors,
) -> actix_web::HttpResponse {
    let stored = shown(admin, resource, None);
    let view = with_choices(stored, &settings);
    ResourcePage {
        errors,
        name: posted.field("name"),
        scopes: posted.field("scopes"),
        authorization_details_types: posted.field("authorization_details_types"),
        token_encryption_jwk: posted.field("token_encryption_jwk"),
        jwks_uri: posted.field("jwks_uri"),
        token_lifetime: posted.field("token_lifetime"),
        token_claims: posted.field("token_claims"),
        token_status_list: settings.token_status_list,
        ..view
    }
    .respond()
}

/// Reads the form; what cannot be read is an error.
fn read(
    text: Text,
    posted: &Posted,
    before: &ResourceSettings,
    errors: &mut Errors,
) -> ResourceSettings {
    let given = |name: &'static str| Some(posted.field(name)).filter(|value| !value.is_empty());
    let mut settings = ResourceSettings {
        token_claims: parse_pairs(&posted.field("token_claims")),
        token_signed_alg: given("token_signed_alg"),
        token_encryption_alg: given("token_encryption_alg"),
        token_encryption_enc: given("token_encryption_enc"),
        jwks_uri: given("jwks_uri"),
        token_status_list: given("token_status_list").is_some(),
        ..before.clone()
    };
    settings.set_scopes(parse_pairs(&posted.field("scopes")));
    match posted.field("token_format").parse() {
        Ok(format) => settings.token_format = format,
        Err(_) => errors.add("token_format", text, Problem::ChoiceInvalid),
    }
    match given("token_lifetime").map(|life| life.parse()).transpose() {
        Ok(life) => settings.token_lifetime = life,
        Err(_) => errors.add("token_lifetime", text, Problem::LifetimeInvalid),
    }
    let types = given("authorization_details_types").unwrap_or_else(|| "[]".into());
    match serde_json::from_str(&types) {
        Ok(types) => settings.authorization_details_types = types,
        Err(_) => errors.add("authorization_details_types", text, Problem::DetailsInvalid),
    }
    match given("token_encryption_jwk").map(|jwk| serde_json::from_str(&jwk)).transpose() {
        Ok(jwk) => settings.token_encryption_jwk = jwk,
        Err(_) => errors.add("token_encryption_jwk", text, Problem::KeysInvalid),
    }
    settings
}

/// One name a line, with its words behind an equals sign.
pub fn parse_pairs(text: &str) -> BTreeMap<String, String> {
    let pair = |line: String| match line.split_once('=') {
        Some((scope, words)) => (scope.trim().to_owned(), words.trim().to_owned()),
        None => (line, String::new()),
    };
    list::lines(text).into_iter().map(pair).collect()
}

/// Asks.
pub async fn ask(admin: Admin, path: Path<(String, String)>) -> Answer {
    let (id, act) = path.into_inner();
    let resource = find(&admin, &id).await?;
    admin.recent()?;
    let base = below(LIST, &resource.id);
    let name = &resource.name;
    let words = match act.as_str() {
        "rotate-secret" => Some(Act::RotateResourceSecret { name }),
        "delete" => Some(Act::DeleteResource { name }),
        _ => None,
    };
    let action = format!("{base}/{act}");
    let words = admin.found(words)?;
    let mut page = Confirm::new(admin.page(Nav::Resources), words, &action, &base);
    page.fields.push((MARK.into(), admin.mark()));
    Ok(page.respond())
}

/// Does it.
pub async fn perform(admin: Admin, path: Path<(String, String)>, posted: Posted) -> Answer {
    let (id, act) = path.into_inner();
    let resource = find(&admin, &id).await?;
    admin.recent()?;
    let (ground, actor) = (admin.ground(), admin.actor());
    match act.as_str() {
        "rotate-secret" if !admin.first(&posted).await? => {
            Ok(admin.done(&below(LIST, &resource.id), Notice::SentBefore))
        }
        "rotate-secret" => {
            let seal = admin.provider().resources.seal();
            let made = management::rotate_secret(&ground, &resource.id, seal, &actor).await;
            let secret = admin.resource(made)?;
            admin.changed().await?;
            Ok(shown(&admin, &resource, Some(secret)).respond())
        }
        "delete" => {
            admin.resource(management::delete(&ground, &resource.id, &actor).await)?;
            admin.changed().await?;
            Ok(admin.done(LIST, Notice::ResourceDeleted))
        }
        _ => admin.found(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_may_have_words_behind_an_equals_sign() {
        let scopes = parse_pairs("orders:read = See your orders\r\n\n orders:write \n a=b = c");
        let scopes: Vec<_> = scopes.iter().map(|(scope, words)| (&**scope, &**words)).collect();
        let expected = [("a", "b = c"), ("orders:read", "See your orders"), ("orders:write", "")];
        assert_eq!(scopes, expected);
    }
}
