//! Whole scopes.

use actix_web::HttpResponse;

// DOCUMENTED
use actix_web::web;
use countersign::verifier::{Needs, Protect, StalenessPolicy};

pub fn configure(config: &mut web::ServiceConfig) {
    let protect = Protect::default()
        .needs(Needs::default().scope("pay").role("clerk"))
        .staleness(StalenessPolicy::Strict);
    config.service(web::scope("/payments").wrap(protect).route("", web::get().to(payments)));
}
// END

async fn payments() -> HttpResponse {
    HttpResponse::NoContent().finish()
}
