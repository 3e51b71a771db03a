//! Making an account for oneself (Initiating User Registration via OpenID Connect 1.0), where the
//! operator allows it.
//!
//! Nobody learns here whether an address has an account: what is done for one that is taken reads
//! as what is done for one that is free, and costs as much.

use super::throttle::{Limit, TooMany, address_name};
use super::users::{self, AccountError, NewUser};
use crate::domain::audit::{Actor, EventExt};
use crate::domain::form::FieldProblem;
use crate::domain::provider::Provider;
use crate::protocol::error::OAuthError;
use crate::protocol::time::Lifetime;
use crate::storage::audit;

/// Accounts asked for from one address.
const PER_ADDRESS: Limit = Limit { attempts: 10, window: Lifetime::hours(1) };

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    /// Fields that are not as they must be.
    #[error("the form is not complete")]
    Invalid(Vec<FieldProblem>),
    #[error(transparent)]
    SlowDown(#[from] TooMany),
    #[error(transparent)]
    Fault(OAuthError),
}

/// Makes an account, if the address has none.
///
/// # Errors
///
/// See [`SignUpError`]. An address that is taken is no error.
pub async fn sign_up(
    provider: &Provider,
    email: &str,
    name: Option<&str>,
    password: &str,
    actor: &Actor,
) -> Result<(), SignUpError> {
    let new = NewUser {
        email: email.to_owned(),
        name: name.map(str::to_owned),
        password: Some(password.to_owned()),
        ..NewUser::default()
    };
    let problems = new.problems();
    if !problems.is_empty() {
        return Err(SignUpError::Invalid(problems));
    }
    let address = format!("sign-up {}", address_name(actor.ip.as_deref()));
    provider.throttle.take(&address, PER_ADDRESS).await?;
    match users::create(&provider.ground(), new, actor).await {
        Ok(_) => Ok(()),
        Err(AccountError::Taken(_)) => record_refusal(provider, actor).await,
        Err(AccountError::Invalid(problems)) => Err(SignUpError::Invalid(problems)),
        Err(AccountError::Storage(error)) => Err(SignUpError::Fault(error.into())),
        Err(other) => Err(SignUpError::Fault(OAuthError::server_error(other))),
    }
}

/// Without the address: the log tells of somebody's mistake, or of somebody who looks for accounts.
async fn record_refusal(provider: &Provider, actor: &Actor) -> Result<(), SignUpError> {
    let event = actor.event("user.create", provider.now()).result("denied").details("taken");
    let written = provider.db.write(move |conn| audit::insert(conn, &event)).await;
    written.map_err(|error| SignUpError::Fault(error.into()))
}
