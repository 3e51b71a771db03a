//! What tokens would say of a person, without giving any away: for whoever sets the rules.

use crate::domain::clients;
use crate::domain::grants::{Person, Redemption, Subject};
use crate::domain::provider::Provider;
use crate::domain::resources::Target;
use crate::domain::tokens::access_token;
use crate::domain::tokens::id_token::{self, Beside};
use crate::protocol::claims::ClaimsRequest;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::OAuthError;
use crate::protocol::private_claims::LARGE_TOKEN_BYTES;
use crate::storage::authorizations::Authorization;
use crate::storage::users;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

/// A token as it would be.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Nothing where only its reader could tell.
    pub claims: Option<Value>,
    /// How long the token is.
    pub bytes: usize,
}

impl Sample {
    fn of(token: &str, kept: Option<&str>) -> Self {
        let payload = token.split('.').nth(1).filter(|_| token.split('.').count() == 3);
        let payload = payload.and_then(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok());
        let claims = match kept {
            Some(kept) => serde_json::from_str(kept).ok(),
            None => payload.and_then(|bytes| serde_json::from_slice(&bytes).ok()),
        };
        Self { claims, bytes: token.len() }
    }

    /// Whether servers on the way may find it too long for a header.
    pub fn is_large(&self) -> bool {
        self.bytes > LARGE_TOKEN_BYTES
    }
}

/// What a sign-in would give.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    pub access_token: Sample,
    /// For a client that signs people in.
    pub id_token: Option<Sample>,
}

/// Why there is nothing to show.
#[derive(Debug)]
pub enum NoPreview {
    Client,
    User,
    Target,
    Fault(OAuthError),
}

/// Makes the tokens that a client would get for a user and a resource, the default audience without
/// one, and forgets them.
///
/// # Errors
///
/// What there is not, and the faults of the database.
pub async fn of(
    provider: &Provider,
    client_id: &str,
    resource: Option<&str>,
    user: &str,
) -> Result<Preview, NoPreview> {
    let found = clients::find(provider, client_id).await.map_err(NoPreview::Fault)?;
    let client = found.ok_or(NoPreview::Client)?;
    let person = person(provider, &client, user).await?.ok_or(NoPreview::User)?;
    let wanted = resource.unwrap_or(provider.default_audience());
    let target = Target::of_all(provider, &client, &[wanted]).await;
    let now = provider.now();
    let redemption = Redemption {
        subject: Subject::Person(Box::new(person.clone())),
        scope: person.authorization.scope.clone(),
        target: target.map_err(|_| NoPreview::Target)?,
        spend: None,
        refresh: None,
        earliest_iat: now,
        bound_to: Confirmation::default(),
        confirmation: Confirmation::default(),
        exchange: None,
        begins: false,
    };
    let made = access_token::make(provider, &client, &redemption, now).map_err(NoPreview::Fault)?;
    let kept = made.record.as_ref().and_then(|record| record.claims.as_deref());
    let id_token = match client.metadata.scope.contains("openid") {
        true => {
            let beside = Beside { access_token: Some(&made.value), ..Beside::default() };
            let made = id_token::make(provider, &client, &person, beside, now).await;
            Some(Sample::of(&made.map_err(NoPreview::Fault)?, None))
        }
        false => None,
    };
    Ok(Preview { access_token: Sample::of(&made.value, kept), id_token })
}

/// The user as somebody who just signed in and allowed all that the client may ask for.
async fn person(
    provider: &Provider,
    client: &clients::RegisteredClient,
    name: &str,
) -> Result<Option<Person>, NoPreview> {
    let now = provider.now();
    let authorization = Authorization {
        id: provider.random.id(),
        client_id: client.id.clone(),
        user_id: String::new(),
        sid: Some(provider.random.id()),
        scope: client.metadata.scope.clone(),
        claims: ClaimsRequest::default(),
        resources: Vec::new(),
        details: Default::default(),
        nonce: None,
        auth_time: now,
        acr: "1".into(),
        amr: "pwd".into(),
        offline: false,
        created_at: now,
        expires_at: now,
        revoked: false,
    };
    let name = name.to_owned();
    let found = provider.db.read(move |conn| {
        let user = match users::find(conn, &name)? {
            Some(user) => Some(user),
            None => users::find_by_login_name(conn, &name)?,
        };
        match user {
            Some(user) => Person::find(conn, Authorization { user_id: user.id, ..authorization }),
            None => Ok(None),
        }
    });
    found.await.map_err(|error| NoPreview::Fault(error.into()))
}
