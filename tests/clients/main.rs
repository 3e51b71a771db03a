//! Client libraries that others wrote, from npm and PyPI, against the provider.
//!
//! Each test registers a client and lets a script play one flow: in `node/` with `openid-client`,
//! `oauth4webapi` and the SDK of the Model Context Protocol, in `python/` with `Authlib` and `idpyoidc`,
//! and in Chromium with `oidc-client-ts`. The example with a service on Node is run here too.

#[path = "../it/support/mod.rs"]
mod support;

mod authlib;
mod idpyoidc;
mod landscape;
mod mcp;
mod oauth4webapi;
mod oidc_client_ts;
mod oidc_provider;
mod openid_client;
mod packages;
mod stage;
