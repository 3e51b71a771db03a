//! Telling clients through the browser that a session has ended (OpenID Connect Front-Channel Logout
//! 1.0).

use crate::domain::clients;
use crate::domain::provider::Provider;
use crate::domain::subject;
use crate::protocol::error::OAuthError;
use crate::storage::session_clients;
use url::Url;

/// A page of a client that the browser loads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The registered address with `iss` and `sid` added (§2).
    pub uri: String,
    /// Where it comes from, as a content security policy names it.
    pub origin: String,
}

/// What the browser must load, once the session has ended.
///
/// # Errors
///
/// Those of the database.
pub async fn frames(
    provider: &Provider,
    user_id: &str,
    sid: &str,
) -> Result<Vec<Frame>, OAuthError> {
    let (user, of_session) = (user_id.to_owned(), sid.to_owned());
    let told =
        provider.db.read(move |conn| session_clients::list(conn, &user, &of_session)).await?;
    let mut frames = Vec::new();
    for client_id in told {
        let Some(client) = clients::find(provider, &client_id).await? else { continue };
        let Some(uri) = client.metadata.logout.frontchannel_logout_uri.as_deref() else { continue };
        frames.extend(frame(uri, &provider.issuer, &subject::sid(provider, &client, sid)));
    }
    Ok(frames)
}

fn frame(uri: &str, issuer: &str, sid: &str) -> Option<Frame> {
    let origin = Url::parse(uri).ok()?.origin();
    // One client must not be able to spoil the page for the others.
    if !origin.is_tuple() || !is_policy_source(&origin.ascii_serialization()) {
        return None;
    }
    // What the address has stays as it is, byte for byte.
    let separator = if uri.contains('?') { "&" } else { "?" };
    let mut added = url::form_urlencoded::Serializer::new(String::new());
    let added = added.append_pair("iss", issuer).append_pair("sid", sid).finish();
    Some(Frame { uri: format!("{uri}{separator}{added}"), origin: origin.ascii_serialization() })
}

/// Whether an origin can stand in a content security policy, which has commas and semicolons of its
/// own.
pub fn is_policy_source(origin: &str) -> bool {
    origin.bytes().all(|b| b.is_ascii_graphic() && !b"\"',;".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l8_iss_and_sid_are_added_and_nothing_else() {
        let plain = frame("https://app.example/out", "https://id.example", "s 1").unwrap();
        assert_eq!(plain.uri, "https://app.example/out?iss=https%3A%2F%2Fid.example&sid=s+1");
        assert_eq!(plain.origin, "https://app.example");
        let own = frame("https://app.example:8443/out?a=%2F+b", "https://id.example", "s").unwrap();
        let expected = "https://app.example:8443/out?a=%2F+b&iss=https%3A%2F%2Fid.example&sid=s";
        assert_eq!((own.uri.as_str(), own.origin.as_str()), (expected, "https://app.example:8443"));
    }

    #[test]
    fn what_has_no_origin_is_not_framed() {
        assert_eq!(frame("data:text/html,x", "https://id.example", "s"), None);
        assert_eq!(frame("https://evil;x.example/out", "https://id.example", "s"), None);
    }
}
