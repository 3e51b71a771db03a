//! The revocation list in memory: 16 bytes for each entry, whatever it is called.
//!
//! An entry is found by 64 bits of a hash of its kind and key, under a seed that each list draws for
//! itself. That two different keys meet refuses a token that is good, once in 10¹³ questions to a
//! million entries; it never lets one pass.

use super::revocation::{ALL_KEY, RevocationEntry, RevocationKind, TokenFacts};
use super::time::Timestamp;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hasher, RandomState};

/// The entries that are alive. A question costs a few hash look-ups.
#[derive(Debug, Clone)]
pub struct RevocationList {
    marks: HashMap<u64, Mark, BuildHasherDefault<AsItIs>>,
    seed: u64,
    last_seq: i64,
    swept_at: Timestamp,
}

/// How often the list is swept, in seconds: it is read through from end to end.
const SWEEP_SECONDS: u64 = 5;

impl Default for RevocationList {
    fn default() -> Self {
        let seed = RandomState::new().build_hasher().finish();
        Self { marks: HashMap::default(), seed, last_seq: 0, swept_at: Timestamp::from_unix(0) }
    }
}

/// A list as bytes, to be kept over a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedList {
    pub seed: u64,
    /// What [`RevocationList`] makes of a fixed text: another build may hash otherwise.
    pub check: u64,
    /// 16 bytes for each entry.
    pub entries: Vec<u8>,
}

impl RevocationList {
    /// Takes an entry in. In any order and any number of times: the highest watermark and the
    /// latest expiry stay.
    pub fn insert(&mut self, entry: &RevocationEntry) {
        self.last_seq = self.last_seq.max(entry.seq);
        let mark = Mark::new(entry.not_before, entry.expires_at);
        let place = self.place(entry.kind, &entry.key);
        self.put(place, mark);
    }

    fn put(&mut self, place: u64, mark: Mark) {
        let own = self.marks.entry(place).or_insert(mark);
        *own = own.joined(mark);
    }

    /// Whether a token must be refused.
    pub fn is_revoked(&self, token: &TokenFacts<'_>) -> bool {
        if self.marks.is_empty() {
            return false;
        }
        let at_client = &[token.subject, "+", token.client_id];
        self.mark(RevocationKind::Token, &[token.jti]).is_some()
            || self.refuses(RevocationKind::All, &[ALL_KEY], token)
            || self.refuses(RevocationKind::Subject, &[token.subject], token)
            || self.refuses(RevocationKind::Client, &[token.client_id], token)
            || self.refuses(RevocationKind::SubjectAtClient, at_client, token)
            || token.sid.is_some_and(|sid| self.refuses(RevocationKind::Session, &[sid], token))
            || token.kid.is_some_and(|kid| self.has_withdrawn(kid))
    }

    /// Whether a signing key was withdrawn: nothing that it signed counts, whatever `iat` it says,
    /// because whoever has stolen it says what they like.
    pub fn has_withdrawn(&self, kid: &str) -> bool {
        self.mark(RevocationKind::Key, &[kid]).is_some()
    }

    fn refuses(&self, kind: RevocationKind, key: &[&str], token: &TokenFacts<'_>) -> bool {
        let not_before = self.mark(kind, key).and_then(Mark::not_before);
        not_before.is_some_and(|not_before| token.issued_at <= not_before)
    }

    /// The watermark under a key, if there is one.
    pub fn not_before(&self, kind: RevocationKind, key: &str) -> Option<Timestamp> {
        self.mark(kind, &[key])?.not_before()
    }

    fn mark(&self, kind: RevocationKind, key: &[&str]) -> Option<Mark> {
        self.marks.get(&self.place_of(kind, key)).copied()
    }

    fn place(&self, kind: RevocationKind, key: &str) -> u64 {
        self.place_of(kind, &[key])
    }

    /// SipHash of the seed, the kind and the key, which comes in parts.
    fn place_of(&self, kind: RevocationKind, key: &[&str]) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.seed);
        hasher.write_u8(kind as u8);
        key.iter().for_each(|part| hasher.write(part.as_bytes()));
        hasher.finish()
    }

    /// Drops the entries that no living token needs.
    pub fn sweep(&mut self, now: Timestamp) {
        self.marks.retain(|_, mark| mark.expires_at() > now);
        if self.marks.len() < self.marks.capacity() / 8 {
            self.marks.shrink_to_fit();
        }
    }

    /// As [`RevocationList::sweep`], unless that was done a moment ago.
    pub fn sweep_if_due(&mut self, now: Timestamp) {
        if now.seconds_since(self.swept_at).unsigned_abs() >= SWEEP_SECONDS {
            self.swept_at = now;
            self.sweep(now);
        }
    }

    /// The highest number taken in.
    pub fn last_seq(&self) -> i64 {
        self.last_seq
    }

    /// Numbers begin anew; what is known stays.
    pub fn forget_numbers(&mut self) {
        self.last_seq = 0;
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// The list as bytes.
    pub fn save(&self) -> SavedList {
        let mut entries = Vec::with_capacity(self.marks.len() * 16);
        for (place, mark) in &self.marks {
            entries.extend(place.to_le_bytes());
            entries.extend(mark.0.to_le_bytes());
        }
        SavedList { seed: self.seed, check: self.check(), entries }
    }

    /// A list that was saved, with no number taken in yet. None when another build has saved it.
    pub fn restore(saved: &SavedList) -> Option<Self> {
        let mut list = Self { seed: saved.seed, ..Self::default() };
        let (entries, rest) = saved.entries.as_chunks::<16>();
        if list.check() != saved.check || !rest.is_empty() {
            return None;
        }
        for entry in entries {
            let (place, mark) = entry.split_first_chunk::<8>()?;
            let mark = Mark(u64::from_le_bytes(mark.try_into().ok()?));
            list.put(u64::from_le_bytes(*place), mark);
        }
        Some(list)
    }

    fn check(&self) -> u64 {
        self.place(RevocationKind::Token, "countersign")
    }
}

/// When an entry dies, in the upper 34 bits, and how long before that its watermark is, in the lower
/// 30; all ones for an entry without one. Seconds, up to the year 2514 and 34 years apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark(u64);

const APART_BITS: u32 = 30;
const NO_WATERMARK: u64 = (1 << APART_BITS) - 1;
const LATEST: i64 = (1 << (64 - APART_BITS)) - 1;

impl Mark {
    /// What does not fit is moved so that more is refused, and for longer.
    fn new(not_before: Option<Timestamp>, expires_at: Timestamp) -> Self {
        let within = |time: Timestamp| time.as_unix().clamp(0, LATEST);
        let expires_at = not_before.map_or(0, within).max(within(expires_at)).cast_unsigned();
        let apart = not_before.map_or(NO_WATERMARK, |not_before| {
            let apart = expires_at - within(not_before).cast_unsigned();
            apart.min(NO_WATERMARK - 1)
        });
        Self(expires_at << APART_BITS | apart)
    }

    fn expires_at(self) -> Timestamp {
        Timestamp::from_unix((self.0 >> APART_BITS).cast_signed())
    }

    fn not_before(self) -> Option<Timestamp> {
        let apart = self.0 & NO_WATERMARK;
        let expires_at = self.0 >> APART_BITS;
        let at = || Timestamp::from_unix(expires_at.saturating_sub(apart).cast_signed());
        (apart != NO_WATERMARK).then(at)
    }

    fn joined(self, other: Self) -> Self {
        let not_before = self.not_before().max(other.not_before());
        Self::new(not_before, self.expires_at().max(other.expires_at()))
    }
}

/// The keys are hashes already.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    fn entry(kind: RevocationKind, key: &str, not_before: Option<i64>) -> RevocationEntry {
        let not_before = not_before.map(at);
        RevocationEntry { seq: 1, kind, key: key.into(), not_before, expires_at: at(1000) }
    }

    fn token(issued_at: i64) -> TokenFacts<'static> {
        TokenFacts {
            jti: "j1",
            subject: "ada",
            client_id: "app",
            sid: Some("s1"),
            kid: Some("k1"),
            issued_at: at(issued_at),
        }
    }

    #[test]
    fn a_listed_jti_is_refused_whenever_it_was_issued() {
        let mut list = RevocationList::default();
        list.insert(&entry(RevocationKind::Token, "j1", None));
        assert!(list.is_revoked(&token(999)));
        assert!(!list.is_revoked(&TokenFacts { jti: "j2", ..token(1) }));
    }

    #[test]
    fn every_kind_of_watermark_refuses_what_was_issued_up_to_it() {
        for (kind, key) in [
            (RevocationKind::Subject, "ada"),
            (RevocationKind::Session, "s1"),
            (RevocationKind::Client, "app"),
            (RevocationKind::SubjectAtClient, "ada+app"),
            (RevocationKind::All, ALL_KEY),
        ] {
            let mut list = RevocationList::default();
            list.insert(&entry(kind, key, Some(500)));
            assert!(list.is_revoked(&token(500)), "{kind}");
            assert!(!list.is_revoked(&token(501)), "{kind}");
        }
    }

    #[test]
    fn y_02_a_withdrawn_key_refuses_whatever_it_signed() {
        let mut list = RevocationList::default();
        assert!(!list.is_revoked(&token(501)));
        list.insert(&entry(RevocationKind::Key, "k1", Some(500)));
        assert!(list.is_revoked(&token(500)) && list.is_revoked(&token(501)));
        assert!(!list.is_revoked(&TokenFacts { kid: Some("k2"), ..token(500) }));
    }

    #[test]
    fn a_watermark_is_never_lowered() {
        let mut list = RevocationList::default();
        list.insert(&entry(RevocationKind::Subject, "ada", Some(500)));
        list.insert(&entry(RevocationKind::Subject, "ada", Some(400)));
        assert!(list.is_revoked(&token(450)));
    }

    #[test]
    fn entries_go_when_no_token_needs_them() {
        let mut list = RevocationList::default();
        list.insert(&entry(RevocationKind::Token, "j1", None));
        list.sweep(at(999));
        assert_eq!(list.len(), 1);
        list.sweep(at(1000));
        assert!(list.is_empty());
        assert_eq!(list.last_seq(), 1);
    }

    #[test]
    fn a_saved_list_refuses_the_same() {
        let mut list = RevocationList::default();
        list.insert(&entry(RevocationKind::Token, "j1", None));
        list.insert(&entry(RevocationKind::Subject, "bea", Some(700)));
        let saved = list.save();
        assert_eq!(saved.entries.len(), 32);
        let restored = RevocationList::restore(&saved).unwrap();
        assert_eq!(restored.len(), 2);
        assert!(restored.is_revoked(&token(999)));
        let bea = TokenFacts { jti: "j2", subject: "bea", ..token(700) };
        assert!(restored.is_revoked(&bea));
        assert!(!restored.is_revoked(&TokenFacts { issued_at: at(701), ..bea }));
    }

    #[test]
    fn a_list_that_was_cut_or_hashed_otherwise_is_not_restored() {
        let mut list = RevocationList::default();
        list.insert(&entry(RevocationKind::Token, "j1", None));
        let saved = list.save();
        let cut = SavedList { entries: saved.entries[..15].to_vec(), ..saved.clone() };
        assert!(RevocationList::restore(&cut).is_none());
        let other = SavedList { check: saved.check ^ 1, ..saved };
        assert!(RevocationList::restore(&other).is_none());
    }

    #[test]
    fn t_05_a_mark_holds_far_times_and_errs_on_the_safe_side() {
        for (not_before, expires_at) in
            [(None, 4_300_000_000), (Some(5_000_000_000), 5_000_003_600)]
        {
            let mark = Mark::new(not_before.map(at), at(expires_at));
            assert_eq!(
                (mark.not_before(), mark.expires_at()),
                (not_before.map(at), at(expires_at))
            );
        }
        let late = Mark::new(Some(at(500)), at(100));
        assert_eq!((late.not_before(), late.expires_at()), (Some(at(500)), at(500)));
        let wide = Mark::new(Some(at(1)), at(i64::MAX));
        assert!(wide.not_before() > Some(at(1)));
        let odd = Mark::new(Some(at(-5)), at(-9));
        assert_eq!((odd.not_before(), odd.expires_at()), (Some(at(0)), at(0)));
    }

    #[test]
    fn r_11_a_million_entries_take_less_than_40_mb() {
        assert_eq!(size_of::<(u64, Mark)>(), 16);
        let mut list = RevocationList::default();
        for n in 0..1_000_000_u64 {
            list.put(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(n), Mark::new(None, at(1000)));
        }
        // A table of 7/8 fill, and one byte of its own for each place.
        assert!(list.marks.capacity() / 7 * 8 * 17 < 40_000_000, "{}", list.marks.capacity());
    }
}
