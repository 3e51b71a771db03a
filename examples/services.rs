//! Services that call each other for a person, and know it: the three tokens of such a landscape.
//!
//! ```text
//! cargo run --example services
//! ```
//!
//! Starts a provider with a database of its own and four services behind it, signs Ada in, and calls
//! the first service for her: gateway → orders → billing → ledger. Each checks the token it is sent,
//! exchanges it for one for the next (RFC 8693), and answers for whom it worked and who had a hand in
//! it. Each wants another kind of token:
//!
//! | Service | Its tokens | How it checks them |
//! |---------|------------|--------------------|
//! | gateway | signed (ES256) | with the public keys of the provider |
//! | orders  | signed and encrypted to it (nested JWE) | with its own key, then as the gateway |
//! | billing | signed with a secret of its own (HS256) | with the secret |
//! | ledger  | random values | asks the provider (RFC 7662) |
//!
//! With `--stay` everything runs on until Ctrl-C.

#[path = "services/person.rs"]
mod person;
#[path = "services/service.rs"]
mod service;
#[path = "services/setup.rs"]
mod setup;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign::server::Running;
use serde_json::Value;
use std::error::Error;

/// Anything that goes wrong ends the example.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Everything that runs.
pub struct Landscape {
    pub provider: Running,
    /// Where the first service is.
    pub gateway: String,
    /// The client of the app that Ada uses.
    pub app: service::Client,
    /// A service that calls the gateway for itself.
    pub nightly: service::Client,
    pub ada: setup::Ada,
    _directory: tempfile::TempDir,
}

impl Landscape {
    /// Starts the provider and the services on free ports.
    ///
    /// # Errors
    ///
    /// When a part of it does not start.
    pub async fn start() -> Result<Self, Failure> {
        let directory = tempfile::tempdir()?;
        let provider = setup::provider(&directory).await?;
        let parts = setup::everybody(&provider.provider).await?;
        let ledger = service::serve(parts.ledger).await?;
        let billing = service::serve(parts.billing.calling(ledger)).await?;
        let orders = service::serve(parts.orders.calling(billing)).await?;
        let gateway = service::serve(parts.gateway.calling(orders)).await?;
        let (app, nightly, ada) = (parts.app, parts.nightly, parts.ada);
        Ok(Self { provider, gateway, app, nightly, ada, _directory: directory })
    }

    /// Ada signs in to the app: the user token, for the gateway.
    ///
    /// # Errors
    ///
    /// When the provider says something else than expected.
    pub async fn user_token(&self) -> Result<String, Failure> {
        person::sign_in(&self.app, &self.ada).await
    }

    /// What a service gets for itself: the app token, for the gateway.
    ///
    /// # Errors
    ///
    /// When the provider refuses it.
    pub async fn app_token(&self) -> Result<String, Failure> {
        self.nightly.own_token(Some(setup::GATEWAY)).await
    }

    /// Calls the gateway with a token.
    ///
    /// # Errors
    ///
    /// When it cannot be reached.
    pub async fn call(&self, token: &str) -> Result<(u16, Value), Failure> {
        let answer = self.app.http.get(&self.gateway).bearer_auth(token).send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }
}

/// The claims of a signed token, for people to look at.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).and_then(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok());
    payload.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

#[actix_web::main]
#[allow(dead_code, reason = "unused where a test includes this file")]
async fn main() -> Result<(), Failure> {
    let landscape = Landscape::start().await?;
    let app_token = landscape.app_token().await?;
    println!("The app token, of a service about itself:\n{:#}\n", claims(&app_token));
    println!("What the services answer:\n{:#}\n", landscape.call(&app_token).await?.1);
    let user_token = landscape.user_token().await?;
    println!("The user token, of the app that Ada signed in to:\n{:#}\n", claims(&user_token));
    println!("What the services answer:\n{:#}\n", landscape.call(&user_token).await?.1);
    if std::env::args().any(|argument| argument == "--stay") {
        println!("The gateway is at {}. Ctrl-C ends everything.", landscape.gateway);
        tokio::signal::ctrl_c().await?;
    }
    landscape.provider.stop().await;
    Ok(())
}
