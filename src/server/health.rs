//! Health for load balancers, metrics for the operator.

use super::{Listener, RunError};
use crate::http::State;
use crate::storage::settings;
use actix_web::body::MessageBody;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer};
use std::net::SocketAddr;
use std::time::Duration;

/// A database that takes longer than this is as good as away.
const PATIENCE: Duration = Duration::from_secs(1);

/// `/livez`, `/readyz` and `/healthz`.
pub fn routes(routes: &mut ServiceConfig, state: State) {
    routes
        .app_data(Data::new(state))
        .service(web::resource(["/livez", "/healthz"]).get(live))
        .service(web::resource("/readyz").get(ready));
}

/// The process answers.
async fn live() -> HttpResponse {
    say(StatusCode::OK, "ok")
}

/// The process wants requests, and can serve them.
async fn ready(state: Data<State>) -> HttpResponse {
    let unready = |why| say(StatusCode::SERVICE_UNAVAILABLE, why);
    if !state.readiness.is_on() {
        return unready("stopping");
    }
    if let Some(deviation) = state.provider.clock_deviation() {
        let why = format!("{deviation}; nothing is issued until it is right");
        return say(StatusCode::SERVICE_UNAVAILABLE, why);
    }
    let asked = state.provider.db.read(|conn| settings::find(conn, settings::CACHE_VERSION));
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(_)) if state.provider.db.refuses_writes() => {
            unready("the database cannot be written to")
        }
        Ok(Ok(_)) => say(StatusCode::OK, "ready"),
        _ => unready("the database is out of reach"),
    }
}

fn say(status: StatusCode, text: impl MessageBody + 'static) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header(("cache-control", "no-store"))
        .content_type("text/plain; charset=utf-8")
        .body(text)
}

/// Serves `/metrics` on an address of its own.
///
/// # Errors
///
/// When the address is taken.
pub fn serve_metrics(
    address: SocketAddr,
    state: &State,
) -> Result<(Listener, SocketAddr), RunError> {
    let state = state.clone();
    let app = move || {
        let state = Data::new(state.clone());
        App::new().app_data(state).route("/metrics", web::get().to(metrics))
    };
    let server = HttpServer::new(app)
        .disable_signals()
        .workers(1)
        .shutdown_timeout(1)
        .bind(address)
        .map_err(|error| RunError::Listen(address, error))?;
    let bound = server.addrs().first().copied().unwrap_or(address);
    Ok((Listener::start(server.run()), bound))
}

async fn metrics(state: Data<State>) -> HttpResponse {
    let list = state.provider.revocation.list();
    if let Ok(list) = list.read() {
        let length = i64::try_from(list.len()).unwrap_or(i64::MAX);
        state.edge.metrics.revocations.set(length);
        state.edge.metrics.revocation_seq.set(list.last_seq());
    }
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(state.edge.metrics.text())
}
