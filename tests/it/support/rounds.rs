//! How often a race is run.

/// As often as `usual`, or as `RACE_ROUNDS` says.
pub fn rounds(usual: u64) -> std::ops::Range<u64> {
    let wanted = std::env::var("RACE_ROUNDS").ok();
    0..wanted.map_or(usual, |rounds| rounds.parse().expect("RACE_ROUNDS is a number"))
}
