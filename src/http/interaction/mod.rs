//! The pages between an authorization request and its answer, and the sign-in on its own.

mod authorize;
mod consent;
mod device;
mod flow;
mod login;
mod logo;
mod logout;
mod select;
mod sign_up;
mod upstream;

pub use super::visitor::{Visitor, see_other};
pub use flow::{Via, advance, fault, reply};
pub use login::AFTER_SET_UP;
pub use upstream::away;

use actix_web::web;

/// Adds the pages.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/authorize")
                .route(web::get().to(authorize::get))
                .route(web::post().to(authorize::post)),
        )
        .service(web::resource("/authorize/resume").route(web::get().to(authorize::resume)))
        .service(
            web::resource("/login")
                .route(web::get().to(login::get))
                .route(web::post().to(login::post)),
        )
        .service(
            web::resource("/sign-up")
                .route(web::get().to(sign_up::get))
                .route(web::post().to(sign_up::post)),
        )
        .service(web::resource("/logo/{client_id}").route(web::get().to(logo::get)))
        .service(
            web::resource("/select")
                .route(web::get().to(select::get))
                .route(web::post().to(select::post)),
        )
        .service(
            web::resource("/consent")
                .route(web::get().to(consent::get))
                .route(web::post().to(consent::post)),
        )
        .service(
            web::resource("/device")
                .route(web::get().to(device::get))
                .route(web::post().to(device::post)),
        )
        .service(web::resource("/consent/switch").route(web::post().to(consent::switch)))
        .service(web::resource("/login/upstream/{slug}").route(web::get().to(upstream::start)))
        .service(
            web::resource("/login/upstream/{slug}/callback")
                .route(web::get().to(upstream::callback)),
        )
        .service(
            web::resource("/login/upstream/{slug}/link")
                .route(web::get().to(upstream::ask))
                .route(web::post().to(upstream::link)),
        )
        .service(
            web::resource("/login/upstream/{slug}/backchannel-logout")
                .route(web::post().to(upstream::back_channel_logout)),
        )
        .service(web::resource("/session/check").route(web::get().to(logout::check_session)))
        .service(web::resource("/session/state").route(web::get().to(logout::session_state)))
        .service(
            web::resource("/logout")
                .route(web::get().to(logout::get))
                .route(web::post().to(logout::post)),
        );
}
