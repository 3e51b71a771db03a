//! How Countersign is run: several instances behind a proxy, and the files in `deploy`.

#[path = "../it/support/mod.rs"]
mod support;

mod cluster;
mod files;
mod keys;
mod load;
mod packages;
mod traefik;
