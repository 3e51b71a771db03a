//! The words of the RFCs as types: pure, without I/O.

pub mod acr;
pub mod authorization_details;
pub mod authorization_request;
pub mod certificate_name;
pub mod claims;
pub mod client;
pub mod confirmation;
pub mod credentials;
pub mod details_type;
pub mod error;
pub mod params;
pub mod pkce;
pub mod private_claims;
pub mod random;
pub mod redirect_uri;
pub mod resource;
pub mod response_type;
pub mod revocation;
pub mod revocation_feed;
mod revocation_list;
pub mod revocation_store;
pub mod scope;
pub mod time;
pub mod token_exchange;
pub mod trusted_issuer;
pub mod upstream;
pub mod user_code;
