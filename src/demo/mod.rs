//! `countersign demo`: the provider with a web app and a microservice beside it.
