//! The client credentials grant (RFC 6749 §4.4): a client for itself.

use super::{Grant, Redemption, Subject};
use crate::domain::audit::Actor;
use crate::domain::clients::RegisteredClient;
use crate::domain::provider::Provider;
use crate::domain::resources::Target;
use crate::protocol::claims::scopes_about_people;
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
        _actor: &Actor,
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
            Some(asked) => {
                check_scope(&asked.parse()?, &client.metadata.scope)?;
                super::narrowed(params, &own)?
            }
        };
        let marks = [(RevocationKind::Client, client.id.as_str()), (RevocationKind::All, ALL_KEY)];
        let earliest_iat = provider.revocation.earliest_iat(marks, provider.issuing_at());
        Ok(Redemption {
            subject: Subject::Client,
            scope,
            target,
            spend: None,
            refresh: None,
            bound_to: Confirmation::default(),
            confirmation: Confirmation::default(),
            exchange: None,
            begins: false,
            earliest_iat,
        })
    }
}

/// Says what is wrong with a scope, instead of only that it is too much.
fn check_scope(asked: &Scope, registered: &Scope) -> Result<(), OAuthError> {
    if scopes_about_people().any(|token| asked.contains(token)) {
        return Err(OAuthError::invalid_scope(
            "openid, profile, email, address, phone and offline_access are about a person, and \
             client_credentials has none: leave them out",
        ));
    }
    match asked.is_within(registered) {
        true => Ok(()),
        false => Err(OAuthError::invalid_scope(
            "scope has a value that the client is not registered for",
        )),
    }
}

/// What a client may have without a person: not what is about one.
fn own_scope(registered: &Scope) -> Scope {
    scopes_about_people().fold(registered.clone(), |scope, token| scope.without(token))
}
