//! People: their accounts, passwords, sessions, and the sign-in that connects them.

pub mod account;
pub mod acting;
pub mod passwords;
pub mod sessions;
pub mod sign_in;
pub mod sign_up;
pub mod throttle;
pub mod users;
