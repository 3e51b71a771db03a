//! The client credentials grant (RFC 6749 §4.4): a client for itself.

use super::{Grant, Redemption, Subject};
use crate::domain::clients::RegisteredClient;
use crate::domain::provider::Provider;
use crate::domain::resources::Target;
use crate::protocol::claims::SCOPE_CLAIMS;
use crate::protocol::client::GrantType;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::protocol::revocation::{ALL_KEY, RevocationKind};
use crate::protocol::scope::Scope;
use async_trait::async_trait;

/// Gives a client a token about itself.
pub struct ClientCredentialsGrant;

#[async_trait]
impl Grant for ClientCredentialsGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::ClientCredentials
    }

    async fn redeem(
        &self,
        provider: &Provider,
        client: &RegisteredClient,
        params: &Params,
    ) -> Result<Redemption, OAuthError> {
        if client.is_public() {
            return Err(OAuthError::new(
                ErrorCode::UnauthorizedClient,
                "a public client cannot act for itself",
            ));
        }
        let target = Target::of(provider, client, params, None).await?;
        let own = own_scope(&client.metadata.scope);
        let scope = match params.one("scope")? {
            None => own,
            Some(_) => super::narrowed(params, &own)?,
        };
        let marks = [(RevocationKind::Client, client.id.as_str()), (RevocationKind::All, ALL_KEY)];
        Ok(Redemption {
            subject: Subject::Client,
            scope,
            target,
            spend: None,
            refresh: None,
            bound_to: Confirmation::default(),
            confirmation: Confirmation::default(),
            earliest_iat: provider.revocation.earliest_iat(marks, provider.now()),
        })
    }
}

/// What a client may have without a person: not what is about one.
fn own_scope(registered: &Scope) -> Scope {
    let about_people = ["openid", "offline_access"];
    let about_people = about_people.into_iter().chain(SCOPE_CLAIMS.iter().map(|(token, _)| *token));
    about_people.fold(registered.clone(), |scope, token| scope.without(token))
}
