//! The code that people type to connect a device (RFC 8628 §3.2, §6.1).

use super::random::Random;
use std::fmt;

/// Consonants alone: no words come of them, and none is taken for another or for a digit.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// 20^8 codes: 34.5 bits.
const LENGTH: usize = 8;

/// A user code, as it is compared: eight letters.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    /// A new one. Each letter is as likely as any other.
    pub fn generate(random: &dyn Random) -> Self {
        let mut letters = String::with_capacity(LENGTH);
        while letters.len() < LENGTH {
            let mut bytes = [0; 2 * LENGTH];
            random.fill(&mut bytes);
            // 240 is the largest multiple of 20 that a byte can hold.
            let fair = bytes.iter().filter(|byte| **byte < 240);
            let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
            letters.extend(fair.map(letter).take(LENGTH - letters.len()));
        }
        Self(letters)
    }

    /// Reads what somebody typed: the case of letters, spaces and dashes carry no meaning (RFC 8628
    /// §6.1). `None` for what cannot be a code.
    pub fn parse(typed: &str) -> Option<Self> {
        let is_between = |c: &char| c.is_whitespace() || is_dash(*c);
        let letters: String =
            typed.chars().filter(|c| !is_between(c)).map(|c| c.to_ascii_uppercase()).collect();
        let is_letter = |byte: u8| LETTERS.contains(&byte);
        (letters.len() == LENGTH && letters.bytes().all(is_letter)).then_some(Self(letters))
    }

    /// The letters without anything between them.
    pub fn letters(&self) -> &str {
        &self.0
    }
}

/// What keyboards and programs make of a dash.
const fn is_dash(c: char) -> bool {
    matches!(c, '-' | '_' | '.' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// As people read it: `WDJB-MJHT`.
impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at(LENGTH / 2);
        write!(f, "{first}-{second}")
    }
}

/// Whoever knows it can decide.
impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::random::SystemRandom;
    use std::collections::HashSet;

    #[test]
    fn it_reads_the_same_however_it_is_typed() {
        let code = UserCode::parse("WDJB-MJHT").expect("a code");
        for typed in [
            "wdjbmjht",
            "WDJB MJHT",
            " wdjb-mjht ",
            "w-d-j-b-m-j-h-t",
            "WDJB\u{2013}MJHT",
            "wdjb\u{a0}mjht",
        ] {
            assert_eq!(UserCode::parse(typed).as_ref(), Some(&code), "{typed}");
        }
        assert_eq!(code.to_string(), "WDJB-MJHT");
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for typed in ["", "WDJB", "WDJB-MJHTX", "WDJB-MJHA", "WDJB-MJH1", "ＷDJB-MJHT", "wdjb/mjht"]
        {
            assert_eq!(UserCode::parse(typed), None, "{typed}");
        }
    }

    #[test]
    fn dg_03_every_letter_comes_up_and_no_code_twice() {
        let codes: Vec<_> = (0..1000).map(|_| UserCode::generate(&SystemRandom)).collect();
        let letters: HashSet<char> = codes.iter().flat_map(|code| code.letters().chars()).collect();
        assert_eq!(letters.len(), LETTERS.len());
        let different: HashSet<&str> = codes.iter().map(UserCode::letters).collect();
        assert_eq!(different.len(), codes.len());
        assert!(codes.iter().all(|code| UserCode::parse(&code.to_string()).as_ref() == Some(code)));
    }
}
