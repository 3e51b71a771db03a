//! What a request shows to hold, read from its headers, and the nonce for its next proof (RFC 9449).

use crate::domain::sender::{Evidence, Sender};
use crate::http::State;
use crate::http::edge::certificate;
use crate::http::edge::headers::DPOP_NONCE;
use actix_web::http::header::HeaderValue;
use actix_web::{HttpRequest, HttpResponse};

/// Reads what a request carries. A header that is no text counts, as a proof that is none.
pub fn evidence(request: &HttpRequest, state: &State) -> Evidence {
    let proofs = request.headers().get_all("dpop");
    Evidence {
        method: request.method().to_string(),
        path: request.path().to_owned(),
        proofs: proofs.map(|value| value.to_str().unwrap_or_default().to_owned()).collect(),
        certificate: certificate::of(request, &state.edge),
    }
}

/// Tells a sender who proves by DPoP the nonce for the next time.
pub fn next_nonce(state: &State, sender: &Sender, response: &mut HttpResponse) {
    if sender.jkt().is_some() {
        add_nonce(state, response);
    }
}

/// Adds a nonce, where nonces are asked for (§8.2).
pub fn add_nonce(state: &State, response: &mut HttpResponse) {
    let provider = &state.provider;
    if !provider.tokens.require_dpop_nonce {
        return;
    }
    if let Ok(value) = HeaderValue::try_from(provider.dpop_nonces.issue(provider.now())) {
        response.headers_mut().insert(DPOP_NONCE, value);
    }
}
