//! "Sign in with Countersign": a whole small web app, with the `openidconnect` crate.
//!
//! ```text
//! ISSUER=http://localhost:8080 CLIENT_ID=… CLIENT_SECRET=… cargo run --example login_with
//! ```
//!
//! The three steps are [`login`] (send the browser away with `state`, `nonce` and a PKCE challenge),
//! [`callback`] (check what comes back and trade the code for tokens) and [`logout`]. The tokens
//! stay in the memory of this server; the browser has only a cookie that names its session.
//!
//! Settings come from the environment: `ISSUER`, `CLIENT_ID`, `CLIENT_SECRET` (none for a public
//! client), `LISTEN` (127.0.0.1:8081), `BASE_URL` (http://LISTEN), `ORDERS_URL`
//! (http://127.0.0.1:8082), `SCOPE`. Register `BASE_URL/callback` as redirect URI and `BASE_URL/` as
//! post-logout redirect URI.

#[path = "login_with/page.rs"]
mod page;

use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::{StatusCode, header};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, ResponseError, dev::Server, web};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClaimName, CoreClaimType,
    CoreClient, CoreClientAuthMethod, CoreGenderClaim, CoreGrantType, CoreIdToken,
    CoreIdTokenClaims, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
    CoreTokenResponse,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalProviderMetadata, AuthorizationCode,
    ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, EmptyAdditionalClaims,
    EndSessionUrl, EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, LogoutRequest, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl,
    ProviderMetadata, RedirectUrl, RefreshToken, Scope, TokenResponse, UserInfoClaims,
};
use page::{Problem, home, style};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::error::Error;
use std::fmt::{self, Write};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::RwLock;

const COOKIE: &str = "login_with_session";
/// The most browsers that are remembered: this memory is not a database.
const MAX_SESSIONS: usize = 10_000;

/// What the app needs to know.
pub struct Config {
    pub issuer: String,
    pub client_id: String,
    /// None for a public client.
    pub client_secret: Option<String>,
    /// `HOST:PORT`.
    pub listen: String,
    /// What browsers call this app, without a slash at the end.
    pub base_url: String,
    /// Where the orders API is.
    pub orders_url: String,
    /// What to ask for, beside `openid`.
    pub scope: String,
}

impl Config {
    /// What is asked for unless `SCOPE` says otherwise.
    pub const SCOPE: &str = "profile email offline_access orders:read orders:write";

    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// When `ISSUER` or `CLIENT_ID` is missing.
    pub fn from_env() -> io::Result<Self> {
        let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let need = |name: &str| env(name).ok_or_else(|| io::Error::other(format!("{name}: unset")));
        let listen = env("LISTEN").unwrap_or_else(|| "127.0.0.1:8081".into());
        Ok(Self {
            issuer: need("ISSUER")?,
            client_id: need("CLIENT_ID")?,
            client_secret: env("CLIENT_SECRET"),
            base_url: env("BASE_URL").unwrap_or_else(|| format!("http://{listen}")),
            listen,
            orders_url: env("ORDERS_URL").unwrap_or_else(|| "http://127.0.0.1:8082".into()),
            scope: env("SCOPE").unwrap_or_else(|| Self::SCOPE.into()),
        })
    }
}

/// Starts the app; the issuer need not be there yet.
///
/// # Errors
///
/// When the address is taken.
pub fn serve(config: Config) -> io::Result<Server> {
    let listen = config.listen.clone();
    let shared = web::Data::new(LoginWith::new(config).map_err(io::Error::other)?);
    let app = move || {
        App::new()
            .app_data(shared.clone())
            .route("/", web::get().to(home))
            .route("/style.css", web::get().to(style))
            .route("/login", web::get().to(login))
            .route("/callback", web::get().to(callback))
            .route("/order", web::post().to(order))
            .route("/refresh", web::post().to(refresh))
            .route("/logout", web::post().to(logout))
    };
    Ok(HttpServer::new(app).workers(1).bind(listen)?.run())
}

// The provider, as its discovery document describes it.

/// The members of the document that the library does not know.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct MoreMetadata {
    end_session_endpoint: Option<EndSessionUrl>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for MoreMetadata {}

type Metadata = ProviderMetadata<
    MoreMetadata,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type OidcClient = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

struct Provider {
    client: OidcClient,
    more: MoreMetadata,
}

/// The app: its settings, what it knows of the provider, and its sessions.
struct LoginWith {
    config: Config,
    http: reqwest::Client,
    provider: RwLock<Option<Arc<Provider>>>,
    sessions: Mutex<HashMap<String, Session>>,
}

/// What the app remembers of a browser.
#[derive(Default)]
struct Session {
    /// A sign-in that was begun.
    pending: Option<Pending>,
    person: Option<Person>,
    /// Shown once.
    notice: Option<String>,
}

struct Pending {
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// Who is signed in, and the tokens that came along.
#[derive(Clone)]
struct Person {
    name: String,
    email: String,
    id_token: CoreIdToken,
    access_token: AccessToken,
    refresh_token: Option<RefreshToken>,
}

impl LoginWith {
    fn new(config: Config) -> Result<Self, reqwest::Error> {
        // A redirect could lead the client's secret elsewhere.
        let mut http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(5));
        if config.issuer.starts_with("http://") {
            http = http.no_proxy();
        }
        let (provider, sessions) = (RwLock::default(), Mutex::default());
        Ok(Self { config, http: http.build()?, provider, sessions })
    }

    /// The provider, discovered when it is first needed.
    async fn provider(&self) -> Result<Arc<Provider>, Problem> {
        if let Some(known) = self.provider.read().await.as_ref() {
            return Ok(known.clone());
        }
        self.discover().await
    }

    /// Fetches the discovery document and the keys.
    async fn discover(&self) -> Result<Arc<Provider>, Problem> {
        let config = &self.config;
        let issuer = IssuerUrl::new(config.issuer.clone())?;
        let metadata = Metadata::discover_async(issuer, &self.http).await?;
        let more = metadata.additional_metadata().clone();
        let id = ClientId::new(config.client_id.clone());
        let secret = config.client_secret.clone().map(ClientSecret::new);
        let redirect_uri = RedirectUrl::new(format!("{}/callback", config.base_url))?;
        let client = CoreClient::from_provider_metadata(metadata, id, secret);
        let provider = Provider { client: client.set_redirect_uri(redirect_uri), more };
        let provider = Arc::new(provider);
        *self.provider.write().await = Some(provider.clone());
        Ok(provider)
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the session of this browser, if it has one.
    fn with_session<T>(
        &self,
        request: &HttpRequest,
        change: impl FnOnce(&mut Session) -> T,
    ) -> Option<T> {
        let id = request.cookie(COOKIE)?;
        self.sessions().get_mut(id.value()).map(change)
    }

    /// Puts a session under a fresh name, so that no name from before a sign-in is good after it.
    fn begin_session(&self, request: &HttpRequest, session: Session) -> Cookie<'static> {
        let id = CsrfToken::new_random_len(32).into_secret();
        let mut sessions = self.sessions();
        if let Some(old) = request.cookie(COOKIE) {
            sessions.remove(old.value());
        }
        if sessions.len() >= MAX_SESSIONS {
            sessions.clear();
        }
        sessions.insert(id.clone(), session);
        // Lax: the browser comes back from the provider by a link, and never by a foreign form.
        Cookie::build(COOKIE, id)
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.config.base_url.starts_with("https:"))
            .finish()
    }
}

// Step one: away to the provider.

async fn login(app: web::Data<LoginWith>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let provider = app.provider().await?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let mut asked = provider
        .client
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(app.config.scope.split_whitespace().map(|one| Scope::new(one.to_owned())))
        .set_pkce_challenge(challenge);
    if app.config.scope.contains("offline_access") {
        // A refresh token is only for who was asked (OpenID Connect Core §11).
        asked = asked.add_prompt(CoreAuthPrompt::Consent);
    }
    let (url, state, nonce) = asked.url();
    let pending = Some(Pending { state, nonce, verifier });
    let cookie = app.begin_session(&request, Session { pending, ..Session::default() });
    Ok(see(url.as_str(), cookie))
}

// Step two: back with a code.

#[derive(Deserialize)]
struct Callback {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

async fn callback(
    app: web::Data<LoginWith>,
    request: HttpRequest,
    answer: web::Query<Callback>,
) -> Result<HttpResponse, Problem> {
    let provider = app.provider().await?;
    let pending = app.with_session(&request, |session| session.pending.take()).flatten();
    let pending = pending.ok_or(Problem::new("This browser has not begun to sign in."))?;
    let answer = answer.into_inner();
    if answer.state.as_ref() != Some(pending.state.secret()) {
        return Err(Problem::new("The answer belongs to another sign-in."));
    }
    check_issuer(&app.config.issuer, &provider.more, answer.iss.as_deref())?;
    if let Some(error) = answer.error {
        let description = answer.error_description.unwrap_or_default();
        return Err(Problem(format!("The provider says: {error}. {description}")));
    }
    let code = answer.code.ok_or(Problem::new("The answer has no code."))?;
    let person = redeem(&app, &provider, code, pending).await?;
    let session = Session { person: Some(person), ..Session::default() };
    Ok(see("/", app.begin_session(&request, session)))
}

/// The answer must come from the provider that was asked (RFC 9207 §2.4).
fn check_issuer(issuer: &str, more: &MoreMetadata, iss: Option<&str>) -> Result<(), Problem> {
    match iss {
        Some(iss) if iss == issuer => Ok(()),
        None if !more.authorization_response_iss_parameter_supported => Ok(()),
        _ => Err(Problem::new("The answer is not from the provider that was asked.")),
    }
}

async fn redeem(
    app: &LoginWith,
    provider: &Provider,
    code: String,
    pending: Pending,
) -> Result<Person, Problem> {
    let exchange = provider.client.exchange_code(AuthorizationCode::new(code))?;
    let tokens = exchange.set_pkce_verifier(pending.verifier).request_async(&app.http).await?;
    let id_token = tokens.id_token().ok_or(Problem::new("There is no ID token."))?;
    let subject = match verify(&provider.client, &tokens, id_token, &pending.nonce) {
        // Signed with a key that was published after we looked.
        Err(ClaimsVerificationError::SignatureVerification(_)) => {
            verify(&app.discover().await?.client, &tokens, id_token, &pending.nonce)?
        }
        verdict => verdict?,
    }
    .subject()
    .clone();
    let about = provider.client.user_info(tokens.access_token().clone(), Some(subject))?;
    let about: UserInfoClaims<EmptyAdditionalClaims, CoreGenderClaim> =
        about.request_async(&app.http).await?;
    let name = about.name().and_then(|name| name.get(None)).map(|name| name.to_string());
    Ok(Person {
        name: name.unwrap_or_else(|| about.subject().to_string()),
        email: about.email().map(|email| email.to_string()).unwrap_or_default(),
        id_token: id_token.clone(),
        access_token: tokens.access_token().clone(),
        refresh_token: tokens.refresh_token().cloned(),
    })
}

/// Checks signature, issuer, audience, times and nonce, and that the access token is the one that
/// belongs to it (OpenID Connect Core §3.1.3.7, §3.1.3.8).
fn verify<'t>(
    client: &OidcClient,
    tokens: &CoreTokenResponse,
    id_token: &'t CoreIdToken,
    nonce: &Nonce,
) -> Result<&'t CoreIdTokenClaims, ClaimsVerificationError> {
    let verifier = client.id_token_verifier();
    let claims = id_token.claims(&verifier, nonce)?;
    if let Some(expected) = claims.access_token_hash() {
        let other = |problem: String| ClaimsVerificationError::Other(problem);
        let alg = id_token.signing_alg().map_err(|error| other(error.to_string()))?;
        let key = id_token.signing_key(&verifier);
        let key = key.map_err(ClaimsVerificationError::SignatureVerification)?;
        let actual = AccessTokenHash::from_token(tokens.access_token(), alg, key)
            .map_err(|error| other(error.to_string()))?;
        if actual != *expected {
            return Err(other("the access token belongs to another ID token".into()));
        }
    }
    Ok(claims)
}

// Step three: what the tokens are for.

/// Calls the orders API as the person. Gives the status and the body, or what went wrong. When the
/// access token is refused, for they live for minutes, a new one is fetched and the call made once
/// more (RFC 6750 §3.1); who was blocked gets no new one, and the refusal stays.
async fn call_orders(
    app: &LoginWith,
    request: &HttpRequest,
    person: &Person,
    item: Option<&str>,
) -> (String, String) {
    let mut answer = send(app, &person.access_token, item).await;
    if answer.as_ref().is_ok_and(|answer| answer.status().as_u16() == 401)
        && let Ok(token) = renew(app, request, person).await
    {
        answer = send(app, &token, item).await;
    }
    match answer {
        Ok(given) => (given.status().to_string(), given.text().await.unwrap_or_default()),
        Err(error) => ("no answer".into(), error.to_string()),
    }
}

async fn send(
    app: &LoginWith,
    token: &AccessToken,
    item: Option<&str>,
) -> reqwest::Result<reqwest::Response> {
    let url = format!("{}/orders", app.config.orders_url);
    let call = match item {
        None => app.http.get(url),
        Some(item) => app
            .http
            .post(url)
            .header(header::CONTENT_TYPE.as_str(), "application/json")
            .body(serde_json::json!({ "item": item }).to_string()),
    };
    call.bearer_auth(token.secret()).send().await
}

/// New tokens for this browser (RFC 6749 §6).
async fn renew(
    app: &LoginWith,
    request: &HttpRequest,
    person: &Person,
) -> Result<AccessToken, Problem> {
    let token = person.refresh_token.as_ref().ok_or(Problem::new("There is no refresh token."))?;
    let provider = app.provider().await?;
    let tokens = provider.client.exchange_refresh_token(token)?.request_async(&app.http).await?;
    app.with_session(request, |session| {
        let Some(person) = &mut session.person else { return };
        person.access_token = tokens.access_token().clone();
        // A provider that rotates gives a new one with each use.
        person.refresh_token = tokens.refresh_token().cloned().or(person.refresh_token.take());
    });
    Ok(tokens.access_token().clone())
}

#[derive(Deserialize)]
struct OrderForm {
    item: String,
}

async fn order(
    app: web::Data<LoginWith>,
    request: HttpRequest,
    form: web::Form<OrderForm>,
) -> HttpResponse {
    let person = app.with_session(&request, |session| session.person.clone()).flatten();
    if let Some(person) = person {
        let (status, _) = call_orders(&app, &request, &person, Some(&form.item)).await;
        let notice = format!("The orders API answered the new order with {status}.");
        app.with_session(&request, |session| session.notice = Some(notice));
    }
    HttpResponse::SeeOther().insert_header((header::LOCATION, "/")).finish()
}

/// The same by hand, to watch it.
async fn refresh(app: web::Data<LoginWith>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let person = app.with_session(&request, |session| session.person.clone()).flatten();
    let person = person.ok_or(Problem::new("Nobody is signed in."))?;
    let notice = match renew(&app, &request, &person).await {
        Ok(_) => "The tokens are new.".into(),
        Err(problem) => format!("The tokens were not renewed. {problem}"),
    };
    app.with_session(&request, |session| session.notice = Some(notice));
    Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, "/")).finish())
}

/// Ends the session here, and then at the provider (OpenID Connect RP-Initiated Logout §2).
async fn logout(app: web::Data<LoginWith>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let person = app.with_session(&request, |session| session.person.take()).flatten();
    let cookie = app.begin_session(&request, Session::default());
    let endpoint = app.provider().await?.more.end_session_endpoint.clone();
    let (Some(person), Some(endpoint)) = (person, endpoint) else { return Ok(see("/", cookie)) };
    let back = PostLogoutRedirectUrl::new(format!("{}/", app.config.base_url))?;
    let url = LogoutRequest::from(endpoint)
        .set_id_token_hint(&person.id_token)
        .set_client_id(ClientId::new(app.config.client_id.clone()))
        .set_post_logout_redirect_uri(back)
        .http_get_url();
    Ok(see(url.as_str(), cookie))
}

#[actix_web::main]
#[allow(dead_code, reason = "unused where `countersign demo` includes this file")]
async fn main() -> io::Result<()> {
    let config = Config::from_env()?;
    println!("open {}/", config.base_url);
    serve(config)?.await
}

fn see(url: &str, cookie: Cookie<'static>) -> HttpResponse {
    HttpResponse::SeeOther()
        .cookie(cookie)
        .insert_header((header::LOCATION, url))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}
