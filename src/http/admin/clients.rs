//! The list of clients, and the way to a new one.

use super::client_form;
use super::guard::{Admin, Answer, MARK, Posted};
use super::list::{self, address, of_client};
use crate::domain::admin::{self, ClientSummary, LastUse};
use crate::domain::clients::management::{self, ClientDraft, ClientError, Created};
use crate::http::edge::QueryParams;
use crate::http::page::{Nav, Notice, Page};
use crate::http::problems;
use crate::http::views::admin::{
    ClientCreated, ClientForm, ClientKind, ClientRow, Clients, NewClient,
};
use crate::http::views::problem::Problem;
use crate::http::views::{Badge, Errors};
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;

const LIST: &str = "/admin/clients";
const WIZARD: &str = "/admin/clients/new";
/// What people let most apps have.
const USUAL_SCOPE: &str = "openid profile email offline_access";

/// Shows the list.
pub async fn list(admin: Admin, QueryParams(query): QueryParams) -> Answer {
    let after = list::after(&query);
    let is_first = after.is_none();
    let found = admin::clients(&admin.ground(), after, list::rows(&query)).await;
    let (clients, more) = admin.read(found)?;
    let page = admin.page(Nav::Clients);
    let now = admin.provider().now();
    let size = list::text(&query, "page_size");
    let at = |cursor: &str| address(LIST, &[("page_size", &size), ("after", cursor)]);
    let last = clients.last().filter(|_| more).map(|last| &last.client);
    Ok(Clients {
        rows: clients.iter().map(|summary| row(&page, summary, now)).collect(),
        first: (!is_first).then(|| at("")),
        next: last.map(|last| at(&list::cursor(last.created_at, &last.id))),
        page,
    }
    .respond())
}

fn row(page: &Page, summary: &ClientSummary, now: Timestamp) -> ClientRow {
    let client = &summary.client;
    ClientRow {
        name: client.name.clone(),
        href: of_client(&client.id),
        id: client.id.clone(),
        kind: client_form::shown(client.policy.kind).words(page.text),
        status: Badge::client(page.text, client.disabled),
        last_used: match summary.last_use {
            LastUse::At(at) => Some(page.text.ago(at, now)),
            LastUse::LongAgo => Some(page.t("long-ago").into_owned()),
            LastUse::Never => None,
        },
        secret_age: summary.secret_since.map(|at| page.text.ago(at, now)),
    }
}

/// Asks which type, then for the rest. The rest ends in a secret, so it begins with a recent
/// sign-in: nothing that was typed gets lost on the way to one.
pub async fn new(admin: Admin, QueryParams(query): QueryParams) -> Answer {
    let page = admin.page(Nav::Clients);
    let Some(kind) = ClientKind::from_name(&list::text(&query, "type")) else {
        return Ok(NewClient { page }.respond());
    };
    admin.recent()?;
    let scope = if kind.has_people() { USUAL_SCOPE } else { "" };
    let once = admin.mark();
    Ok(ClientForm { page, kind, once, scope: scope.into(), ..ClientForm::default() }.respond())
}

/// Makes a client. The mark of the form is its id, so that a form that is sent again makes no other.
pub async fn create(admin: Admin, posted: Posted) -> Answer {
    let kind = admin.found(ClientKind::from_name(&posted.field("type")))?;
    admin.recent_or(&address(WIZARD, &[("type", kind.name())]))?;
    let mut draft = client_form::draft(kind);
    draft.id = posted.optional(MARK).filter(|mark| is_id(mark));
    draft.name = posted.field("name");
    if kind.has_people() {
        draft.metadata.redirect_uris = list::lines(&posted.field("redirect_uris"));
        let after_logout = list::lines(&posted.field("post_logout_redirect_uris"));
        draft.metadata.post_logout_redirect_uris = after_logout;
    }
    let scope = posted.field("scope").parse::<Scope>();
    draft.metadata.scope = scope.as_ref().cloned().unwrap_or_default();
    let errors = mistakes(&admin, &draft, scope.is_ok());
    if !errors.is_empty() {
        return Ok(again(&admin, kind, &posted, errors));
    }
    let id = draft.id.clone();
    let made = match (management::create(&admin.ground(), draft, &admin.actor()).await, id) {
        (Err(ClientError::Taken), Some(id)) => {
            return Ok(admin.done(&of_client(&id), Notice::SentBefore));
        }
        (made, _) => admin.client(made)?,
    };
    admin.changed().await?;
    Ok(created(&admin, made))
}

/// Whether a mark is as we make ids.
fn is_id(mark: &str) -> bool {
    mark.len() == 32 && mark.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// All that is wrong with a new client.
fn mistakes(admin: &Admin, draft: &ClientDraft, scope_is_right: bool) -> Errors {
    let text = admin.page(Nav::Clients).text;
    let wrong = match draft.clone().checked() {
        Err(error @ ClientError::Invalid(_)) => error.problems(),
        _ => Vec::new(),
    };
    let mut errors = Errors::default();
    problems::add(&mut errors, text, &wrong);
    if !scope_is_right {
        errors.add("scope", text, Problem::ScopeInvalid);
    }
    if !management::idle_scopes(&draft.metadata).is_empty() {
        errors.add("scope", text, Problem::ScopeOfPeople);
    }
    errors
}

fn again(
    admin: &Admin,
    kind: ClientKind,
    posted: &Posted,
    errors: Errors,
) -> actix_web::HttpResponse {
    ClientForm {
        page: admin.page(Nav::Clients),
        kind,
        errors,
        once: admin.mark(),
        name: posted.field("name"),
        redirect_uris: posted.field("redirect_uris"),
        post_logout_redirect_uris: posted.field("post_logout_redirect_uris"),
        scope: posted.field("scope"),
    }
    .respond()
}

/// The answer itself shows the secret: it stands in no address and no cookie (AD-07).
fn created(admin: &Admin, made: Created) -> actix_web::HttpResponse {
    let page = admin.page(Nav::Clients);
    let Created { client, secret } = made;
    ClientCreated {
        snippets: client_form::snippets(admin, page.text, &client, secret.as_deref()),
        href: of_client(&client.id),
        test_url: client_form::test_url(admin, &client),
        name: client.name,
        client_id: client.id,
        secret,
        page,
    }
    .respond()
}
