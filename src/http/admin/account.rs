//! One account: what it is, and saving it.

use super::account_session;
use super::audit;
use super::guard::{Admin, Answer, Posted, Stop};
use super::list::{self, address, below, of_client};
use super::version;
use crate::domain::admin::{self, Names, UserDetails};
use crate::domain::identity::users::{
    self, Account, AccountError, NewUser, Profile, Session, User,
};
use crate::domain::private_claims::ATTRIBUTES;
use crate::http::page::{Nav, Notice, Page};
use crate::http::problems;
use crate::http::text::Language;
use crate::http::views::admin::{AppRow, SessionRow, UserPage};
use crate::http::views::choice::Choice;
use crate::http::views::problem::Problem;
use crate::http::views::{Badge, Errors, device};
use crate::protocol::time::Timestamp;
use actix_web::web::Path;
use serde_json::{Map, Value};

/// Shows an account.
pub async fn get(admin: Admin, id: Path<String>) -> Answer {
    let found = admin.read(admin::user(&admin.ground(), &id).await)?;
    let details = admin.found(found)?;
    let names = admin.read(admin::names(&admin.ground(), &details.events).await)?;
    Ok(shown(&admin, details, &names).respond())
}

fn shown(admin: &Admin, details: UserDetails, names: &Names) -> UserPage {
    let page = admin.page(Nav::Users);
    let now = admin.provider().now();
    let version = version(&details.account);
    let Account { user, roles, groups } = details.account;
    UserPage {
        version,
        base: below("/admin/users", &user.id),
        own: admin.is(&user.id),
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
        audit: details.events.iter().map(|event| audit::row(&page, event, names)).collect(),
        audit_url: address("/admin/audit", &[("target", &format!("user:{}", user.id))]),
        id: user.id,
        languages: languages(&page, user.language.as_deref().unwrap_or_default()),
        email_verified: user.email_verified,
        email: user.email,
        username: user.username.unwrap_or_default(),
        name: user.name.unwrap_or_default(),
        errors: Errors::default(),
        page,
    }
}

fn version(account: &Account) -> String {
    let Account { user, roles, groups } = account;
    let names = (&user.email, user.email_verified, &user.username, &user.name, &user.language);
    version::of(&(names, user.claims.get(ATTRIBUTES), roles, groups))
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

/// The languages of the pages, and that which is stored when it is another.
fn languages(page: &Page, chosen: &str) -> Vec<Choice> {
    let known = Language::ALL.into_iter().find(|language| language.tag() == chosen);
    let mut choices = Choice::languages(page.text, known);
    if known.is_none() && !chosen.is_empty() {
        choices.iter_mut().for_each(|choice| choice.chosen = false);
        choices.push(Choice::new(chosen, chosen, true));
    }
    choices
}

/// Saves who somebody is, and roles, groups and attributes. By names and addresses people sign in and
/// apps know them, and of the others what apps let them do depends, so changing those is sensitive.
pub async fn save(admin: Admin, id: Path<String>, posted: Posted) -> Answer {
    let ground = admin.ground();
    let before = admin.found(admin.read(users::find(&ground, &id).await)?)?;
    let [roles, groups] = ["roles", "groups"].map(|field| sorted(&posted.field(field)));
    let profile = typed(&posted, &before.user);
    let mut errors = mistakes(&admin, &profile, &roles, &groups);
    version::check(&admin, &posted, &version(&before), "user-save", &mut errors);
    let claims = typed_claims(&posted, &before);
    if claims.is_none() {
        errors.add(ATTRIBUTES, admin.page(Nav::Users).text, Problem::AttributesInvalid);
    }
    let claims = claims.unwrap_or_else(|| before.user.claims.clone());
    let profile = Profile { claims, ..profile };
    let taken = users::name_taken(&ground, &id, &profile).await;
    if let Some(taken) = admin.read(taken)? {
        problems::add(&mut errors, admin.page(Nav::Users).text, &taken.problems());
    }
    if !errors.is_empty() {
        return again(&admin, &id, &posted, errors).await;
    }
    let (new_roles, new_groups) = (roles != before.roles, groups != before.groups);
    let as_before = Profile::of(&before.user);
    let gentle = Profile { name: profile.name.clone(), ..as_before };
    let gentle = Profile { language: profile.language.clone(), ..gentle };
    if new_roles || new_groups || profile != gentle {
        admin.recent()?;
    }
    let actor = admin.actor();
    if new_roles {
        admin.account(users::set_roles(&ground, &id, roles, &actor).await)?;
    }
    if new_groups {
        admin.account(users::set_groups(&ground, &id, groups, &actor).await)?;
    }
    match users::update_profile(&ground, &before.user, profile, &actor).await {
        Err(error @ AccountError::Taken(_)) => {
            let mut errors = Errors::default();
            problems::add(&mut errors, admin.page(Nav::Users).text, &error.problems());
            return again(&admin, &id, &posted, errors).await;
        }
        done => admin.account(done)?,
    };
    admin.changed().await?;
    Ok(admin.done(&below("/admin/users", &id), Notice::UserSaved))
}

/// Who somebody is by the form. What the form does not have stays as it is.
fn typed(posted: &Posted, before: &User) -> Profile {
    let stored = Profile::of(before);
    let name = posted.optional("name");
    if !posted.0.has("email") {
        return Profile { name, ..stored };
    }
    let email = posted.field("email");
    // The tick of the address before says nothing of another.
    let may_be = email == before.email || !before.email_verified;
    Profile {
        email_verified: may_be && posted.ticked("email_verified"),
        email,
        username: posted.optional("username"),
        name,
        language: posted.optional("language"),
        ..stored
    }
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
fn mistakes(admin: &Admin, profile: &Profile, roles: &[String], groups: &[String]) -> Errors {
    let as_new = NewUser {
        email: profile.email.clone(),
        username: profile.username.clone(),
        name: profile.name.clone(),
        language: profile.language.clone(),
        roles: roles.to_vec(),
        groups: groups.to_vec(),
        ..NewUser::default()
    };
    let mut errors = Errors::default();
    problems::add(&mut errors, admin.page(Nav::Users).text, &as_new.problems());
    errors
}

async fn again(admin: &Admin, id: &str, posted: &Posted, errors: Errors) -> Answer {
    let found: Result<_, Stop> = admin.read(admin::user(&admin.ground(), id).await);
    let details = admin.found(found?)?;
    let names = admin.read(admin::names(&admin.ground(), &details.events).await)?;
    let page = shown(admin, details, &names);
    let typed = |field, stored: String| match posted.0.has(field) {
        true => posted.field(field),
        false => stored,
    };
    let languages = match posted.0.has("language") {
        true => languages(&page.page, &posted.field("language")),
        false => page.languages,
    };
    Ok(UserPage {
        errors,
        email_verified: match posted.0.has("email") {
            true => posted.ticked("email_verified"),
            false => page.email_verified,
        },
        email: typed("email", page.email),
        username: typed("username", page.username),
        name: typed("name", page.name),
        roles: typed("roles", page.roles),
        groups: typed("groups", page.groups),
        attributes: typed(ATTRIBUTES, page.attributes),
        languages,
        ..page
    }
    .respond())
}
