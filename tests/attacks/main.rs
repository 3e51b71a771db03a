//! Attacks and bad inputs against the running server: one test for each, named by its id.

#[path = "../it/support/mod.rs"]
mod support;

mod admin;
mod assertions;
mod authorize;
mod authorize_interaction;
mod client_auth;
mod device;
mod dpop;
mod ecosystem;
mod exchange;
mod http_layer;
mod jose;
mod jwt_bearer;
mod login;
mod logout;
mod metadata;
mod outbound;
mod overtaken;
mod pkce;
mod redirect_uri;
mod refresh;
mod registration;
mod registration_overtaken;
mod request_object;
mod request_object_encrypted;
mod resource;
mod token;
