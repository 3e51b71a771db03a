//! What an administrator does to a person: each with a page that asks first, and a reason.

use super::guard::{Admin, Answer, Posted, Stop};
use super::list::below;
use crate::domain::audit::Actor;
use crate::domain::form::is_hidden;
use crate::domain::identity::users::{self, Account, AccountError};
use crate::http::page::{Nav, Notice};
use crate::http::views::confirm::{self, Confirm};
use crate::http::views::problem::Problem;
use actix_web::web::Path;

/// The longest reason, in characters.
const MAX_REASON: usize = 500;

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Block,
    Unblock,
    RevokeTokens,
    SignOut,
    Delete,
}

impl Act {
    /// From the last part of the address, which the routes have checked.
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "block" => Some(Self::Block),
            "unblock" => Some(Self::Unblock),
            "revoke-tokens" => Some(Self::RevokeTokens),
            "sign-out" => Some(Self::SignOut),
            "delete" => Some(Self::Delete),
            _ => None,
        }
    }

    const fn words(self, name: &str) -> confirm::Act<'_> {
        match self {
            Self::Block => confirm::Act::BlockUser { name },
            Self::Unblock => confirm::Act::UnblockUser { name },
            Self::RevokeTokens => confirm::Act::RevokeTokens { name },
            Self::SignOut => confirm::Act::SignOutUser { name },
            Self::Delete => confirm::Act::DeleteUser { name },
        }
    }

    const fn notice(self) -> Notice {
        match self {
            Self::Block => Notice::UserBlocked,
            Self::Unblock => Notice::UserUnblocked,
            Self::RevokeTokens => Notice::TokensRevoked,
            Self::SignOut => Notice::UserSignedOut,
            Self::Delete => Notice::UserDeleted,
        }
    }

    /// The page to go to when it is done.
    fn page_after(self, id: &str) -> String {
        match self {
            Self::Delete => "/admin/users".to_owned(),
            _ => below("/admin/users", id),
        }
    }
}

/// Asks.
pub async fn ask(admin: Admin, path: Path<(String, String)>) -> Answer {
    let (act, account) = found(&admin, &path).await?;
    admin.recent()?;
    Ok(page(&admin, act, &path.1, &account).respond())
}

/// Does it.
pub async fn perform(admin: Admin, path: Path<(String, String)>, posted: Posted) -> Answer {
    let (act, account) = found(&admin, &path).await?;
    admin.recent()?;
    let reason = posted.field("reason");
    if let Some(problem) = mistake(&reason) {
        return Ok(page(&admin, act, &path.1, &account).refused(&reason, problem).respond());
    }
    let id = &account.user.id;
    let done = match act {
        Act::Block => users::block(&admin.ground(), id, &reason, &admin.actor()).await.map(drop),
        Act::Unblock => {
            let actor = admin.actor().because(&reason);
            users::unblock(&admin.ground(), id, &actor).await.map(drop)
        }
        Act::RevokeTokens => {
            let actor = admin.actor().because(&reason);
            users::revoke_tokens(&admin.ground(), id, &actor).await
        }
        Act::SignOut => sign_out(&admin, id, &admin.actor().because(&reason)).await?,
        Act::Delete => {
            let actor = admin.actor().because(&reason);
            users::delete(&admin.ground(), id, &actor).await
        }
    };
    admin.account(done)?;
    admin.changed().await?;
    Ok(admin.done(&act.page_after(id), act.notice()))
}

/// Ends every session of a person, each with the tokens that live by it.
async fn sign_out(
    admin: &Admin,
    id: &str,
    actor: &Actor,
) -> Result<Result<(), AccountError>, Stop> {
    for session in admin.read(users::live_sessions(&admin.ground(), id).await)? {
        if let Err(error) = users::end_session(&admin.ground(), id, &session.sid, actor).await {
            return Ok(Err(error));
        }
    }
    admin.provider().outbox.wake();
    Ok(Ok(()))
}

async fn found(admin: &Admin, path: &(String, String)) -> Result<(Act, Account), Stop> {
    let act = admin.found(Act::from_name(&path.1))?;
    let account = admin.read(users::find(&admin.ground(), &path.0).await)?;
    Ok((act, admin.found(account)?))
}

fn page(admin: &Admin, act: Act, name: &str, account: &Account) -> Confirm {
    let base = below("/admin/users", &account.user.id);
    let action = format!("{base}/{name}");
    Confirm::new(admin.page(Nav::Users), act.words(account.user.display_name()), &action, &base)
}

/// What is wrong with a reason.
pub fn mistake(reason: &str) -> Option<Problem> {
    let too_long = reason.chars().count() > MAX_REASON;
    match reason.is_empty() {
        true => Some(Problem::ReasonMissing),
        false => (too_long || reason.chars().any(is_hidden)).then_some(Problem::ReasonInvalid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_must_be_there_and_be_readable() {
        assert_eq!(mistake(""), Some(Problem::ReasonMissing));
        assert_eq!(mistake(&"x".repeat(501)), Some(Problem::ReasonInvalid));
        assert_eq!(mistake("a\u{202E}b"), Some(Problem::ReasonInvalid));
        assert_eq!(mistake("left the company"), None);
    }
}
