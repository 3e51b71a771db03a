//! A person's own account: what it holds, who is signed in, which apps use it.

mod apps;
mod devices;
mod here;
mod linked;
mod overview;
mod password;
mod profile;
mod requests;

use actix_web::web;

/// Adds the pages.
pub fn configure(config: &mut web::ServiceConfig) {
    let page = web::resource::<&str>;
    config
        .service(page("/account").route(web::get().to(overview::get)))
        .service(
            page("/account/profile")
                .route(web::get().to(profile::get))
                .route(web::post().to(profile::post)),
        )
        .service(page("/account/security").route(web::get().to(overview::security)))
        .service(
            page("/account/password")
                .route(web::get().to(password::get))
                .route(web::post().to(password::post)),
        )
        .service(
            page("/account/linked/new/{slug}")
                .route(web::get().to(linked::to_page))
                .route(web::post().to(linked::start)),
        )
        .service(
            page("/account/linked/{id}/remove")
                .route(web::get().to(linked::ask))
                .route(web::post().to(linked::remove)),
        )
        .service(page("/account/devices").route(web::get().to(devices::get)))
        .service(
            page("/account/devices/others/sign-out")
                .route(web::get().to(devices::ask_for_others))
                .route(web::post().to(devices::end_others)),
        )
        .service(
            page("/account/devices/{sid}/sign-out")
                .route(web::get().to(devices::ask))
                .route(web::post().to(devices::end)),
        )
        .service(
            page("/account/requests")
                .route(web::get().to(requests::get))
                .route(web::post().to(requests::post)),
        )
        .service(page("/account/apps").route(web::get().to(apps::get)))
        .service(
            page("/account/apps/{client_id}/remove")
                .route(web::get().to(apps::ask))
                .route(web::post().to(apps::remove)),
        );
}
