//! The authorization endpoint's work (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2).
//!
//! A request is found where it stands ([`source`]), checked once ([`request`]), travels sealed through the pages ([`interaction`]), and
//! [`step::next`] alone says what comes next, until it is answered ([`answer`]).

pub mod answer;
pub mod elsewhere;
pub mod interaction;
pub mod jarm;
pub mod progress;
pub mod pushed;
pub mod reply;
pub mod request;
pub mod request_object;
pub mod response;
pub mod source;
pub mod step;

pub use interaction::AuthorizeKeys;
