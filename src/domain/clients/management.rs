//! Registering and changing clients.
