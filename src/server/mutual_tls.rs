//! The listener that asks for client certificates (RFC 8705): for the endpoints of machines alone, so
//! that no browser is ever asked for one on a page.

use super::door::Door;
use super::tls::Tls;
use super::{
    BLOCKING_THREADS, HEAD_DEADLINE, KEEP_ALIVE, Listener, MAX_CONNECTIONS, RunError, STOP_SECONDS,
    connection,
};
use crate::config::Config;
use crate::domain::mtls::Mtls;
use crate::domain::sender::Certificate;
use crate::http::edge::Edge;
use crate::http::{State, machine_routes};
use crate::jose::TrustAnchors;
use actix_tls::accept::openssl::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use actix_web::{App, HttpServer};
use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What the settings say about client certificates.
///
/// # Errors
///
/// When the trust anchors cannot be read.
pub fn settings(config: &Config) -> Result<Mtls, RunError> {
    let anchors = config.mtls.trust_anchors.as_ref().map(|path| {
        let shown = path.display().to_string();
        let pem = std::fs::read(path).map_err(|error| RunError::File(shown.clone(), error))?;
        let broken = |_| RunError::File(shown, std::io::ErrorKind::InvalidData.into());
        TrustAnchors::from_pem(&pem).map_err(broken)
    });
    Ok(Mtls::new(&config.mtls, &config.issuer, anchors.transpose()?))
}

/// Serves on the listener, when there is one.
///
/// # Errors
///
/// When the address is taken, or our own certificate cannot be used.
pub fn serve(
    config: &Config,
    state: &State,
    tls: Option<&Tls>,
    doors: &mut Vec<Door>,
) -> Result<Option<(Listener, SocketAddr)>, RunError> {
    let (Some(listen), Some(tls)) = (config.mtls.listen, tls) else { return Ok(None) };
    let shared = state.clone();
    let app = move || {
        App::new()
            .wrap(Edge::new(shared.edge.clone()))
            .configure(|routes| machine_routes(routes, shared.clone()))
    };
    let server = settled!(HttpServer::new(app), config).on_connect(note_certificate);
    let acceptor = tls.acceptor().map_err(RunError::Tls)?;
    let failed = |error| RunError::Listen(listen, error);
    let (door, listener) = Door::open(listen).map_err(failed)?;
    doors.push(door);
    let server = server.listen_openssl(listener, acceptor).map_err(failed)?;
    let address = server.addrs().first().copied().unwrap_or(listen);
    Ok(Some((Listener::start(server.run()), address)))
}

/// Keeps the certificate of a connection for its requests. One that cannot be read is none.
fn note_certificate(connection: &dyn Any, noted: &mut Extensions) {
    connection::settle(connection, noted);
    let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() else { return };
    let ssl = stream.ssl();
    let Some(Ok(der)) = ssl.peer_certificate().map(|certificate| certificate.to_der()) else {
        return;
    };
    let chain = ssl.peer_cert_chain().into_iter().flatten();
    let chain: Vec<_> = chain.filter_map(|link| link.to_der().ok()).collect();
    match Certificate::from_der(&der, &chain) {
        Ok(certificate) => drop(noted.insert(Arc::new(certificate))),
        Err(error) => tracing::debug!(%error, "client certificate not taken"),
    }
}
