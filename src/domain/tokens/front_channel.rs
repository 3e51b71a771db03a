//! Tokens that go out with an authorization response (OpenID Connect Core §3.2, §3.3): for the older
//! response types, and only where the server offers them.

use super::access_token::{self, AccessToken};
use super::id_token::{self, Beside};
use crate::domain::clients::RegisteredClient;
use crate::domain::grants::{Person, Redemption, Subject};
use crate::domain::provider::Provider;
use crate::domain::resources::target::Target;
use crate::domain::revocation;
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::protocol::time::Timestamp;
use crate::storage::authorizations::Authorization;
use crate::storage::issued_tokens::{self, IssuedToken};
use crate::storage::{DbConnection, StorageError};

/// What goes out beside the code, or without one.
pub struct FrontChannel {
    /// The parameters of the response (§3.2.2.5, §3.3.2.5).
    pub fields: Vec<(&'static str, String)>,
    /// What must be written before they go out.
    pub record: TokenRecord,
}

/// The trace that front-channel tokens leave.
pub struct TokenRecord {
    issued: Option<IssuedToken>,
    iat: Timestamp,
    subject: (String, String, Option<String>),
}

/// Makes the tokens that a response type asks for; none for `code`.
///
/// # Errors
///
/// `access_denied` when the account was closed meanwhile, `invalid_request` when the client has no
/// key to encrypt to; those of the database.
pub async fn make(
    provider: &Provider,
    client: &RegisteredClient,
    request: &AuthorizationRequest,
    authorization: &Authorization,
    code: Option<&str>,
) -> Result<Option<FrontChannel>, OAuthError> {
    let response_type = request.response_type;
    if !response_type.is_front_channel() {
        return Ok(None);
    }
    let (person, iat) = read(provider, authorization).await?;
    let subject = Subject::Person(Box::new(person.clone()));
    let target = Target::of(provider, client, &Params::default(), Some(authorization)).await?;
    let redemption = Redemption {
        subject,
        scope: authorization.scope.clone(),
        target,
        spend: None,
        refresh: None,
        earliest_iat: iat,
        bound_to: Confirmation::default(),
        confirmation: Confirmation::default(),
        exchange: None,
        begins: false,
    };
    let access = match response_type.has_token() {
        true => Some(access_token::make(provider, client, &redemption, iat)?),
        false => None,
    };
    let id_token = match response_type.has_id_token() {
        true => {
            let beside = Beside {
                access_token: access.as_ref().map(|token| token.value.as_str()),
                code,
                state: request.state.as_deref(),
                alone: access.is_none() && code.is_none(),
            };
            Some(id_token::make(provider, client, &person, beside, iat).await?)
        }
        false => None,
    };
    let user_id = authorization.user_id.clone();
    let record = TokenRecord {
        issued: access.as_ref().and_then(|token| token.record.clone()),
        iat,
        subject: (user_id, client.id.clone(), authorization.sid.clone()),
    };
    let fields = fields(access, id_token, &redemption);
    Ok(Some(FrontChannel { fields, record }))
}

async fn read(
    provider: &Provider,
    authorization: &Authorization,
) -> Result<(Person, Timestamp), OAuthError> {
    let (authorization, now) = (authorization.clone(), provider.issuing_at());
    let found = provider.db.read_by_key(move |conn| {
        let Some(person) = Person::find(conn, authorization)? else { return Ok(None) };
        let of = &person.authorization;
        let sid = of.sid.as_deref();
        let iat = revocation::earliest_iat(conn, &of.user_id, &of.client_id, sid, now)?;
        Ok(Some((person, iat)))
    });
    let gone = || OAuthError::new(ErrorCode::AccessDenied, "the account was closed meanwhile");
    found.await?.ok_or_else(gone)
}

fn fields(
    access: Option<AccessToken>,
    id_token: Option<String>,
    redemption: &Redemption,
) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    if let Some(access) = access {
        fields.push(("access_token", access.value));
        fields.push(("token_type", "Bearer".to_owned()));
        fields.push(("expires_in", access.lifetime.as_seconds().to_string()));
        fields.push(("scope", redemption.target.scope(&redemption.scope).to_string()));
    }
    fields.extend(id_token.map(|token| ("id_token", token)));
    fields
}

impl TokenRecord {
    /// Writes it in the transaction of the answer. False when something was revoked since the
    /// tokens were made, so that they are dead before they go out.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub fn write(&self, conn: &mut DbConnection) -> Result<bool, StorageError> {
        let (user, client, sid) = &self.subject;
        let earliest = revocation::earliest_iat(conn, user, client, sid.as_deref(), self.iat)?;
        if earliest > self.iat {
            return Ok(false);
        }
        if let Some(token) = &self.issued {
            issued_tokens::insert(conn, token)?;
        }
        Ok(true)
    }
}
