//! A provider, two web apps and a microservice, as people meet them.

use crate::support::browser::Browser;
use crate::support::redis::Redis;
use crate::support::test_server::PASSWORD;
use crate::support::{Store, TestServer, ports};
use crate::{login_with, orders_api};
use countersign::domain::clients::management::ClientDraft;
use countersign::protocol::client::{ClientMetadata, GrantType};
use countersign::protocol::revocation::{RevocationList, TokenFacts};
use countersign::protocol::time::SystemClock;
use countersign::verifier::{RedisList, RevocationSource, Stale};
use std::sync::{Arc, RwLock};

/// Everything that runs for one test.
pub struct Stage {
    pub server: TestServer,
    /// Two apps under two host names, so that their cookies are apart.
    pub shop: String,
    pub notes: String,
    _redis: Option<Redis>,
}

/// The list of a provider in this process.
struct SameProcess(Arc<RwLock<RevocationList>>);

impl RevocationSource for SameProcess {
    fn is_revoked(&self, token: &TokenFacts<'_>) -> Result<bool, Stale> {
        Ok(self.0.read().expect("no one panics with the lock").is_revoked(token))
    }
}

impl Stage {
    /// SQLite alone, or PostgreSQL with Redis.
    pub async fn set(store: Store) -> Self {
        let redis = match store {
            Store::Sqlite => None,
            Store::Postgres => tokio::task::spawn_blocking(|| Some(Redis::start())).await.unwrap(),
        };
        let url = redis.as_ref().map(Redis::url);
        let redis_url = url.clone();
        let server = TestServer::with_on(store, |config| config.redis_url = redis_url).await;
        let revocations: Arc<dyn RevocationSource> = match url {
            Some(url) => Arc::new(RedisList::open(&url, Arc::new(SystemClock)).unwrap()),
            None => Arc::new(SameProcess(server.provider.revocation.list())),
        };
        let orders = format!("127.0.0.1:{}", ports::free_port());
        let service = orders_api::serve(orders_api::Config {
            issuer: server.issuer().to_owned(),
            audience: server.issuer().to_owned(),
            listen: orders.clone(),
            revocations: orders_api::Revocations::Given(revocations),
        });
        tokio::spawn(service.unwrap());
        let shop = app(&server, "Shop", "127.0.0.1", &orders).await;
        let notes = app(&server, "Notes", "localhost", &orders).await;
        Self { server, shop, notes, _redis: redis }
    }

    /// Types a name and the right password, and sends them.
    pub async fn sign_in(&self, browser: &Browser, name: &str) {
        browser.fill("username", &format!("{name}@example.org")).await;
        browser.fill("password", PASSWORD).await;
        browser.click("login-submit").await;
    }
}

async fn app(server: &TestServer, name: &str, host: &str, orders: &str) -> String {
    let port = ports::free_port();
    let base_url = format!("http://{host}:{port}");
    let scope = "openid profile email offline_access orders:read orders:write";
    let created = server
        .client(ClientDraft {
            name: name.into(),
            metadata: ClientMetadata {
                redirect_uris: vec![format!("{base_url}/callback")],
                post_logout_redirect_uris: vec![format!("{base_url}/")],
                grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
                scope: scope.parse().unwrap(),
                ..ClientMetadata::default()
            },
            ..ClientDraft::default()
        })
        .await;
    let app = login_with::serve(login_with::Config {
        issuer: server.issuer().to_owned(),
        client_id: created.client.id,
        client_secret: created.secret,
        listen: format!("127.0.0.1:{port}"),
        base_url: base_url.clone(),
        orders_url: format!("http://{orders}"),
        scope: login_with::Config::SCOPE.into(),
    });
    tokio::spawn(app.unwrap());
    base_url
}
