//! What the landscape stands on: the provider, and what an administrator would set up in it.

use super::Failure;
use super::service::{Check, Client, Service};
use countersign::config::Config;
use countersign::domain::Provider;
use countersign::domain::audit::Actor;
use countersign::domain::clients::management::{self as clients, ClientDraft};
use countersign::domain::identity::users::{self, NewUser};
use countersign::domain::resources::management::{self as resources, ResourceDraft};
use countersign::jose::{DecryptionKey, KeyManagement};
use countersign::protocol::client::exchange::ExchangePolicy;
use countersign::protocol::client::{AccessTokenFormat, ClientMetadata, ClientPolicy, GrantType};
use countersign::protocol::resource::ResourceSettings;
use countersign::protocol::revocation::{RevocationList, TokenFacts};
use countersign::server::{self, Running, ServerParts};
use countersign::verifier::{RevocationSource, Stale, Verifier, VerifierBuilder};
use std::net::TcpListener;
use std::sync::{Arc, RwLock};
use tempfile::TempDir;

pub const GATEWAY: &str = "https://gateway.example.com";
const ORDERS: &str = "https://orders.example.com";
const BILLING: &str = "https://billing.example.com";
const LEDGER: &str = "https://ledger.example.com";
/// Where the app would be.
pub const REDIRECT_URI: &str = "http://127.0.0.1/callback";
/// What everybody behind the gateway may be given.
const BEHIND: &str = "orders:read billing:read ledger:read";

/// Who uses the app.
pub struct Ada {
    pub id: String,
    pub email: String,
    pub password: String,
}

/// The parts of the landscape, before any of them runs.
pub struct Everybody {
    pub gateway: Service,
    pub orders: Service,
    pub billing: Service,
    pub ledger: Service,
    pub app: Client,
    pub nightly: Client,
    pub ada: Ada,
}

/// Starts a provider with a database in a directory.
///
/// # Errors
///
/// When it does not start.
pub async fn provider(directory: &TempDir) -> Result<Running, Failure> {
    let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut config = Config {
        issuer: format!("http://{listen}"),
        listen,
        database_url: format!("sqlite://{}", directory.path().join("services.db").display()),
        ..Config::default()
    };
    config.server.workers = 1;
    config.server.drain_seconds = 0;
    let parts = ServerParts { announce_setup: false, ..ServerParts::default() };
    Ok(server::start(config, parts).await?)
}

/// Sets up what an administrator would.
///
/// # Errors
///
/// When the provider refuses any of it.
pub async fn everybody(provider: &Provider) -> Result<Everybody, Failure> {
    let (key, secret) = apis(provider).await?;
    let verifier = |audience: &str| verifier(provider, audience);
    let local = |builder: VerifierBuilder| builder.build_lazily().map(Check::Locally);
    let service = |name, form, check, client, next: Option<&'static str>| Service {
        name,
        form,
        check,
        client,
        next: next.map(|audience| (audience, String::new())),
    };
    let client = async |id, serves, calls| member(provider, id, serves, calls).await;
    let (gateway, orders) = (verifier(GATEWAY), verifier(ORDERS).decryption_key(key));
    let billing = verifier(BILLING).shared_secret(&secret);
    Ok(Everybody {
        gateway: service(
            "gateway",
            "signed (ES256)",
            local(gateway)?,
            client("gateway", GATEWAY, Some(ORDERS)).await?,
            Some(ORDERS),
        ),
        orders: service(
            "orders",
            "signed, then encrypted to orders (nested JWE)",
            local(orders)?,
            client("orders", ORDERS, Some(BILLING)).await?,
            Some(BILLING),
        ),
        billing: service(
            "billing",
            "signed with the secret of billing (HS256)",
            local(billing)?,
            client("billing", BILLING, Some(LEDGER)).await?,
            Some(LEDGER),
        ),
        ledger: service(
            "ledger",
            "a random value: the provider was asked",
            Check::ByAsking(LEDGER),
            client("ledger", LEDGER, None).await?,
            None,
        ),
        app: app(provider).await?,
        nightly: nightly(provider).await?,
        ada: ada(provider).await?,
    })
}

/// The APIs, each with tokens of its own form: the key of orders, and the secret of billing.
async fn apis(provider: &Provider) -> Result<(DecryptionKey, String), Failure> {
    let key = DecryptionKey::generate(KeyManagement::EcdhEs)?;
    resource(provider, GATEWAY, "gateway:use", |_| {}).await?;
    resource(provider, ORDERS, "orders:read", |settings| {
        settings.token_format = AccessTokenFormat::Jwe;
        settings.token_encryption_jwk = Some(key.public_jwk());
    })
    .await?;
    let secret = resource(provider, BILLING, "billing:read", |settings| {
        settings.token_signed_alg = Some("HS256".into());
    })
    .await?;
    let secret = secret.ok_or("billing got no secret")?;
    resource(provider, LEDGER, "ledger:read", |settings| {
        settings.token_format = AccessTokenFormat::Opaque;
    })
    .await?;
    Ok((key, secret))
}

/// A verifier as each service has it. In a landscape of several processes the list would come from
/// Redis, or from the feed of the provider.
fn verifier(provider: &Provider, audience: &str) -> VerifierBuilder {
    let list = SameProcess(provider.revocation.list());
    Verifier::builder(&provider.issuer).audience(audience).revocations(Arc::new(list))
}

async fn resource(
    provider: &Provider,
    identifier: &str,
    scope: &str,
    change: impl FnOnce(&mut ResourceSettings),
) -> Result<Option<String>, Failure> {
    let mut settings = ResourceSettings {
        scopes: [(scope.to_owned(), String::new())].into(),
        ..ResourceSettings::default()
    };
    change(&mut settings);
    let name = scope.split(':').next().unwrap_or_default().to_owned();
    let draft = ResourceDraft { identifier: identifier.to_owned(), name, settings };
    let seal = Some(provider.resources.seal());
    let made = resources::create(&provider.ground(), draft, seal, &Actor::system()).await?;
    Ok(made.secret)
}

async fn register(provider: &Provider, draft: ClientDraft) -> Result<Client, Failure> {
    let made = clients::create(&provider.ground(), draft, &Actor::system()).await?;
    Ok(Client {
        http: reqwest::Client::builder().no_proxy().build()?,
        issuer: provider.issuer.clone(),
        id: made.client.id,
        secret: made.secret.unwrap_or_default(),
    })
}

/// A service that serves one resource and, in its own name, may call another.
async fn member(
    provider: &Provider,
    id: &str,
    serves: &str,
    calls: Option<&str>,
) -> Result<Client, Failure> {
    let mut grant_types = vec![GrantType::ClientCredentials];
    grant_types.extend(calls.map(|_| GrantType::TokenExchange));
    let draft = ClientDraft {
        id: Some(id.to_owned()),
        name: id.to_owned(),
        metadata: ClientMetadata {
            grant_types,
            scope: BEHIND.parse()?,
            ..ClientMetadata::default()
        },
        policy: ClientPolicy {
            resource_server_of: vec![serves.to_owned()],
            exchange: ExchangePolicy {
                audiences: calls.map(str::to_owned).into_iter().collect(),
                actors: vec![id.to_owned()],
                ..ExchangePolicy::default()
            },
            ..ClientPolicy::default()
        },
    };
    register(provider, draft).await
}

/// The app that people sign in to.
async fn app(provider: &Provider) -> Result<Client, Failure> {
    let draft = ClientDraft {
        name: "Shop".into(),
        metadata: ClientMetadata {
            redirect_uris: vec![REDIRECT_URI.into()],
            scope: format!("openid gateway:use {BEHIND}").parse()?,
            ..ClientMetadata::default()
        },
        policy: ClientPolicy { skip_consent: true, ..ClientPolicy::default() },
        ..ClientDraft::default()
    };
    register(provider, draft).await
}

/// A service that works at night and for nobody.
async fn nightly(provider: &Provider) -> Result<Client, Failure> {
    let draft = ClientDraft {
        id: Some("nightly".into()),
        name: "Nightly".into(),
        metadata: ClientMetadata {
            grant_types: vec![GrantType::ClientCredentials],
            scope: "gateway:use".parse()?,
            ..ClientMetadata::default()
        },
        ..ClientDraft::default()
    };
    register(provider, draft).await
}

async fn ada(provider: &Provider) -> Result<Ada, Failure> {
    let (email, password) = ("ada@example.org".to_owned(), provider.random.id());
    let new = NewUser {
        email: email.clone(),
        email_verified: true,
        name: Some("Ada".into()),
        password: Some(password.clone()),
        ..NewUser::default()
    };
    let account = users::create(&provider.ground(), new, &Actor::system()).await?;
    Ok(Ada { id: account.user.id, email, password })
}

/// The revocation list of the provider in this process: never stale, for it is the list itself.
struct SameProcess(Arc<RwLock<RevocationList>>);

impl RevocationSource for SameProcess {
    fn is_revoked(&self, token: &TokenFacts<'_>) -> Result<bool, Stale> {
        Ok(self.0.read().expect("no one panics with the lock").is_revoked(token))
    }
}
