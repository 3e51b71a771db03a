//! Every setting of a client beyond its page: one form, made from one table.
//!
//! A setting is a line in [`SECTIONS`]: the member of the registration it is (RFC 7591, OpenID
//! Connect Registration), the key of its words, and how it is filled in.

use super::client::{find, save};
use super::client_form;
use super::guard::{Admin, Answer, Posted};
use super::list::{self, of_client};
use super::version;
use crate::domain::authorize::request_object::BACKCHANNEL_ALGORITHMS;
use crate::domain::clients::management::{
    self, ClientDraft, content_algorithms, key_algorithms, members_of,
};
use crate::domain::keys::ALGORITHMS;
use crate::http::page::{Nav, Notice};
use crate::http::text::Text;
use crate::http::views::Errors;
use crate::http::views::admin::{ClientSettings, Control, SettingField, SettingSection};
use crate::http::views::choice::Choice;
use crate::http::views::problem::Problem;
use crate::protocol::client::Client;
use crate::protocol::client::backchannel::DeliveryMode;
use crate::protocol::response_type::ResponseType;
use actix_web::web::Path;
use serde_json::{Map, Value};

/// How a setting is filled in.
#[derive(Clone, Copy)]
enum Kind {
    /// One line of text; empty is none.
    Line,
    /// Words with spaces between them.
    Words,
    /// A whole number; empty is none.
    Number,
    Flag,
    /// One of these; the first choice is none of them.
    OneOf(fn() -> Vec<&'static str>),
    /// One of these, always.
    Exactly(fn() -> Vec<&'static str>),
    ResponseTypes,
    /// A JSON object; empty is none.
    Json,
    /// One a line, a name and its source with an equals sign between them.
    Pairs,
}

struct Setting {
    /// The name in the registration, which is the name of the field.
    member: &'static str,
    /// The key of its words.
    label: &'static str,
    kind: Kind,
}

const fn setting(member: &'static str, label: &'static str, kind: Kind) -> Setting {
    Setting { member, label, kind }
}

/// A section of the form: the key of its title, where its members are, and what is in it.
type Section = (&'static str, Part, &'static [Setting]);

/// Where a member is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// In what the client registered.
    Metadata,
    /// In what we decide about it.
    Policy,
}

/// The form, section by section.
const SECTIONS: &[Section] = &[
    (
        "settings-about",
        Part::Metadata,
        &[
            setting("client_uri", "setting-client-uri", Kind::Line),
            setting("logo_uri", "setting-logo-uri", Kind::Line),
            setting("policy_uri", "setting-policy-uri", Kind::Line),
            setting("tos_uri", "setting-tos-uri", Kind::Line),
            setting("initiate_login_uri", "setting-initiate-login-uri", Kind::Line),
            setting("contacts", "setting-contacts", Kind::Words),
        ],
    ),
    (
        "settings-sign-in",
        Part::Metadata,
        &[
            setting("response_types", "setting-response-types", Kind::ResponseTypes),
            setting("default_max_age", "setting-default-max-age", Kind::Number),
            setting("require_auth_time", "setting-require-auth-time", Kind::Flag),
            setting("default_acr_values", "setting-default-acr-values", Kind::Words),
            setting("subject_type", "setting-subject-type", Kind::Exactly(subject_types)),
            setting("sector_identifier_uri", "setting-sector-identifier-uri", Kind::Line),
        ],
    ),
    (
        "settings-ciba",
        Part::Metadata,
        &[
            setting("backchannel_token_delivery_mode", "setting-ciba-mode", MODES),
            setting("backchannel_client_notification_endpoint", "setting-ciba-ping", Kind::Line),
            setting(
                "backchannel_authentication_request_signing_alg",
                "setting-ciba-signed",
                CIBA_SIGNED,
            ),
        ],
    ),
    (
        "settings-sign-out",
        Part::Metadata,
        &[
            setting("backchannel_logout_uri", "setting-back-channel", Kind::Line),
            setting("backchannel_logout_session_required", "setting-back-channel-sid", Kind::Flag),
            setting("frontchannel_logout_uri", "setting-front-channel", Kind::Line),
            setting(
                "frontchannel_logout_session_required",
                "setting-front-channel-sid",
                Kind::Flag,
            ),
        ],
    ),
    (
        "settings-keys",
        Part::Metadata,
        &[
            setting("jwks_uri", "setting-jwks-uri", Kind::Line),
            setting("jwks", "setting-jwks", Kind::Json),
            setting("id_token_encrypted_response_alg", "setting-id-token-alg", ENCRYPTED_KEY),
            setting("id_token_encrypted_response_enc", "setting-id-token-enc", CONTENT),
            setting("userinfo_signed_response_alg", "setting-userinfo-signed", SIGNED),
            setting("userinfo_encrypted_response_alg", "setting-userinfo-alg", ENCRYPTED_KEY),
            setting("userinfo_encrypted_response_enc", "setting-userinfo-enc", CONTENT),
            setting("introspection_signed_response_alg", "setting-introspection-signed", SIGNED),
            setting(
                "introspection_encrypted_response_alg",
                "setting-introspection-alg",
                ENCRYPTED_KEY,
            ),
            setting("introspection_encrypted_response_enc", "setting-introspection-enc", CONTENT),
        ],
    ),
    (
        "settings-claims",
        Part::Policy,
        &[
            setting("access_token_claims", "setting-access-token-claims", Kind::Pairs),
            setting("id_token_claims", "setting-id-token-claims", Kind::Pairs),
        ],
    ),
    (
        "settings-exchange",
        Part::Policy,
        &[
            setting("token_exchange_audiences", "setting-exchange-audiences", Kind::Words),
            setting("token_exchange_scope", "setting-exchange-scope", Kind::Line),
            setting("token_exchange_actors", "setting-exchange-actors", Kind::Words),
            setting("token_exchange_max_actors", "setting-exchange-max-actors", Kind::Number),
            setting("token_exchange_impersonation", "setting-exchange-impersonation", Kind::Flag),
            setting("may_act", "setting-may-act", Kind::Line),
        ],
    ),
];

const ENCRYPTED_KEY: Kind = Kind::OneOf(key_algorithms);
const CONTENT: Kind = Kind::OneOf(content_algorithms);
const SIGNED: Kind = Kind::OneOf(|| ALGORITHMS.map(|alg| alg.as_str()).into());

const MODES: Kind = Kind::OneOf(|| DeliveryMode::ALL.iter().map(|mode| mode.as_str()).collect());
const CIBA_SIGNED: Kind = Kind::OneOf(|| BACKCHANNEL_ALGORITHMS.map(|alg| alg.as_str()).into());

fn subject_types() -> Vec<&'static str> {
    vec!["public", "pairwise"]
}

/// The settings that are kept in one place.
fn all(part: Part) -> impl Iterator<Item = &'static Setting> {
    let sections = SECTIONS.iter().filter(move |(_, of, _)| *of == part);
    sections.flat_map(|(_, _, settings)| settings.iter())
}

/// Whether a member of a registration is filled in here.
pub fn has(member: &str) -> bool {
    SECTIONS.iter().any(|(.., settings)| settings.iter().any(|one| one.member == member))
}

fn version(client: &Client) -> String {
    client_form::version(client, has)
}

/// The button that saves.
const BUTTON: &str = "settings-save";

/// Shows the form.
pub async fn get(admin: Admin, id: Path<String>) -> Answer {
    let client = find(&admin, &id).await?;
    let members = management::members(&client);
    Ok(shown(&admin, &client, Errors::default(), |member| written(&members, member)).respond())
}

/// Saves it. Where answers go and how they are protected is sensitive.
pub async fn save_all(admin: Admin, id: Path<String>, posted: Posted) -> Answer {
    admin.recent()?;
    let client = find(&admin, &id).await?;
    let mut draft = client_form::draft_of(&client);
    let mut errors = read(&admin, &posted, &mut draft);
    version::check(&admin, &posted, &version(&client), BUTTON, &mut errors);
    match save(&admin, &client, draft, errors, BUTTON).await? {
        Ok(_) => {
            admin.changed().await?;
            Ok(admin.done(&of_client(&client.id), Notice::ClientSaved))
        }
        Err(errors) => {
            let stored = find(&admin, &id).await?;
            Ok(shown(&admin, &stored, errors, |member| typed(&posted, member)).respond())
        }
    }
}

fn shown(
    admin: &Admin,
    client: &Client,
    errors: Errors,
    value: impl Fn(&'static str) -> String,
) -> ClientSettings {
    let page = admin.page(Nav::Clients);
    let legacy = admin.provider().features.legacy_response_types;
    let field = |setting: &Setting| SettingField {
        id: setting.member,
        label: page.t(setting.label).into_owned(),
        control: control(page.text, setting.kind, legacy, value(setting.member)),
    };
    let section = |(title, _, settings): &Section| SettingSection {
        id: (*title).to_owned(),
        title: page.t(title).into_owned(),
        fields: settings.iter().map(field).collect(),
    };
    ClientSettings {
        name: client.name.clone(),
        base: of_client(&client.id),
        version: version(client),
        sections: SECTIONS.iter().map(section).collect(),
        preview: list::address(super::preview::PATH, &[("client", &client.id)]),
        errors,
        page,
    }
}

fn control(text: Text, kind: Kind, legacy: bool, value: String) -> Control {
    let one_of = |values: Vec<&str>| Choice::list(values, &[value.as_str()]);
    match kind {
        Kind::Line | Kind::Words | Kind::Number => Control::Line(value),
        Kind::Json | Kind::Pairs => Control::Area(value),
        Kind::Flag => Control::Flag(value == "1"),
        Kind::Exactly(values) => Control::Select(one_of(values())),
        Kind::OneOf(values) => {
            let none = Choice::new("", &text.t("setting-none"), value.is_empty());
            Control::Select(std::iter::once(none).chain(one_of(values())).collect())
        }
        Kind::ResponseTypes => {
            let chosen: Vec<&str> = value.lines().collect();
            let offered = ResponseType::ALL.map(ResponseType::as_str).into_iter().filter(|one| {
                legacy || *one == ResponseType::Code.as_str() || chosen.contains(one)
            });
            Control::Checks(Choice::list(offered, &chosen))
        }
    }
}

/// A member as the form shows it: several values of one that are whole lines, line by line.
fn written(members: &Map<String, Value>, member: &str) -> String {
    let separator = if member == "response_types" { "\n" } else { " " };
    match members.get(member).unwrap_or(&Value::Null) {
        Value::Null | Value::Bool(false) => String::new(),
        Value::Bool(true) => "1".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            texts.join(separator)
        }
        Value::Object(pairs) if PAIRS.contains(&member) => in_lines(pairs),
        object @ Value::Object(_) => serde_json::to_string_pretty(object).unwrap_or_default(),
        Value::Number(number) => number.to_string(),
    }
}

/// A field as it was typed.
fn typed(posted: &Posted, member: &'static str) -> String {
    match member {
        "response_types" => posted.0.all(member).collect::<Vec<_>>().join("\n"),
        _ => posted.field(member),
    }
}

/// Reads the form into a draft; what cannot be read is an error.
fn read(admin: &Admin, posted: &Posted, draft: &mut ClientDraft) -> Errors {
    let text = admin.page(Nav::Clients).text;
    let mut errors = Errors::default();
    let mut fill = |part: Part, mut members: Map<String, Value>| {
        for setting in all(part) {
            let value = typed(posted, setting.member);
            if put(&mut members, setting, &value).is_none() {
                errors.add(setting.member, text, Problem::Invalid);
            }
        }
        Value::Object(members)
    };
    let metadata = fill(Part::Metadata, members_of(&draft.metadata));
    let policy = fill(Part::Policy, members_of(&draft.policy));
    match serde_json::from_value(metadata) {
        Ok(metadata) => draft.metadata = metadata,
        Err(_) => errors.add("subject_type", text, Problem::ChoiceInvalid),
    }
    match serde_json::from_value(policy) {
        Ok(policy) => draft.policy = policy,
        Err(_) => errors.add("token_exchange_scope", text, Problem::ScopeInvalid),
    }
    errors
}

/// The members that are pairs of a name and a text.
const PAIRS: [&str; 2] = ["access_token_claims", "id_token_claims"];

fn in_lines(pairs: &Map<String, Value>) -> String {
    let line = |(name, source): (&String, &Value)| {
        format!("{name} = {}", source.as_str().unwrap_or_default())
    };
    pairs.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn pairs(typed: &str) -> Option<Map<String, Value>> {
    let pair = |line: &str| {
        let (name, source) = line.split_once('=')?;
        Some((name.trim().to_owned(), Value::from(source.trim())))
    };
    typed.lines().filter(|line| !line.trim().is_empty()).map(pair).collect()
}

fn put(members: &mut Map<String, Value>, setting: &Setting, typed: &str) -> Option<()> {
    let value = match setting.kind {
        _ if typed.is_empty() => Value::Null,
        Kind::Line | Kind::OneOf(_) | Kind::Exactly(_) => Value::from(typed),
        Kind::Words => typed.split_whitespace().collect(),
        Kind::Number => Value::from(typed.parse::<u32>().ok()?),
        Kind::Flag => Value::from(typed == "1"),
        Kind::ResponseTypes => typed.lines().collect(),
        Kind::Json => serde_json::from_str(typed).ok()?,
        Kind::Pairs => Value::Object(pairs(typed)?),
    };
    match value {
        Value::Null => members.remove(setting.member),
        value => members.insert(setting.member.to_owned(), value),
    };
    if setting.member == "response_types" && typed.is_empty() {
        members.insert("response_types".to_owned(), Value::Array(Vec::new()));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::client::{ClientMetadata, ClientPolicy};

    #[test]
    fn every_setting_is_a_member_that_goes_there_and_back() {
        for setting in all(Part::Metadata).chain(all(Part::Policy)) {
            let typed = match setting.kind {
                Kind::Line => "https://app.example/x",
                Kind::Words | Kind::Flag | Kind::Number => "1",
                Kind::OneOf(values) | Kind::Exactly(values) => values().last().copied().unwrap(),
                Kind::ResponseTypes => "code id_token",
                Kind::Json => "{\n  \"keys\": []\n}",
                Kind::Pairs => "a = user.b\nc = roles",
            };
            let mut members = Map::new();
            put(&mut members, setting, typed).expect("it can be read");
            let members = Value::Object(members);
            let metadata: ClientMetadata =
                serde_json::from_value(members.clone()).expect(setting.member);
            let policy: ClientPolicy = serde_json::from_value(members).expect(setting.member);
            let is_one = (&metadata, &policy) != (&Default::default(), &Default::default());
            assert!(is_one, "{} is no member", setting.member);
            let all = members_of(&metadata).into_iter().chain(members_of(&policy)).collect();
            let back = written(&all, setting.member);
            assert_eq!(back, typed, "{}", setting.member);
        }
    }

    #[test]
    fn an_empty_field_takes_a_member_away() {
        let mut members = serde_json::from_str(
            r#"{"logo_uri":"https://a.example/l","default_max_age":5,"require_auth_time":true}"#,
        )
        .unwrap();
        for setting in all(Part::Metadata) {
            put(&mut members, setting, "");
        }
        let metadata: ClientMetadata = serde_json::from_value(Value::Object(members)).unwrap();
        let none = ClientMetadata { response_types: Vec::new(), ..ClientMetadata::default() };
        assert_eq!(metadata, none);
    }

    #[test]
    fn a_number_and_a_document_have_to_be_ones() {
        let of = |member| all(Part::Metadata).find(|setting| setting.member == member).unwrap();
        for typed in ["-1", "1.5", "abc", "99999999999"] {
            assert!(put(&mut Map::new(), of("default_max_age"), typed).is_none(), "{typed}");
        }
        assert!(put(&mut Map::new(), of("jwks"), "{").is_none());
    }
}
