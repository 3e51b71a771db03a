//! The pages of administrators, all below `/admin` and all behind one guard.

mod account;
mod account_acts;
mod account_password;
mod account_session;
mod audit;
mod client;
mod client_acts;
mod client_form;
mod client_proof;
mod client_requests;
mod client_settings;
mod clients;
mod dashboard;
mod guard;
mod issuers;
mod keys;
mod list;
mod preview;
mod registration;
mod resource;
mod resources;
mod upstreams;
mod users;
mod version;

use actix_web::middleware::from_fn;
use actix_web::web::{self, get, post, resource};

/// Adds the pages. What is below the scope cannot be reached around its guard.
pub fn configure(config: &mut web::ServiceConfig) {
    let pages = web::scope("/admin")
        .wrap(from_fn(guard::only_administrators))
        .service(resource("").route(get().to(dashboard::get)))
        .configure(of_users)
        .configure(of_clients)
        .configure(of_resources)
        .configure(of_issuers)
        .service(resource("/preview").route(get().to(preview::get)))
        .configure(of_upstreams)
        .service(
            resource("/registration")
                .route(get().to(registration::get))
                .route(post().to(registration::create)),
        )
        .service(
            resource("/registration/{id}/revoke")
                .route(get().to(registration::ask_revoke))
                .route(post().to(registration::revoke)),
        )
        .service(resource("/keys").route(get().to(keys::list)))
        .service(
            resource("/keys/rotate")
                .route(get().to(keys::ask_rotate))
                .route(post().to(keys::rotate)),
        )
        .service(
            resource("/keys/{kid}/retire")
                .route(get().to(keys::ask_retire))
                .route(post().to(keys::retire)),
        )
        .service(resource("/audit").route(get().to(audit::list)))
        .service(resource("/audit.csv").route(get().to(audit::csv)))
        .service(resource("/audit.json").route(get().to(audit::json)));
    config.service(pages);
}

fn of_users(config: &mut web::ServiceConfig) {
    config
        .service(resource("/users").route(get().to(users::list)).route(post().to(users::create)))
        .service(resource("/users/new").route(get().to(users::new)))
        .service(
            resource("/users/{id}").route(get().to(account::get)).route(post().to(account::save)),
        )
        .service(
            resource("/users/{id}/{act:block|unblock|revoke-tokens|sign-out|delete}")
                .route(get().to(account_acts::ask))
                .route(post().to(account_acts::perform)),
        )
        .service(
            resource("/users/{id}/set-password")
                .route(get().to(account_password::get))
                .route(post().to(account_password::set)),
        )
        .service(
            resource("/users/{id}/sessions/{sid}/sign-out")
                .route(get().to(account_session::ask))
                .route(post().to(account_session::end)),
        );
}

fn of_upstreams(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/upstreams")
                .route(get().to(upstreams::list))
                .route(post().to(upstreams::create)),
        )
        .service(resource("/upstreams/new").route(get().to(upstreams::new)))
        .service(
            resource("/upstreams/{slug}")
                .route(get().to(upstreams::get))
                .route(post().to(upstreams::save)),
        )
        .service(
            resource("/upstreams/{slug}/delete")
                .route(get().to(upstreams::ask_delete))
                .route(post().to(upstreams::delete)),
        );
}

fn of_resources(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/resources")
                .route(get().to(resources::list))
                .route(post().to(resources::create)),
        )
        .service(resource("/resources/new").route(get().to(resources::new)))
        .service(
            resource("/resources/{id}")
                .route(get().to(self::resource::get))
                .route(post().to(self::resource::save)),
        )
        .service(
            resource("/resources/{id}/{act:rotate-secret|delete}")
                .route(get().to(self::resource::ask))
                .route(post().to(self::resource::perform)),
        );
}

fn of_issuers(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/issuers").route(get().to(issuers::list)).route(post().to(issuers::create)),
        )
        .service(resource("/issuers/new").route(get().to(issuers::new)))
        .service(
            resource("/issuers/{id}").route(get().to(issuers::get)).route(post().to(issuers::save)),
        )
        .service(resource("/issuers/{id}/subjects").route(post().to(issuers::subjects)))
        .service(
            resource("/issuers/{id}/delete")
                .route(get().to(issuers::ask_delete))
                .route(post().to(issuers::delete)),
        );
}

fn of_clients(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/clients").route(get().to(clients::list)).route(post().to(clients::create)),
        )
        .service(resource("/clients/new").route(get().to(clients::new)))
        .service(
            resource("/clients/{id}")
                .route(get().to(client::get))
                .route(post().to(client::save_all)),
        )
        .service(
            resource("/clients/{id}/settings")
                .route(get().to(client_settings::get))
                .route(post().to(client_settings::save_all)),
        )
        .service(
            resource("/clients/{id}/{act:rotate-secret|disable|enable|delete}")
                .route(get().to(client_acts::ask))
                .route(post().to(client_acts::perform)),
        )
        .service(
            resource("/clients/{id}/secrets/{secret}/retire")
                .route(get().to(client_acts::ask_retire))
                .route(post().to(client_acts::retire)),
        );
}
