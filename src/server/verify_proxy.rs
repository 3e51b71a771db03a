//! `countersign verify-proxy`: a sidecar that tells a proxy whether a request may go on. It needs the
//! issuer's public keys and the revocation list, and neither database nor secrets.

use super::signals::Signals;
use super::{RunError, logging};
use crate::config::LogConfig;
use crate::verifier::forward_auth::{self, PATH, Told};
use crate::verifier::{StalenessPolicy, Verifier};
use actix_web::dev::Server;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What the sidecar needs to know.
pub struct VerifyProxy {
    pub issuer: String,
    /// Whom tokens must be for; the issuer when empty.
    pub audiences: Vec<String>,
    pub listen: SocketAddr,
    pub redis_url: Option<String>,
    /// Whether the provider's feed of revocations is read.
    pub feed: bool,
    /// Where keys and list are kept over a restart.
    pub keep_in: Option<PathBuf>,
    pub staleness: StalenessPolicy,
    /// Where clients reach the services, for DPoP proofs.
    pub origins: Vec<String>,
    pub told: Told,
    /// A PEM file with a further trust anchor.
    pub ca: Option<PathBuf>,
    /// The client that asks about opaque tokens, and its secret.
    pub introspect_as: Option<(String, String)>,
    pub log: LogConfig,
}

/// Serves until the process is told to end.
///
/// # Errors
///
/// When a setting is wrong or the address is taken. The issuer need not be there yet.
pub async fn run(settings: VerifyProxy) -> Result<(), RunError> {
    let _flushed_at_the_end = logging::init(&settings.log)?;
    let mut signals = Signals::listen().map_err(RunError::Server)?;
    let (server, address) = serve(&settings)?;
    tracing::info!(%address, issuer = settings.issuer, "answering proxies");
    let handle = server.handle();
    let serving = tokio::spawn(server);
    signals.end().await;
    handle.stop(true).await;
    // The server has ended; how does not matter any more.
    drop(serving.await);
    Ok(())
}

/// Starts to serve. Must be called on a tokio runtime.
///
/// # Errors
///
/// As [`run`].
pub fn serve(settings: &VerifyProxy) -> Result<(Server, SocketAddr), RunError> {
    let verifier = web::Data::new(verifier(settings)?);
    let told = web::Data::new(settings.told);
    let app = move || {
        App::new()
            .app_data(verifier.clone())
            .app_data(told.clone())
            .service(web::resource(PATH).route(web::get().to(verify)).route(web::head().to(verify)))
            .route("/livez", web::get().to(live))
            .route("/readyz", web::get().to(ready))
            .route("/metrics", web::get().to(metrics))
    };
    let failed = |error| RunError::Listen(settings.listen, error);
    let server = HttpServer::new(app).disable_signals().workers(2).shutdown_timeout(5);
    let server = server.bind(settings.listen).map_err(failed)?;
    let address = server.addrs().first().copied().unwrap_or(settings.listen);
    Ok((server.run(), address))
}

fn verifier(settings: &VerifyProxy) -> Result<Verifier, RunError> {
    let mut builder = Verifier::builder(&settings.issuer).staleness(settings.staleness);
    let own = [settings.issuer.clone()];
    let audiences = match settings.audiences.is_empty() {
        true => &own[..],
        false => &settings.audiences[..],
    };
    for audience in audiences {
        builder = builder.audience(audience);
    }
    for origin in &settings.origins {
        builder = builder.origin(origin);
    }
    if let Some(url) = &settings.redis_url {
        builder = builder.redis(url);
    }
    if settings.feed {
        builder = builder.revocation_feed();
    }
    if let Some(directory) = &settings.keep_in {
        builder = builder.keep_in(directory);
    }
    if let Some(path) = &settings.ca {
        let read = std::fs::read(path);
        let pem = read.map_err(|error| RunError::File(path.display().to_string(), error))?;
        builder = builder.trust_anchor(pem);
    }
    if let Some((id, secret)) = &settings.introspect_as {
        builder = builder.introspect_as(id, secret);
    }
    builder.build_lazily().map_err(RunError::Verifier)
}

async fn verify(
    request: HttpRequest,
    verifier: web::Data<Verifier>,
    told: web::Data<Told>,
) -> HttpResponse {
    forward_auth::answer(&verifier, &request, **told).await
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().insert_header(("cache-control", "no-store")).body("ok")
}

async fn ready(verifier: web::Data<Verifier>) -> HttpResponse {
    let (mut response, says) = match verifier.is_ready() {
        true => (HttpResponse::Ok(), "ready"),
        false => (
            HttpResponse::ServiceUnavailable(),
            "good tokens are not accepted: the issuer's keys are missing, or the list of revocations is \
             longer out of date than --staleness allows",
        ),
    };
    response.insert_header(("cache-control", "no-store")).body(says)
}

async fn metrics(verifier: web::Data<Verifier>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(verifier.metrics())
}
