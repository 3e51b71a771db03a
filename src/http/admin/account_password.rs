//! A new password for somebody, typed by the administrator or made here and shown once.

use super::account_acts::mistake;
use super::guard::{Admin, Answer, Posted, Stop};
use super::list::below;
use crate::domain::identity::passwords;
use crate::domain::identity::users::{self, Account, AccountError};
use crate::http::page::{Nav, Notice};
use crate::http::problems;
use crate::http::views::Errors;
use crate::http::views::admin::SetPassword;
use crate::http::visitor::see_other;
use actix_web::web::Path;

/// Shows the form.
pub async fn get(admin: Admin, id: Path<String>) -> Answer {
    let account = found(&admin, &id).await?;
    admin.recent()?;
    Ok(form(&admin, &account).respond())
}

/// Sets it. Everything the person has with the one before ends.
pub async fn set(admin: Admin, id: Path<String>, posted: Posted) -> Answer {
    let account = found(&admin, &id).await?;
    admin.recent()?;
    let mut view = SetPassword { reason: posted.field("reason"), ..form(&admin, &account) };
    let makes = posted.field("how") == "make";
    let password = match makes {
        true => users::make_password(admin.provider().random.as_ref()),
        false => posted.exact("new-password").unwrap_or_default(),
    };
    view.errors = mistakes(&admin, &posted, &password, makes);
    if !view.errors.is_empty() {
        return Ok(view.respond());
    }
    let base = below("/admin/users", &account.user.id);
    if !admin.first(&posted).await? {
        return Ok(admin.done(&base, Notice::SentBefore));
    }
    let (ground, actor) = (admin.ground(), admin.actor().because(&view.reason));
    let made = makes.then(|| password.clone());
    admin.account(users::set_password(&ground, &account.user.id, password, None, &actor).await)?;
    admin.changed().await?;
    match made {
        // The answer itself shows it: it stands in no address and no cookie.
        Some(_) => Ok(SetPassword { made, ..view }.respond()),
        None => Ok(admin.done(&base, Notice::UserPasswordSet)),
    }
}

/// The account of somebody else: one's own password is changed where the one before is asked for.
async fn found(admin: &Admin, id: &str) -> Result<Account, Stop> {
    if admin.is(id) {
        return Err(Stop(see_other("/account/password")));
    }
    let account = admin.read(users::find(&admin.ground(), id).await)?;
    admin.found(account)
}

fn form(admin: &Admin, account: &Account) -> SetPassword {
    let user = &account.user;
    SetPassword {
        page: admin.page(Nav::Users),
        base: below("/admin/users", &user.id),
        name: user.display_name().to_owned(),
        username: user.username.clone().unwrap_or_else(|| user.email.clone()),
        once: admin.mark(),
        minimum: passwords::LENGTH.start().to_string(),
        ..SetPassword::default()
    }
}

fn mistakes(admin: &Admin, posted: &Posted, password: &str, makes: bool) -> Errors {
    let text = admin.page(Nav::Users).text;
    let mut errors = Errors::default();
    if let Some(problem) = mistake(&posted.field("reason")) {
        errors.add("reason", text, problem);
    }
    if !makes {
        let again = posted.exact("new-password-confirm").unwrap_or_default();
        problems::add_new_password(&mut errors, text, password, &again);
        if let Err(AccountError::Invalid(found)) = users::check_password(password)
            && errors.get("new-password").is_none()
        {
            problems::add(&mut errors, text, &found);
        }
    }
    errors
}
