//! What the provider does.
