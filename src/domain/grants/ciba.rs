//! The CIBA grant (OpenID Connect CIBA §10.1).

use super::{Grant, Redemption, device_code};
use crate::domain::audit::Actor;
use crate::domain::clients::RegisteredClient;
use crate::domain::deferred;
use crate::domain::digest::digest;
use crate::domain::provider::Provider;
use crate::protocol::client::GrantType;
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use crate::storage::deferred_requests::Kind;
use async_trait::async_trait;

/// Gives a client what somebody allowed it on their account.
pub struct CibaGrant;

#[async_trait]
impl Grant for CibaGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::Ciba
    }

    #[tracing::instrument(level = "debug", name = "grant.ciba", skip_all, fields(client.id = %client.id))]
    async fn redeem(
        &self,
        provider: &Provider,
        client: &RegisteredClient,
        params: &Params,
        _actor: &Actor,
    ) -> Result<Redemption, OAuthError> {
        let code_hash = digest(params.required("auth_req_id")?);
        let person = deferred::ask(provider, client, Kind::Ciba, code_hash.clone()).await?;
        device_code::redemption(provider, client, params, person, code_hash).await
    }
}
