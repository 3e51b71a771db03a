//! A whole service.
#![allow(dead_code, reason = "it is there to be read, and to compile")]

// DOCUMENTED
use actix_web::{App, HttpResponse, HttpServer, web};
use countersign::verifier::{AccessToken, StalenessPolicy, Verifier, VerifyError};

async fn orders(caller: AccessToken) -> Result<HttpResponse, VerifyError> {
    caller.require_scope("orders:read")?;
    // caller.client_id, caller.roles, caller.has_role("admin"), caller.claims …
    Ok(HttpResponse::Ok().body(format!("the orders of {}", caller.subject)))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verifier = Verifier::builder("https://login.example.com")
        .audience("https://login.example.com") // what tokens.default_audience says; else the issuer
        .redis("redis://cache.internal") // the list in Redis,
        .revocation_feed() // and the provider's own feed while Redis is away
        .keep_in("/var/lib/orders") // what is known survives a restart
        .staleness(StalenessPolicy::Standard)
        .build()
        .await?;
    let verifier = web::Data::new(verifier);
    let app = move || App::new().app_data(verifier.clone()).route("/orders", web::get().to(orders));
    HttpServer::new(app).bind("127.0.0.1:8082")?.run().await?;
    Ok(())
}
// END
