//! A microservice that verifies access tokens by itself.
//!
//! ```text
//! ISSUER=http://localhost:8080 AUDIENCE=… cargo run --example orders_api
//! ```
//!
//! `GET /orders` lists the caller's orders and needs the scope `orders:read`; `POST /orders` adds
//! one and needs `orders:write`. A handler that names an `AccessToken` is protected. The provider is
//! asked for its public keys and never about a token: who was blocked is known from the revocation
//! list, which is followed in Redis when `REDIS_URL` is set, and otherwise, or while Redis is away, in
//! the provider's feed.
//!
//! Settings come from the environment: `ISSUER`, `AUDIENCE` (the issuer when absent), `LISTEN`
//! (127.0.0.1:8082), `REDIS_URL`, `KEEP_IN` (a directory where keys and list are kept over a restart),
//! `STALENESS` (`strict`, `standard` or `relaxed`: what to do while neither Redis nor the feed is
//! there).

use actix_web::{App, HttpResponse, HttpServer, dev::Server, middleware::DefaultHeaders, web};
use countersign::verifier::{
    AccessToken, RevocationSource, StalenessPolicy, Verifier, VerifierBuilder, VerifyError,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The most orders that one caller may have, and the most callers: this memory is not a database.
const MAX_ORDERS: usize = 100;
const MAX_CALLERS: usize = 10_000;
const MAX_ITEM_BYTES: usize = 200;

/// What the service needs to know.
pub struct Config {
    /// Whose tokens are accepted.
    pub issuer: String,
    /// What this service is called in `aud`.
    pub audience: String,
    /// `HOST:PORT`.
    pub listen: String,
    /// What tells who was blocked.
    pub revocations: Revocations,
}

/// Where the revocation list comes from.
pub enum Revocations {
    /// From the provider, over Redis or its feed.
    Followed {
        redis: Option<String>,
        /// Where keys and list survive a restart.
        keep_in: Option<PathBuf>,
        staleness: StalenessPolicy,
    },
    /// From somebody else.
    Given(Arc<dyn RevocationSource>),
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// When `ISSUER` is missing or `STALENESS` is not one of its words.
    pub fn from_env() -> io::Result<Self> {
        let env = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let issuer = env("ISSUER").ok_or_else(|| io::Error::other("ISSUER is not set"))?;
        let staleness = match env("STALENESS").as_deref() {
            Some("strict") => StalenessPolicy::Strict,
            None | Some("standard") => StalenessPolicy::Standard,
            Some("relaxed") => StalenessPolicy::Relaxed,
            Some(_) => return Err(io::Error::other("STALENESS is strict, standard or relaxed")),
        };
        let (redis, keep_in) = (env("REDIS_URL"), env("KEEP_IN").map(PathBuf::from));
        Ok(Self {
            audience: env("AUDIENCE").unwrap_or_else(|| issuer.clone()),
            issuer,
            listen: env("LISTEN").unwrap_or_else(|| "127.0.0.1:8082".into()),
            revocations: Revocations::Followed { redis, keep_in, staleness },
        })
    }
}

impl Revocations {
    fn add_to(self, verifier: VerifierBuilder) -> VerifierBuilder {
        match self {
            Self::Given(list) => verifier.revocations(list),
            Self::Followed { redis, keep_in, staleness } => {
                let verifier = verifier.revocation_feed().staleness(staleness);
                let verifier = redis.into_iter().fold(verifier, VerifierBuilder::redis);
                keep_in.into_iter().fold(verifier, VerifierBuilder::keep_in)
            }
        }
    }
}

/// Starts the service; the issuer need not be there yet. Must be called on a tokio runtime.
///
/// # Errors
///
/// When a setting is wrong or the address is taken.
pub fn serve(config: Config) -> io::Result<Server> {
    let verifier = Verifier::builder(&config.issuer).audience(config.audience);
    let verifier = config.revocations.add_to(verifier).build_lazily().map_err(io::Error::other)?;
    let verifier = web::Data::new(verifier);
    let orders = web::Data::new(Orders::default());
    let app = move || {
        App::new()
            .app_data(verifier.clone())
            .app_data(orders.clone())
            .wrap(DefaultHeaders::new().add(("Cache-Control", "no-store")))
            .route("/orders", web::get().to(list))
            .route("/orders", web::post().to(add))
    };
    Ok(HttpServer::new(app).workers(1).bind(config.listen)?.run())
}

/// `GET /orders`
async fn list(caller: AccessToken, orders: web::Data<Orders>) -> Result<HttpResponse, VerifyError> {
    caller.require_scope("orders:read")?;
    Ok(HttpResponse::Ok().json(json!({
        "caller": {
            "sub": caller.subject,
            "client_id": caller.client_id,
            "roles": caller.roles,
            "scope": caller.scope,
        },
        "orders": orders.of(&caller.subject),
    })))
}

#[derive(Deserialize)]
struct NewOrder {
    item: String,
}

/// `POST /orders` with `{"item": "…"}`
async fn add(
    caller: AccessToken,
    new: web::Json<NewOrder>,
    orders: web::Data<Orders>,
) -> Result<HttpResponse, VerifyError> {
    caller.require_scope("orders:write")?;
    let item = new.into_inner().item;
    if item.is_empty() || item.len() > MAX_ITEM_BYTES {
        let problem = json!({ "error": "item has 1 to 200 bytes" });
        return Ok(HttpResponse::UnprocessableEntity().json(problem));
    }
    Ok(match orders.add(&caller.subject, item) {
        Some(order) => HttpResponse::Created().json(order),
        None => HttpResponse::Conflict().json(json!({ "error": "no room for more orders" })),
    })
}

#[derive(Clone, Serialize)]
struct Order {
    number: usize,
    item: String,
}

/// The orders of every caller, by `sub`.
#[derive(Default)]
struct Orders(Mutex<HashMap<String, Vec<Order>>>);

impl Orders {
    fn of(&self, subject: &str) -> Vec<Order> {
        let orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        orders.get(subject).cloned().unwrap_or_default()
    }

    fn add(&self, subject: &str, item: String) -> Option<Order> {
        let mut orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if orders.len() >= MAX_CALLERS && !orders.contains_key(subject) {
            return None;
        }
        let own = orders.entry(subject.to_owned()).or_default();
        if own.len() >= MAX_ORDERS {
            return None;
        }
        let order = Order { number: own.len() + 1, item };
        own.push(order.clone());
        Some(order)
    }
}

#[actix_web::main]
#[allow(dead_code, reason = "unused where `countersign demo` includes this file")]
async fn main() -> io::Result<()> {
    let config = Config::from_env()?;
    println!("orders API on http://{}/orders", config.listen);
    serve(config)?.await
}
