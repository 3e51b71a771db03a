//! The authorization code grant (RFC 6749 §4.1.3, with PKCE as RFC 7636 §4.6 asks).

use super::{Grant, OneTimeValue, Person, Redemption, Subject};
use crate::domain::audit::Actor;
use crate::domain::clients::RegisteredClient;
use crate::domain::digest::{authorization_of_code, digest};
use crate::domain::provider::Provider;
use crate::domain::resources::Target;
use crate::protocol::client::GrantType;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use crate::storage::authorization_codes::{self, AuthorizationCode};
use async_trait::async_trait;

/// Exchanges a code for tokens.
pub struct AuthorizationCodeGrant;

#[async_trait]
impl Grant for AuthorizationCodeGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::AuthorizationCode
    }

    #[tracing::instrument(level = "debug", name = "grant.authorization_code", skip_all, fields(client.id = %client.id))]
    async fn redeem(
        &self,
        provider: &Provider,
        client: &RegisteredClient,
        params: &Params,
        _actor: &Actor,
    ) -> Result<Redemption, OAuthError> {
        let sent = params.required("code")?;
        let sent_redirect_uri = params.required("redirect_uri")?;
        let (code, person) = find(provider, sent).await?.ok_or_else(unusable)?;

        if person.authorization.client_id != client.id {
            return Err(unusable());
        }
        if code.redirect_uri != sent_redirect_uri {
            return Err(OAuthError::invalid_grant("redirect_uri is not the one of the request"));
        }
        check_verifier(&code, params.one("code_verifier")?)?;
        let authorization = Some(&person.authorization);
        let target = Target::of(provider, client, params, authorization).await?;

        let earliest_iat = person.earliest_iat(provider);
        // What was taken from the client since then it does not get.
        let granted = person.authorization.scope.intersection(&client.metadata.scope);
        let scope = super::narrowed(params, &granted)?;
        Ok(Redemption {
            refresh: super::first_refresh_token(provider, client, &person.authorization),
            subject: Subject::Person(Box::new(person)),
            scope,
            target,
            spend: Some(OneTimeValue::AuthorizationCode),
            earliest_iat,
            bound_to: Confirmation::of_jkt(code.dpop_jkt),
            confirmation: Confirmation::default(),
            exchange: None,
            begins: false,
        })
    }
}

/// One answer for unknown, expired and foreign codes, so that nobody learns which it is.
fn unusable() -> OAuthError {
    OAuthError::invalid_grant("the code is not valid, or no longer")
}

/// A code that was asked for with a challenge needs the verifier; one without must not come with
/// one, which would hide that the challenge was stripped (RFC 9700 §4.8.2).
fn check_verifier(code: &AuthorizationCode, verifier: Option<&str>) -> Result<(), OAuthError> {
    match (&code.code_challenge, verifier) {
        (Some(challenge), verifier) => challenge.verify(verifier.unwrap_or_default()),
        (None, None) => Ok(()),
        (None, Some(_)) => {
            Err(OAuthError::invalid_grant("the request had no code_challenge for code_verifier"))
        }
    }
}

/// A code that was redeemed is found as well: the second use has to be seen to be answered.
async fn find(
    provider: &Provider,
    sent: &str,
) -> Result<Option<(AuthorizationCode, Person)>, OAuthError> {
    let Some(id) = authorization_of_code(sent).map(str::to_owned) else { return Ok(None) };
    let (code_hash, now) = (digest(sent), provider.now());
    let found = provider
        .db
        .read_by_key(move |conn| {
            let found = authorization_codes::find(conn, &id, &code_hash, now)?;
            let Some((code, authorization)) = found else { return Ok(None) };
            if authorization.revoked {
                return Ok(None);
            }
            let Some(person) = Person::find(conn, authorization)? else { return Ok(None) };
            Ok(Some((code, person)))
        })
        .await?;
    Ok(found)
}
