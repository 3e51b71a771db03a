//! Places where a test can make the process die. A release has none of them.
//!
//! The variable `FAILPOINT` names one: `after_commit=abort` ends the process as a power cut would,
//! `after_commit=panic` panics there, `after_commit=abort@3` at the third time. Without debug
//! assertions [`reach`] is empty and the names are not in the program; `tests/tidy.rs` compiles this
//! file both ways and looks.

/// A place has been reached.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn reach(_: &str) {}

#[cfg(debug_assertions)]
pub use live::reach;

#[cfg(debug_assertions)]
mod live {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    struct Order {
        place: String,
        action: String,
        /// How many times it is passed before.
        passes: AtomicU32,
    }

    static ORDER: OnceLock<Option<Order>> = OnceLock::new();

    fn read() -> Option<Order> {
        let text = std::env::var("FAILPOINT").ok()?;
        let (place, action) = text.split_once('=')?;
        let (action, time) = action.split_once('@').unwrap_or((action, "1"));
        let passes = AtomicU32::new(time.parse::<u32>().ok()?.saturating_sub(1));
        Some(Order { place: place.to_owned(), action: action.to_owned(), passes })
    }

    /// A place has been reached.
    pub fn reach(place: &str) {
        let Some(order) = ORDER.get_or_init(read) else { return };
        let passed = |left: u32| left.checked_sub(1);
        let relaxed = Ordering::Relaxed;
        if order.place != place || order.passes.fetch_update(relaxed, relaxed, passed).is_ok() {
            return;
        }
        match order.action.as_str() {
            "abort" => std::process::abort(),
            _ => panic!("the failpoint {place}"),
        }
    }
}
