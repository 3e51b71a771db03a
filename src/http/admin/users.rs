//! The list of accounts, and making one.

use super::guard::{Admin, Answer, Posted};
use super::list::{self, address, below};
use crate::domain::admin;
use crate::domain::identity::passwords;
use crate::domain::identity::users::{self as accounts, Account, AccountError, UserQuery};
use crate::http::edge::QueryParams;
use crate::http::page::{Nav, Notice, Page};
use crate::http::problems;
use crate::http::views::admin::{NewUser, UserRow, Users};
use crate::http::views::choice::Choice;
use crate::http::views::{Badge, Errors};
use crate::protocol::params::Params;

const LIST: &str = "/admin/users";

/// Shows the list.
pub async fn list(admin: Admin, QueryParams(query): QueryParams) -> Answer {
    let [search, status, role] = ["q", "status", "role"].map(|name| list::text(&query, name));
    let wanted = UserQuery {
        search: Some(search.clone()).filter(|text| !text.is_empty()),
        blocked: match status.as_str() {
            "active" => Some(false),
            "blocked" => Some(true),
            _ => None,
        },
        role: Some(role.clone()).filter(|role| !role.is_empty()),
        after: list::after(&query),
        limit: list::rows(&query),
    };
    let is_first = wanted.after.is_none();
    let found = admin.read(admin::users(&admin.ground(), wanted).await)?;
    let page = admin.page(Nav::Users);
    let pages = Pages { query: &query, filter: [&search, &status, &role] };
    let last = found.accounts.last().filter(|_| found.more);
    Ok(Users {
        states: Choice::user_states(page.text, &status),
        roles: roles(&page, &found.roles, &role),
        summary: Users::summary(&page, found.accounts.len(), found.total),
        rows: found.accounts.iter().map(|account| row(&admin, &page, account)).collect(),
        first: (!is_first).then(|| pages.address("")),
        next: last.map(|last| pages.address(&list::cursor(last.user.created_at, &last.user.id))),
        query: search,
        page,
    }
    .respond())
}

/// The filter, for the addresses of other pages.
struct Pages<'a> {
    query: &'a Params,
    filter: [&'a str; 3],
}

impl Pages<'_> {
    fn address(&self, after: &str) -> String {
        let [search, status, role] = self.filter;
        let size = list::text(self.query, "page_size");
        let filter = [("q", search), ("status", status), ("role", role), ("page_size", &size)];
        address(LIST, &[filter.as_slice(), &[("after", after)]].concat())
    }
}

fn roles(page: &Page, known: &[String], chosen: &str) -> Vec<Choice> {
    let any = Choice::new("", &page.t("any"), chosen.is_empty());
    let list = Choice::list(known.iter().map(String::as_str), &[chosen]);
    std::iter::once(any).chain(list).collect()
}

fn row(admin: &Admin, page: &Page, account: &Account) -> UserRow {
    let user = &account.user;
    let now = admin.provider().now();
    UserRow {
        name: user.username.clone().unwrap_or_else(|| user.email.clone()),
        href: below(LIST, &user.id),
        email: user.email.clone(),
        status: Badge::user(page.text, user.blocked_at.is_some()),
        roles: account.roles.join(", "),
        last_sign_in: user.last_sign_in_at.map(|at| page.text.ago(at, now)),
    }
}

/// Shows the empty form.
pub async fn new(admin: Admin) -> Answer {
    Ok(form(&admin, Errors::default(), None).respond())
}

/// Makes an account.
pub async fn create(admin: Admin, posted: Posted) -> Answer {
    let new = typed(&posted);
    if !new.roles.is_empty() {
        admin.recent_or("/admin/users/new")?;
    }
    match accounts::create(&admin.ground(), new, &admin.actor()).await {
        Ok(account) => Ok(admin.done(&below(LIST, &account.user.id), Notice::UserCreated)),
        Err(error @ (AccountError::Invalid(_) | AccountError::Taken(_))) => {
            let text = admin.page(Nav::Users).text;
            let mut errors = Errors::default();
            problems::add(&mut errors, text, &error.problems());
            Ok(form(&admin, errors, Some(&posted)).respond())
        }
        Err(error) => admin.account(Err(error)),
    }
}

fn typed(posted: &Posted) -> accounts::NewUser {
    accounts::NewUser {
        email: posted.field("email"),
        username: posted.optional("username"),
        name: posted.optional("name"),
        password: posted.exact("new-password"),
        roles: list::names(&posted.field("roles")),
        groups: list::names(&posted.field("groups")),
        ..accounts::NewUser::default()
    }
}

fn form(admin: &Admin, errors: Errors, posted: Option<&Posted>) -> NewUser {
    let field = |name| posted.map(|posted| posted.field(name)).unwrap_or_default();
    NewUser {
        page: admin.page(Nav::Users),
        errors,
        email: field("email"),
        username: field("username"),
        name: field("name"),
        roles: field("roles"),
        groups: field("groups"),
        minimum: passwords::LENGTH.start().to_string(),
    }
}
