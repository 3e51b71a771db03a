//! What a verifier counts, for whoever watches the service.

use super::error::VerifyError;
use super::local_list::LocalList;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// What became of a token, in words for a label.
const VERDICTS: [&str; 9] = [
    "accepted",
    "missing",
    "invalid",
    "unknown_key",
    "proof",
    "revoked",
    "not_allowed",
    "stale",
    "unavailable",
];

/// Counts by verdict.
#[derive(Debug, Default)]
pub(super) struct Counters([AtomicU64; VERDICTS.len()]);

fn verdict<T>(outcome: &Result<T, VerifyError>) -> usize {
    use VerifyError as E;
    match outcome {
        Ok(_) => 0,
        Err(E::Missing) => 1,
        Err(E::BadRequest(_) | E::Invalid(_) | E::Inactive | E::OtherAudience) => 2,
        Err(E::UnknownKey) => 3,
        Err(E::Bound | E::Proof(_) | E::NonceNeeded { .. } | E::OtherKey | E::NotBound) => 4,
        Err(E::Revoked) => 5,
        Err(E::InsufficientScope { .. } | E::InsufficientAuthentication(_) | E::NotAllowed) => 6,
        Err(E::Stale) => 7,
        Err(E::Busy | E::NoKeys | E::NotConfigured | E::Unanswered) => 8,
    }
}

impl Counters {
    /// Counts an outcome, and hands it on.
    pub(super) fn count<T>(&self, outcome: Result<T, VerifyError>) -> Result<T, VerifyError> {
        self.0[verdict(&outcome)].fetch_add(1, Ordering::Relaxed);
        outcome
    }

    /// Everything as Prometheus reads it.
    pub(super) fn text(&self, list: Option<&LocalList>) -> String {
        let mut text = String::from("# TYPE countersign_verifier_tokens counter\n");
        for (verdict, count) in VERDICTS.iter().zip(&self.0) {
            let count = count.load(Ordering::Relaxed);
            let name = "countersign_verifier_tokens_total";
            add(&mut text, format_args!("{name}{{verdict=\"{verdict}\"}} {count}"));
        }
        if let Some(list) = list {
            let seq = list.position().map_or(0, |position| position.seq);
            let stale = list.stale_seconds().unwrap_or(0);
            for (name, value) in [
                ("countersign_verifier_revocations", list.len() as i64),
                ("countersign_verifier_revocation_seq", seq),
                ("countersign_verifier_list_stale", i64::from(list.is_stale())),
                ("countersign_verifier_list_stale_seconds", stale),
            ] {
                add(&mut text, format_args!("# TYPE {name} gauge"));
                add(&mut text, format_args!("{name} {value}"));
            }
        }
        text.push_str("# EOF\n");
        text
    }
}

fn add(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a String takes what is written to it");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::time::TestClock;
    use std::sync::Arc;

    #[test]
    fn the_text_has_every_verdict_and_the_list() {
        let counters = Counters::default();
        assert!(counters.count(Ok(())).is_ok());
        assert!(counters.count::<()>(Err(VerifyError::Revoked)).is_err());
        let list = LocalList::new(Arc::new(TestClock::default()));
        let text = counters.text(Some(&list));
        for line in [
            r#"countersign_verifier_tokens_total{verdict="accepted"} 1"#,
            r#"countersign_verifier_tokens_total{verdict="revoked"} 1"#,
            r#"countersign_verifier_tokens_total{verdict="stale"} 0"#,
            "countersign_verifier_list_stale 1",
        ] {
            assert!(text.lines().any(|own| own == line), "{line}\n{text}");
        }
        assert!(!counters.text(None).contains("revocation"));
    }
}
