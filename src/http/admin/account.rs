//! One account: what it is, and saving it.

use super::account_session;
use super::audit;
use super::guard::{Admin, Answer, Posted, Stop};
use super::list::{self, address, below, of_client};
use crate::domain::admin::{self, UserDetails};
use crate::domain::identity::users::{
    self, Account, AccountError, NewUser, Profile, Session, User,
};
use crate::domain::private_claims::ATTRIBUTES;
use crate::http::page::{Nav, Notice, Page};
use crate::http::problems;
use crate::http::views::admin::{AppRow, SessionRow, UserPage};
use crate::http::views::problem::Problem;
use crate::http::views::{Badge, Errors, device};
use crate::protocol::time::Timestamp;
use actix_web::web::Path;
use serde_json::{Map, Value};

/// Shows an account.
pub async fn get(admin: Admin, id: Path<String>) -> Answer {
    let found = admin.read(admin::user(&admin.ground(), &id).await)?;
    Ok(shown(&admin, admin.found(found)?).respond())
}

fn shown(admin: &Admin, details: UserDetails) -> UserPage {
    let page = admin.page(Nav::Users);
    let now = admin.provider().now();
    let Account { user, roles, groups } = details.account;
    UserPage {
        base: below("/admin/users", &user.id),
        title: user.display_name().to_owned(),
        status: Badge::user(page.text, user.blocked_at.is_some()),
        blocked: user.blocked_at.is_some(),
        blocked_note: blocked_note(&page, user.blocked_at, user.blocked_reason.as_deref()),
        created: page.text.date(user.created_at),
        last_sign_in: user.last_sign_in_at.map(|at| page.text.ago(at, now)),
        roles: roles.join(", "),
        groups: groups.join(", "),
        attributes: in_json(&user.claims),
        sessions: details.sessions.iter().map(|it| session_row(&page, it, now)).collect(),
        apps: details.apps.into_iter().map(|app| app_row(&page, app)).collect(),
        audit: details.events.iter().map(|event| audit::row(&page, event)).collect(),
        audit_url: address("/admin/audit", &[("target", &format!("user:{}", user.id))]),
        id: user.id,
        email: user.email,
        username: user.username.unwrap_or_default(),
        name: user.name.unwrap_or_default(),
        errors: Errors::default(),
        page,
    }
}

fn blocked_note(page: &Page, at: Option<Timestamp>, reason: Option<&str>) -> String {
    let Some(at) = at else { return String::new() };
    let reason = reason.filter(|reason| !reason.is_empty()).unwrap_or("–");
    let date = page.text.date_time(at);
    page.with("user-blocked-note", &[("date", &date), ("reason", reason)])
}

fn session_row(page: &Page, session: &Session, now: Timestamp) -> SessionRow {
    let ago = |at| page.text.ago(Timestamp::from_unix(at), now);
    SessionRow {
        device: device::describe(page.text, session.user_agent.as_deref().unwrap_or_default()),
        ip: session.ip.clone().unwrap_or_default(),
        signed_in: page.text.date_time(Timestamp::from_unix(session.auth_time)),
        last_seen: ago(session.last_seen_at),
        end_url: account_session::address(&session.user_id, &session.sid),
    }
}

fn app_row(page: &Page, (id, name, scope, since): (String, String, String, Timestamp)) -> AppRow {
    AppRow { href: of_client(&id), name, scope, since: page.text.date(since) }
}

/// Saves name, roles, groups and attributes. Who holds which of the latter decides what apps let them
/// do, so changing those is sensitive.
pub async fn save(admin: Admin, id: Path<String>, posted: Posted) -> Answer {
    let ground = admin.ground();
    let before = admin.found(admin.read(users::find(&ground, &id).await)?)?;
    let name = posted.optional("name");
    let [roles, groups] = ["roles", "groups"].map(|field| sorted(&posted.field(field)));
    let mut errors = mistakes(&admin, &before, name.clone(), &roles, &groups);
    let claims = typed_claims(&posted, &before);
    if claims.is_none() {
        errors.add(ATTRIBUTES, admin.page(Nav::Users).text, Problem::AttributesInvalid);
    }
    if !errors.is_empty() {
        return again(&admin, &id, &posted, errors).await;
    }
    let (new_roles, new_groups) = (roles != before.roles, groups != before.groups);
    let claims = claims.unwrap_or_else(|| before.user.claims.clone());
    let new_claims = claims != before.user.claims;
    if new_roles || new_groups || new_claims {
        admin.recent()?;
    }
    let actor = admin.actor();
    if new_roles {
        admin.account(users::set_roles(&ground, &id, roles, &actor).await)?;
    }
    if new_groups {
        admin.account(users::set_groups(&ground, &id, groups, &actor).await)?;
    }
    if new_claims || name != before.user.name {
        let profile = Profile { name, claims, ..Profile::of(&before.user) };
        admin.account(rename(&admin, &before.user, profile).await)?;
    }
    admin.changed().await?;
    Ok(admin.done(&below("/admin/users", &id), Notice::UserSaved))
}

async fn rename(admin: &Admin, before: &User, profile: Profile) -> Result<(), AccountError> {
    users::update_profile(&admin.ground(), before, profile, &admin.actor()).await.map(drop)
}

/// The attributes of somebody as JSON; nothing when there are none.
fn in_json(claims: &Map<String, Value>) -> String {
    claims.get(ATTRIBUTES).map(|attributes| format!("{attributes:#}")).unwrap_or_default()
}

/// The claims of the account with the attributes that were typed. `None` when they are none.
fn typed_claims(posted: &Posted, before: &Account) -> Option<Map<String, Value>> {
    let mut claims = before.user.claims.clone();
    if !posted.0.has(ATTRIBUTES) {
        return Some(claims);
    }
    let typed = posted.field(ATTRIBUTES);
    match typed.is_empty() {
        true => drop(claims.remove(ATTRIBUTES)),
        false => drop(claims.insert(ATTRIBUTES.to_owned(), serde_json::from_str(&typed).ok()?)),
    }
    let changed = Profile { claims: claims.clone(), ..Profile::of(&before.user) };
    let is_right = changed.problems().iter().all(|problem| problem.field != "claims");
    is_right.then_some(claims)
}

fn sorted(typed: &str) -> Vec<String> {
    let mut names = list::names(typed);
    names.sort_unstable();
    names.dedup();
    names
}

/// All that is wrong with the form, before anything is written.
fn mistakes(
    admin: &Admin,
    before: &Account,
    name: Option<String>,
    roles: &[String],
    groups: &[String],
) -> Errors {
    let Profile { email, .. } = Profile::of(&before.user);
    let as_new = NewUser {
        email,
        name,
        roles: roles.to_vec(),
        groups: groups.to_vec(),
        ..NewUser::default()
    };
    let mut wrong = as_new.problems();
    wrong.retain(|problem| ["name", "roles", "groups"].contains(&problem.field));
    let mut errors = Errors::default();
    problems::add(&mut errors, admin.page(Nav::Users).text, &wrong);
    errors
}

async fn again(admin: &Admin, id: &str, posted: &Posted, errors: Errors) -> Answer {
    let found: Result<_, Stop> = admin.read(admin::user(&admin.ground(), id).await);
    let page = shown(admin, admin.found(found?)?);
    let [name, roles, groups] = ["name", "roles", "groups"].map(|field| posted.field(field));
    let attributes = posted.field(ATTRIBUTES);
    Ok(UserPage { errors, name, roles, groups, attributes, ..page }.respond())
}
