//! The code that names one request on its page, in the log and in the audit log.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Crockford's alphabet: no letter looks like a digit when read out over the telephone.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Forty bits, shown as `01K9-7QJ4`. Not a secret: it says only which request is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestCode(u64);

impl RequestCode {
    /// The nine characters of the code.
    fn text(self) -> [u8; 9] {
        let mut text = [b'-'; 9];
        for (place, at) in [0, 1, 2, 3, 5, 6, 7, 8].into_iter().enumerate() {
            text[at] = ALPHABET[(self.0 >> (5 * (7 - place))) as usize & 31];
        }
        text
    }
}

impl fmt::Display for RequestCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.text()).expect("the alphabet is ASCII"))
    }
}

/// Gives out codes: a counter, mixed so that codes do not tell how many requests there were.
pub struct RequestCodes {
    key: u64,
    next: AtomicU64,
}

impl RequestCodes {
    /// `key` is random, so that two instances do not give out the same codes.
    pub const fn new(key: u64) -> Self {
        Self { key, next: AtomicU64::new(0) }
    }

    /// The next code.
    pub fn next(&self) -> RequestCode {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        RequestCode(mix(count ^ self.key))
    }
}

/// The finalizer of splitmix64: each bit of the input reaches each bit of the output.
const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_code_is_two_groups_of_four() {
        assert_eq!(RequestCode(0).to_string(), "0000-0000");
        assert_eq!(RequestCode(0xff_ffff_ffff).to_string(), "ZZZZ-ZZZZ");
        assert_eq!(RequestCode(1 << 20).to_string(), "0001-0000");
    }

    #[test]
    fn codes_do_not_repeat_soon() {
        let codes = RequestCodes::new(0x1234_5678_9abc_def0);
        let given: HashSet<String> = (0..10_000).map(|_| codes.next().to_string()).collect();
        assert_eq!(given.len(), 10_000);
    }
}
