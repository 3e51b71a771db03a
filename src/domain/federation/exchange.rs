//! To the provider and back: the authorization code flow from the client's side (OpenID Connect Core
//! §3.1, RFC 6749 §4.1, RFC 7636), by the crates that apps use for it.

use super::held::{Held, Purpose, Started};
use super::metadata::{Metadata, unusable};
use super::{FederationError, Identity, RegisteredUpstream, callback_uri};
use crate::domain::digest::digest;
use crate::domain::outbound::OutboundError;
use crate::domain::provider::Provider;
use crate::jose::{Claims, TimeCheck};
use crate::protocol::time::Lifetime;
use crate::protocol::upstream::{UpstreamKind, UpstreamSettings};
use crate::storage::seen_jtis;
use oauth2::basic::BasicClient;
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest,
    HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse, TokenUrl,
};
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreJsonWebKeySet};
use openidconnect::{IssuerUrl, Nonce, TokenResponse as _};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

/// How far their clock may be off, in seconds.
const LEEWAY: u32 = 60;
/// Longer names and addresses than this are not kept.
const MAX_CHARS: usize = 254;

/// What came back in the browser (RFC 6749 §4.1.2, RFC 9207).
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub code: Option<String>,
    pub state: Option<String>,
    pub iss: Option<String>,
    pub error: Option<String>,
}

/// The addresses of a provider, from its document or its settings.
struct Endpoints {
    authorization: AuthUrl,
    token: TokenUrl,
    auth_type: AuthType,
    names_itself: bool,
}

/// Sends somebody there: gives the address, and what the browser must hold. With `fresh`, they are to
/// prove anew who they are, also where they are signed in there (OpenID Connect Core §3.1.2.1).
///
/// # Errors
///
/// `Provider` when it cannot be used now.
pub async fn start(
    provider: &Provider,
    upstream: &RegisteredUpstream,
    purpose: Purpose,
    fresh: bool,
) -> Result<(String, Held), FederationError> {
    let endpoints = endpoints(provider, upstream).await?;
    let random = &provider.random;
    let verifier = PkceCodeVerifier::new(random.secret());
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
    let started = Started {
        slug: upstream.slug.clone(),
        state: random.id(),
        nonce: random.id(),
        verifier: verifier.into_secret(),
        purpose,
        at: provider.now(),
    };
    let (state, nonce) = (CsrfToken::new(started.state.clone()), started.nonce.clone());
    let settings = &upstream.settings;
    let scopes = settings.scope.split(' ').filter(|one| !one.is_empty() && *one != "openid");
    let scopes = scopes.map(|one| Scope::new(one.to_owned()));
    let redirect = RedirectUrl::new(callback_uri(provider, &upstream.slug)).map_err(unusable)?;
    let id = ClientId::new(settings.client_id.clone());
    let url = match settings.kind {
        UpstreamKind::Oidc => {
            let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(unusable)?;
            let flow = CoreAuthenticationFlow::AuthorizationCode;
            let client = CoreClient::new(id, issuer, CoreJsonWebKeySet::default())
                .set_auth_uri(endpoints.authorization)
                .set_redirect_uri(redirect);
            let request = client
                .authorize_url(flow, move || state, move || Nonce::new(nonce))
                .add_scopes(scopes)
                .set_pkce_challenge(challenge);
            let request = match fresh {
                true => request.add_extra_param("prompt", "login"),
                false => request,
            };
            request.url().0
        }
        UpstreamKind::Oauth2 => {
            BasicClient::new(id)
                .set_auth_uri(endpoints.authorization)
                .set_redirect_uri(redirect)
                .authorize_url(move || state)
                .add_scopes(scopes)
                .set_pkce_challenge(challenge)
                .url()
                .0
        }
    };
    Ok((url.to_string(), Held::Started(started)))
}

impl Started {
    /// Takes the answer of the provider: proves that it belongs to this sign-in, redeems the code
    /// and reads who it is.
    ///
    /// # Errors
    ///
    /// `Foreign` for an answer to another sign-in or one that was taken before, `Refused` when the
    /// provider says no, `Provider` for whatever else is wrong with what it says.
    pub async fn finish(
        &self,
        provider: &Provider,
        upstream: &RegisteredUpstream,
        answer: &Answer,
    ) -> Result<Identity, FederationError> {
        let state = answer.state.as_deref().unwrap_or_default();
        if !bool::from(state.as_bytes().ct_eq(self.state.as_bytes())) {
            return Err(FederationError::Foreign);
        }
        let endpoints = endpoints(provider, upstream).await?;
        let is_its_own = answer.iss.as_ref().is_none_or(|iss| *iss == upstream.settings.issuer);
        if !is_its_own || (endpoints.names_itself && answer.iss.is_none()) {
            return Err(FederationError::Provider("the answer is not from this provider".into()));
        }
        self.use_up(provider).await?;
        if let Some(error) = &answer.error {
            let error: String = error.chars().take(64).collect();
            tracing::info!(upstream = %self.slug, ?error, "sign-in refused there");
            return Err(FederationError::Refused);
        }
        let code = answer.code.clone().ok_or(FederationError::Refused)?;
        match upstream.settings.kind {
            UpstreamKind::Oidc => self.redeem_oidc(provider, upstream, endpoints, code).await,
            UpstreamKind::Oauth2 => self.redeem_oauth2(provider, upstream, endpoints, code).await,
        }
    }

    /// Of all who bring the same answer, one is taken.
    async fn use_up(&self, provider: &Provider) -> Result<(), FederationError> {
        let hash = digest(&format!("upstream {}", self.state));
        let until = self.at + super::held::LIFETIME + Lifetime::minutes(1);
        match provider.db.write(move |conn| seen_jtis::insert(conn, &hash, until)).await? {
            true => Ok(()),
            false => Err(FederationError::Foreign),
        }
    }

    async fn redeem_oidc(
        &self,
        provider: &Provider,
        upstream: &RegisteredUpstream,
        endpoints: Endpoints,
        code: String,
    ) -> Result<Identity, FederationError> {
        let settings = &upstream.settings;
        let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(unusable)?;
        let id = ClientId::new(settings.client_id.clone());
        let mut client = CoreClient::new(id, issuer, CoreJsonWebKeySet::default())
            .set_auth_type(endpoints.auth_type)
            .set_redirect_uri(
                RedirectUrl::new(callback_uri(provider, &self.slug)).map_err(unusable)?,
            );
        if let Some(secret) = &upstream.secret {
            client = client.set_client_secret(ClientSecret::new(secret.clone()));
        }
        let client = client.set_token_uri(endpoints.token);
        let http = |request: HttpRequest| call(provider, request);
        let exchange = client
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(PkceCodeVerifier::new(self.verifier.clone()));
        let tokens = exchange.request_async(&http).await.map_err(|error| refused(&error))?;
        let id_token = tokens.id_token().map(ToString::to_string);
        let id_token = id_token.ok_or_else(|| unusable("it gave no ID token"))?;
        let claims = upstream.verified(provider, &id_token, &["JWT"]).await?;
        self.check_id_token(provider, settings, &claims)?;
        let mut about = claims.as_map().clone();
        let upstream_sid = claims.str("sid").map_err(unusable)?.map(str::to_owned);
        if !about.contains_key(settings.email_claim()) {
            let access_token = tokens.access_token().secret();
            let more = self.userinfo_oidc(provider, upstream, access_token, &about).await?;
            about.extend(more);
        }
        let mut identity = Identity::read(settings, &about, upstream_sid)?;
        identity.auth_time = claims.time("auth_time").map_err(unusable)?;
        Ok(identity)
    }

    /// OpenID Connect Core §3.1.3.7.
    fn check_id_token(
        &self,
        provider: &Provider,
        settings: &UpstreamSettings,
        claims: &Claims,
    ) -> Result<(), FederationError> {
        claims.expect_str("iss", &settings.issuer).map_err(unusable)?;
        claims.expect_str("nonce", &self.nonce).map_err(unusable)?;
        let audience = claims.required_audience().map_err(unusable)?;
        // A token that is for others as well may have come to one of them first.
        if audience != [settings.client_id.as_str()] {
            return Err(unusable("the ID token is for another client"));
        }
        if claims.str("azp").map_err(unusable)?.is_some_and(|azp| azp != settings.client_id) {
            return Err(unusable("the ID token was issued to another client"));
        }
        let time = TimeCheck { now: provider.now(), leeway_seconds: LEEWAY };
        time.require_exp(claims).map_err(unusable)?;
        time.check_nbf(claims).map_err(unusable)?;
        time.check_iat(claims).map_err(unusable)?;
        Ok(())
    }

    /// What the ID token does not say; of the same person and nobody else (§5.3.2).
    async fn userinfo_oidc(
        &self,
        provider: &Provider,
        upstream: &RegisteredUpstream,
        access_token: &str,
        about: &Map<String, Value>,
    ) -> Result<Map<String, Value>, FederationError> {
        let metadata = upstream.metadata(provider).await?;
        let Some(uri) = metadata.userinfo_endpoint.as_deref() else { return Ok(Map::new()) };
        let mut more = userinfo(provider, uri, access_token).await?;
        if more.get("sub") != about.get("sub") {
            return Err(unusable("userinfo is about another person"));
        }
        // What is signed stands.
        more.retain(|name, _| !about.contains_key(name));
        Ok(more)
    }

    async fn redeem_oauth2(
        &self,
        provider: &Provider,
        upstream: &RegisteredUpstream,
        endpoints: Endpoints,
        code: String,
    ) -> Result<Identity, FederationError> {
        let settings = &upstream.settings;
        let mut client = BasicClient::new(ClientId::new(settings.client_id.clone()))
            .set_auth_type(endpoints.auth_type)
            .set_redirect_uri(
                RedirectUrl::new(callback_uri(provider, &self.slug)).map_err(unusable)?,
            );
        if let Some(secret) = &upstream.secret {
            client = client.set_client_secret(ClientSecret::new(secret.clone()));
        }
        let client = client.set_token_uri(endpoints.token);
        let http = |request: HttpRequest| call(provider, request);
        let exchange = client
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(PkceCodeVerifier::new(self.verifier.clone()));
        let tokens = exchange.request_async(&http).await.map_err(|error| refused(&error))?;
        let uri = settings.userinfo_endpoint.as_deref().unwrap_or_default();
        let access_token = tokens.access_token().secret();
        let about = userinfo(provider, uri, access_token).await?;
        let mut identity = Identity::read(settings, &about, None)?;
        if let Some(uri) = settings.emails_endpoint.as_deref() {
            let body = provider.outbound.get_json_as(uri, access_token).await.map_err(unusable)?;
            identity.take_email(settings, &body)?;
        }
        Ok(identity)
    }
}

impl Identity {
    fn read(
        settings: &UpstreamSettings,
        about: &Map<String, Value>,
        upstream_sid: Option<String>,
    ) -> Result<Self, FederationError> {
        let text = |name: &str| about.get(name).and_then(Value::as_str).map(str::to_owned);
        let subject = match about.get(settings.subject_claim()) {
            Some(Value::String(text)) if !text.is_empty() && text.len() <= 255 => text.clone(),
            Some(Value::Number(number)) if number.is_u64() => number.to_string(),
            _ => return Err(unusable("it does not say who signed in")),
        };
        let verified = about.get(settings.email_verified_claim()) == Some(&Value::Bool(true));
        Ok(Self {
            issuer: settings.issuer.clone(),
            subject,
            email: text(settings.email_claim()).filter(|text| is_kept(text)),
            email_verified: verified && settings.trust_email,
            name: text(settings.name_claim()).filter(|text| is_kept(text)),
            upstream_sid,
            auth_time: None,
        })
    }

    /// Reads the email address from a list as GitHub gives it, in place of what was said before.
    fn take_email(
        &mut self,
        settings: &UpstreamSettings,
        list: &[u8],
    ) -> Result<(), FederationError> {
        #[derive(serde::Deserialize)]
        struct Listed {
            email: String,
            #[serde(default)]
            primary: bool,
            #[serde(default)]
            verified: bool,
        }
        let mut listed: Vec<Listed> = serde_json::from_slice(list).map_err(unusable)?;
        listed.retain(|one| is_kept(&one.email));
        // The first among equals stays the first.
        listed.sort_by_key(|one| (!one.verified, !one.primary));
        if let Some(best) = listed.into_iter().next() {
            self.email = Some(best.email);
            self.email_verified = best.verified && settings.trust_email;
        }
        Ok(())
    }
}

/// Whether a name or an address is one to keep.
fn is_kept(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= MAX_CHARS && !text.contains(char::is_control)
}

async fn endpoints(
    provider: &Provider,
    upstream: &RegisteredUpstream,
) -> Result<Endpoints, FederationError> {
    let settings = &upstream.settings;
    if settings.kind == UpstreamKind::Oauth2 {
        let address = |uri: &Option<String>| uri.clone().unwrap_or_default();
        return Ok(Endpoints {
            authorization: AuthUrl::new(address(&settings.authorization_endpoint))
                .map_err(unusable)?,
            token: TokenUrl::new(address(&settings.token_endpoint)).map_err(unusable)?,
            auth_type: AuthType::RequestBody,
            names_itself: false,
        });
    }
    let metadata: &Metadata = &*upstream.metadata(provider).await?;
    let methods = &metadata.token_endpoint_auth_methods_supported;
    let has = |name: &str| methods.iter().any(|method| method == name);
    let by_form =
        upstream.secret.is_none() || (has("client_secret_post") && !has("client_secret_basic"));
    Ok(Endpoints {
        authorization: AuthUrl::new(metadata.authorization_endpoint.clone()).map_err(unusable)?,
        token: TokenUrl::new(metadata.token_endpoint.clone()).map_err(unusable)?,
        auth_type: if by_form { AuthType::RequestBody } else { AuthType::BasicAuth },
        names_itself: metadata.authorization_response_iss_parameter_supported,
    })
}

async fn userinfo(
    provider: &Provider,
    uri: &str,
    access_token: &str,
) -> Result<Map<String, Value>, FederationError> {
    let body = provider.outbound.get_json_as(uri, access_token).await.map_err(unusable)?;
    serde_json::from_slice(&body).map_err(unusable)
}

/// The way out for the crates: ours, with its guard and its limits.
async fn call(provider: &Provider, request: HttpRequest) -> Result<HttpResponse, OutboundError> {
    let (parts, body) = request.into_parts();
    let request = reqwest::Request::try_from(oauth2::http::Request::from_parts(parts, body));
    let request = request.map_err(|_| OutboundError::Forbidden)?;
    let (status, headers, body) = provider.outbound.send(request).await?;
    let mut response = oauth2::http::Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// The kind of the fault alone: what a token endpoint says may hold what nobody should read.
fn refused<E, T>(error: &oauth2::RequestTokenError<E, T>) -> FederationError
where
    E: std::error::Error + 'static,
    T: oauth2::ErrorResponse + 'static,
{
    FederationError::Provider(match error {
        oauth2::RequestTokenError::ServerResponse(_) => "it refused the code".into(),
        oauth2::RequestTokenError::Request(error) => format!("its token endpoint: {error}"),
        _ => "its token endpoint gave no tokens".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(settings: &UpstreamSettings, about: Value) -> Result<Identity, FederationError> {
        let Value::Object(about) = about else { panic!() };
        Identity::read(settings, &about, None)
    }

    #[test]
    fn lg_16_an_email_address_is_believed_only_where_an_operator_said_so() {
        let about = json!({ "sub": "1", "email": "ada@example.org", "email_verified": true });
        let mut settings = UpstreamSettings::default();
        assert!(!read(&settings, about.clone()).unwrap().email_verified);
        settings.trust_email = true;
        assert!(read(&settings, about).unwrap().email_verified);
        for said in [json!("true"), json!(1), json!(null), json!(false)] {
            let about = json!({ "sub": "1", "email": "a@b.example", "email_verified": said });
            assert!(!read(&settings, about).unwrap().email_verified);
        }
    }

    #[test]
    fn lg_16_of_a_list_of_addresses_the_verified_primary_one_counts() {
        let taken = |trust_email: bool, list: Value| {
            let settings =
                UpstreamSettings { kind: UpstreamKind::Oauth2, trust_email, ..Default::default() };
            let mut identity =
                read(&settings, json!({ "id": 1, "email": "said@x.example" })).unwrap();
            identity.take_email(&settings, list.to_string().as_bytes()).unwrap();
            (identity.email.unwrap(), identity.email_verified)
        };
        let one = |email: &str, primary: bool, verified: bool| json!({ "email": email, "primary": primary, "verified": verified });
        let list = json!([one("a", false, true), one("b", true, true), one("c", true, false)]);
        assert_eq!(taken(true, list.clone()), ("b".into(), true));
        assert_eq!(taken(false, list), ("b".into(), false));
        let list = json!([one("c", true, false), one("a", false, true)]);
        assert_eq!(taken(true, list), ("a".into(), true));
        assert_eq!(taken(true, json!([one("c", true, false)])), ("c".into(), false));
        assert_eq!(taken(true, json!([{ "email": "d" }])), ("d".into(), false));
        assert_eq!(taken(true, json!([])), ("said@x.example".into(), false));
        let settings = UpstreamSettings::default();
        for wrong in ["{}", "[1]", "", "[{}]", r#"[{"email":1}]"#] {
            let mut identity = read(&settings, json!({ "sub": "1" })).unwrap();
            assert!(identity.take_email(&settings, wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn who_somebody_is_has_to_be_said() {
        let settings = UpstreamSettings { kind: UpstreamKind::Oauth2, ..Default::default() };
        assert_eq!(read(&settings, json!({ "id": 583231 })).unwrap().subject, "583231");
        for about in [
            json!({}),
            json!({ "id": "" }),
            json!({ "id": -1 }),
            json!({ "id": 1.5 }),
            json!({ "id": ["1"] }),
            json!({ "id": null }),
            json!({ "sub": "1" }),
        ] {
            assert!(read(&settings, about.clone()).is_err(), "{about}");
        }
    }
}
