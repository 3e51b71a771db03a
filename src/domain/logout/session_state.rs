//! What lets a client see in the browser whether somebody is still signed in (OpenID Connect Session
//! Management 1.0). Off unless an operator wants it: it needs a cookie that scripts can read, and
//! browsers that keep such cookies from frames on other sites.

use crate::domain::provider::Provider;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use url::Url;

/// `session_state` of an answer to a client (§2); none while the feature is off, and for a redirect
/// address that no page of a site can have. `here` is what the browser keeps of its sign-in.
pub fn of(
    provider: &Provider,
    client_id: &str,
    redirect_uri: &str,
    here: Option<&str>,
) -> Option<String> {
    if !provider.features.session_management {
        return None;
    }
    let origin = Url::parse(redirect_uri).ok()?.origin();
    let origin = origin.is_tuple().then(|| origin.ascii_serialization())?;
    Some(hashed(client_id, &origin, here.unwrap_or_default(), &provider.random.id()))
}

/// The calculation of §2, which the script of the frame repeats (`static/session.js`).
fn hashed(client_id: &str, origin: &str, here: &str, salt: &str) -> String {
    let hash = Sha256::digest(format!("{client_id} {origin} {here} {salt}"));
    let mut text = String::with_capacity(2 * hash.len() + 1 + salt.len());
    for byte in hash {
        write!(text, "{byte:02x}").expect("a String takes what is written to it");
    }
    text + "." + salt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l9_the_state_is_of_one_client_origin_and_browser() {
        let state = hashed("c", "https://a.example", "x", "s");
        // echo -n 'c https://a.example x s' | sha256sum
        let (hash, salt) = state.split_once('.').unwrap();
        assert_eq!((hash.len(), salt), (64, "s"));
        for other in [
            hashed("d", "https://a.example", "x", "s"),
            hashed("c", "https://b.example", "x", "s"),
            hashed("c", "https://a.example", "", "s"),
            hashed("c", "https://a.example", "x", "t"),
        ] {
            assert_ne!(state, other);
        }
        assert!(!state.contains(' '));
    }
}
