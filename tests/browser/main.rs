//! Browser tests: the main job and every page, in headless Chromium.

#[path = "../it/support/mod.rs"]
mod support;

#[path = "../../examples/login_with.rs"]
mod login_with;
#[path = "../../examples/orders_api.rs"]
mod orders_api;

mod accessibility;
mod main_job;
mod sign_out;
mod stage;
