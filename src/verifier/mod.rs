//! Checks access tokens in a resource server.
