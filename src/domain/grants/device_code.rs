//! The device authorization grant (RFC 8628 §3.4).

use super::{Grant, OneTimeValue, Person, Redemption, Subject};
use crate::domain::audit::Actor;
use crate::domain::clients::RegisteredClient;
use crate::domain::deferred;
use crate::domain::digest::digest;
use crate::domain::provider::Provider;
use crate::domain::resources::Target;
use crate::protocol::client::GrantType;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use crate::storage::deferred_requests::Kind;
use async_trait::async_trait;

/// Gives a device what somebody allowed it elsewhere.
pub struct DeviceCodeGrant;

#[async_trait]
impl Grant for DeviceCodeGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::DeviceCode
    }

    #[tracing::instrument(level = "debug", name = "grant.device_code", skip_all, fields(client.id = %client.id))]
    async fn redeem(
        &self,
        provider: &Provider,
        client: &RegisteredClient,
        params: &Params,
        _actor: &Actor,
    ) -> Result<Redemption, OAuthError> {
        let code_hash = digest(params.required("device_code")?);
        let person = deferred::ask(provider, client, Kind::Device, code_hash.clone()).await?;
        redemption(provider, client, params, person, code_hash).await
    }
}

/// What a client may have of what somebody decided elsewhere.
pub(super) async fn redemption(
    provider: &Provider,
    client: &RegisteredClient,
    params: &Params,
    person: Person,
    code_hash: String,
) -> Result<Redemption, OAuthError> {
    let target = Target::of(provider, client, params, Some(&person.authorization)).await?;
    let earliest_iat = person.earliest_iat(provider);
    Ok(Redemption {
        scope: super::narrowed(params, &person.authorization.scope)?,
        refresh: super::first_refresh_token(provider, client, &person.authorization),
        subject: Subject::Person(Box::new(person)),
        target,
        spend: Some(OneTimeValue::DeferredRequest(code_hash)),
        earliest_iat,
        bound_to: Confirmation::default(),
        confirmation: Confirmation::default(),
        exchange: None,
        begins: false,
    })
}
