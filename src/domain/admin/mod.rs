//! What administrators look at. Only reading; what they change is in the service that owns it.

mod dashboard;
mod details;
mod log;
pub mod preview;

pub use dashboard::{Attention, Dashboard, DayCount, dashboard};
pub use details::{
    ClientSummary, LastUse, UserDetails, UserPage, clients, signing_keys, user, users,
};
pub use log::{LogQuery, Names, events, export, names};

pub use crate::storage::audit::Event;
pub use crate::storage::signing_keys::StoredKey;

use crate::protocol::time::Lifetime;

/// The most rows of one page of a list.
pub const MAX_PAGE: i64 = 100;

/// One day.
const DAY: Lifetime = Lifetime::days(1);
