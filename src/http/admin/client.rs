//! One client: what it is, and saving it.

use super::client_form;
use super::client_proof;
use super::client_requests;
use super::client_settings;
use super::guard::{Admin, Answer, Posted, Stop};
use super::list::{self, of_client};
use super::version;
use crate::domain::clients::management::{self, ClientDraft, ClientError, ClientSecret, Created};
use crate::domain::clients::{self, initiate};
use crate::domain::keys::ALGORITHMS;
use crate::domain::outbox::{self, Message};
use crate::http::page::{Nav, Notice, Page};
use crate::http::problems;
use crate::http::text::Text;
use crate::http::views::admin::{ClientPage, MessageRow, ProofForm, SecretRow};
use crate::http::views::choice::Choice;
use crate::http::views::problem::Problem;
use crate::http::views::{Badge, Errors};
use crate::protocol::client::{Client, ClientMetadata, GrantType};
use crate::protocol::response_type::ResponseType;
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;
use actix_web::web::Path;

/// How ID tokens are signed unless a client chose otherwise (OpenID Connect Registration §2).
const USUAL_ALGORITHM: &str = "RS256";

/// The button that saves.
const BUTTON: &str = "client-save";

/// Shows a client.
pub async fn get(admin: Admin, id: Path<String>) -> Answer {
    let client = find(&admin, &id).await?;
    Ok(shown(&admin, &client, None).await?.respond())
}

/// A client by the id of an address.
pub async fn find(admin: &Admin, id: &str) -> Result<Client, Stop> {
    let id = clients::of_segment(id);
    let found = admin.read(management::find(&admin.ground(), &id).await)?;
    admin.found(found)
}

/// The page of a client, with a secret that was just made and is shown nowhere else (AD-07).
pub async fn shown(
    admin: &Admin,
    client: &Client,
    new_secret: Option<String>,
) -> Result<ClientPage, Stop> {
    let secrets = admin.read(management::secrets(&admin.ground(), &client.id).await)?;
    let messages = admin.read(outbox::list_of_client(&admin.ground(), &client.id).await)?;
    let page = admin.page(Nav::Clients);
    let (metadata, policy) = (&client.metadata, &client.policy);
    let base = of_client(&client.id);
    let grants: Vec<&str> = metadata.grant_types.iter().map(|grant| grant.as_str()).collect();
    let alg = metadata.id_token_signed_response_alg.as_deref().unwrap_or(USUAL_ALGORITHM);
    let method = metadata.token_endpoint_auth_method;
    Ok(ClientPage {
        errors: Errors::default(),
        name: client.name.clone(),
        client_id: client.id.clone(),
        kind: client_form::shown(policy.kind).words(page.text),
        status: Badge::client(page.text, client.disabled),
        disabled: client.disabled,
        redirect_uris: metadata.redirect_uris.join("\n"),
        post_logout_redirect_uris: metadata.post_logout_redirect_uris.join("\n"),
        scope: metadata.scope.to_string(),
        grant_types: Choice::list(own_choice().map(GrantType::as_str), &grants),
        authorization_details_types: metadata.authorization_details_types.join("\n"),
        allowed_resources: policy.allowed_resources.join("\n"),
        resource_server_of: policy.resource_server_of.join("\n"),
        require_pkce: policy.require_pkce,
        skip_consent: policy.skip_consent,
        access_token_formats: Choice::token_formats(page.text, policy.access_token_format.as_str()),
        id_token_algs: Choice::list(ALGORITHMS.map(|algorithm| algorithm.as_str()), &[alg]),
        requests: client_requests::form(page.text, client),
        proof: client_proof::form(admin, client),
        has_secret: method.uses_secret(),
        version: version(client),
        messages: messages.iter().map(|message| message_row(&page, message)).collect(),
        secrets: secret_rows(admin, &page, &base, &secrets),
        snippets: client_form::snippets(admin, page.text, client, new_secret.as_deref()),
        test_url: client_form::test_url(admin, client),
        start_url: initiate::start_url(client, &admin.provider().issuer),
        new_secret,
        base,
        page,
    })
}

fn version(client: &Client) -> String {
    client_form::version(client, |member| !client_settings::has(member))
}

/// The grants that are chosen by themselves; the other comes with its response types.
fn own_choice() -> impl Iterator<Item = GrantType> {
    GrantType::ALL.iter().copied().filter(|grant| *grant != GrantType::Implicit)
}

/// The secrets that still work. The last one cannot be retired.
fn secret_rows(admin: &Admin, page: &Page, base: &str, secrets: &[ClientSecret]) -> Vec<SecretRow> {
    let now = admin.provider().now().as_unix();
    let works = |secret: &&ClientSecret| secret.expires_at.is_none_or(|at| at > now);
    let works: Vec<&ClientSecret> = secrets.iter().filter(works).collect();
    let moment = |at| page.text.date_time(Timestamp::from_unix(at));
    let row = |secret: &&ClientSecret| SecretRow {
        created: moment(secret.created_at),
        expires: secret.expires_at.map(moment),
        retire_url: (works.len() > 1).then(|| format!("{base}/secrets/{}/retire", secret.id)),
    };
    works.iter().map(row).collect()
}

fn message_row(page: &Page, message: &Message) -> MessageRow {
    let moment = |at| page.text.date_time(Timestamp::from_unix(at));
    MessageRow {
        kind: message.kind.clone(),
        made: moment(message.created_at),
        status: Badge::message(page.text, message.delivered, message.due_at.is_some()),
        attempts: message.attempts.to_string(),
        next: message.due_at.map(moment).unwrap_or_default(),
        problem: message.problem.clone().unwrap_or_default(),
    }
}

/// Saves what the page asks for, all of it. Where answers go is sensitive.
pub async fn save_all(admin: Admin, id: Path<String>, posted: Posted) -> Answer {
    admin.recent()?;
    let client = find(&admin, &id).await?;
    let mut draft = client_form::draft_of(&client);
    let mut errors = read(&admin, &posted, &mut draft);
    version::check(&admin, &posted, &version(&client), BUTTON, &mut errors);
    let (metadata, policy) = (draft.metadata.clone(), draft.policy.clone());
    let typed = Client { metadata, policy, ..client.clone() };
    match save(&admin, &client, draft, errors, BUTTON).await? {
        Ok(made) => saved(&admin, made).await,
        Err(errors) => {
            let page = shown(&admin, &typed, None).await?;
            let proof = ProofForm { jwks: posted.field("jwks"), ..page.proof };
            // What hangs on what is stored stays as it is now: it may be what somebody else has saved.
            let stored = shown(&admin, &find(&admin, &id).await?, None).await?;
            Ok(ClientPage {
                errors,
                name: posted.field("name"),
                redirect_uris: posted.field("redirect_uris"),
                post_logout_redirect_uris: posted.field("post_logout_redirect_uris"),
                scope: posted.field("scope"),
                proof,
                has_secret: stored.has_secret,
                test_url: stored.test_url,
                start_url: stored.start_url,
                version: stored.version,
                snippets: stored.snippets,
                ..page
            }
            .respond())
        }
    }
}

/// Reads the form into a draft; what cannot be read is an error.
fn read(admin: &Admin, posted: &Posted, draft: &mut ClientDraft) -> Errors {
    let text = admin.page(Nav::Clients).text;
    let mut errors = Errors::default();
    draft.name = posted.field("name");
    draft.metadata.redirect_uris = list::lines(&posted.field("redirect_uris"));
    draft.metadata.post_logout_redirect_uris =
        list::lines(&posted.field("post_logout_redirect_uris"));
    read_access(text, posted, draft, &mut errors);
    client_proof::read(text, posted, draft, &mut errors);
    client_requests::read(text, posted, draft, &mut errors);
    errors
}

/// Reads what the client may have.
fn read_access(text: Text, posted: &Posted, draft: &mut ClientDraft, errors: &mut Errors) {
    let (metadata, policy) = (&mut draft.metadata, &mut draft.policy);
    match posted.field("scope").parse::<Scope>() {
        Ok(scope) => metadata.scope = scope,
        Err(_) => errors.add("scope", text, Problem::ScopeInvalid),
    }
    let grants: Result<Vec<GrantType>, _> = posted.0.all("grant_types").map(str::parse).collect();
    match grants {
        Ok(grants) => set_grants(metadata, grants),
        Err(_) => errors.add("grant_types", text, Problem::ChoiceInvalid),
    }
    follow_grants(metadata);
    if !management::idle_scopes(metadata).is_empty() {
        errors.add("scope", text, Problem::ScopeOfPeople);
    }
    match posted.field("access_token_format").parse() {
        Ok(format) => policy.access_token_format = format,
        Err(_) => errors.add("access_token_format", text, Problem::ChoiceInvalid),
    }
    let algorithm = posted.field("id_token_alg");
    metadata.id_token_signed_response_alg = match &metadata.id_token_signed_response_alg {
        None if algorithm == USUAL_ALGORITHM => None,
        _ => Some(algorithm),
    };
    metadata.authorization_details_types =
        list::lines(&posted.field("authorization_details_types"));
    policy.allowed_resources = list::lines(&posted.field("allowed_resources"));
    policy.resource_server_of = list::lines(&posted.field("resource_server_of"));
    policy.require_pkce = posted.ticked("require_pkce");
    policy.skip_consent = posted.ticked("skip_consent");
}

/// The same grants in another order are no change.
fn set_grants(metadata: &mut ClientMetadata, grants: Vec<GrantType>) {
    let own = metadata.grant_types.iter().filter(|grant| **grant != GrantType::Implicit);
    let is_same =
        own.clone().count() == grants.len() && own.clone().all(|one| grants.contains(one));
    if !is_same {
        metadata.grant_types = grants;
    }
}

/// The response types go with the grants; those with tokens in them stay as they are.
fn follow_grants(metadata: &mut ClientMetadata) {
    let code = metadata.grant_types.contains(&GrantType::AuthorizationCode);
    let has_code = |own: &String| ResponseType::parse(own).is_some_and(ResponseType::has_code);
    metadata.response_types.retain(|own| code || !has_code(own));
    if code && !metadata.response_types.iter().any(has_code) {
        metadata.response_types.push(ResponseType::Code.as_str().to_owned());
    }
}

/// Writes a draft of a client as it was read, or tells what is wrong with it; what no field is to blame
/// for stands at the button.
pub async fn save(
    admin: &Admin,
    client: &Client,
    draft: ClientDraft,
    mut errors: Errors,
    button: &str,
) -> Result<Result<Created, Errors>, Stop> {
    let text = admin.page(Nav::Clients).text;
    if errors.is_empty() {
        match management::update_from(&admin.ground(), client, draft, &admin.actor()).await {
            Err(ClientError::Changed) => version::changed(admin, button, &mut errors),
            Err(error @ ClientError::Invalid(_)) => {
                problems::add(&mut errors, text, &error.problems());
            }
            other => return Ok(Ok(admin.client(other)?)),
        }
    }
    Ok(Err(errors))
}

/// Back to the page; or the page at once when the change has made a secret.
pub async fn saved(admin: &Admin, made: Created) -> Answer {
    admin.changed().await?;
    match made.secret {
        Some(secret) => Ok(shown(admin, &made.client, Some(secret)).await?.respond()),
        None => Ok(admin.done(&of_client(&made.client.id), Notice::ClientSaved)),
    }
}
