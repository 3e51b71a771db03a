//! Integration tests: one file for each family of rules, against the running server.

mod support;

mod assertions;
mod audit;
mod authorize;
mod block;
mod client_auth;
mod client_proof;
mod client_protection;
mod clients;
mod command_line;
mod cors;
mod database;
mod dpop;
mod fapi;
mod flow_openidconnect;
mod formats;
mod instances;
mod introspection_revocation;
mod jar;
mod jarm;
mod keys;
mod logout;
mod mtls;
mod par;
mod races;
mod redis;
mod refresh;
mod resources;
mod resources_admin;
mod support_selftest;
mod token;
mod userinfo;
