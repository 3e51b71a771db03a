//! The edge of the provider: what every request passes on its way in, and what every answer wears
//! on its way out.
//!
//! [`Edge`] is the one middleware. It refuses what no endpoint should see ([`limits`]), holds the
//! clock against slow requests, turns a panic into one failed request, and counts and logs. The
//! other files are what handlers use: [`RequestInfo`], [`FormParams`], [`QueryParams`],
//! [`JsonError`], [`BearerError`], [`Cookies`].

pub mod access;
pub mod certificate;
pub mod code;
pub mod cookies;
pub mod error;
pub mod fault;
pub mod form;
pub mod forwarded;
pub mod headers;
pub mod hosts;
pub mod limits;
pub mod metrics;
pub mod middleware;
pub mod policy;
pub mod readiness;
pub mod request;

#[cfg(test)]
mod tests;

pub use code::RequestCode;
pub use cookies::Cookies;
pub use error::{BearerError, JsonError};
pub use form::{FormParams, JsonBody, QueryParams};
pub use metrics::Metrics;
pub use middleware::Edge;
pub use policy::EdgePolicy;
pub use readiness::Readiness;
pub use request::RequestInfo;
