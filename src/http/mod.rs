//! The endpoints and pages. Each area is a folder; none knows another.

pub mod account;
pub mod admin;
pub mod edge;
mod forward_auth;
mod home;
pub mod interaction;
pub mod oauth;
pub mod page;
pub mod problems;
mod state;
pub mod text;
mod timely;
pub mod views;
pub mod visitor;

pub use state::State;

use actix_web::web;

/// Adds the endpoints for machines, and no page.
pub fn machine_routes(config: &mut web::ServiceConfig, state: State) {
    config.app_data(web::Data::new(state.clone()));
    oauth::configure(config, &state);
    oauth::configure_variable_paths(config, &state);
}

/// Adds every endpoint and page. They are tried in this order: first what machines ask for all the
/// time, whose paths are plain texts.
pub fn routes(config: &mut web::ServiceConfig, state: State) {
    config.app_data(web::Data::new(state.clone()));
    oauth::configure(config, &state);
    forward_auth::configure(config);
    interaction::configure(config);
    account::configure(config);
    admin::configure(config);
    home::configure(config);
    page::assets::configure(config);
    oauth::configure_variable_paths(config, &state);
}
