//! Sign-ins that a third party starts (OpenID Connect Core §4): here, our own pages.

use crate::protocol::client::Client;
use url::Url;

/// Where a person goes to start a sign-in at a client: its `initiate_login_uri` with our `iss`. Who
/// they are is not said; the client asks us.
pub fn start_url(client: &Client, issuer: &str) -> Option<String> {
    let mut url = Url::parse(client.metadata.initiate_login_uri.as_deref()?).ok()?;
    if client.disabled || !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    url.query_pairs_mut().append_pair("iss", issuer);
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::client::{ClientMetadata, ClientPolicy};
    use crate::protocol::time::Timestamp;

    fn url(uri: &str, disabled: bool) -> Option<String> {
        let client = Client {
            id: "app".into(),
            name: "App".into(),
            metadata: ClientMetadata {
                initiate_login_uri: Some(uri.into()),
                ..ClientMetadata::default()
            },
            policy: ClientPolicy::default(),
            disabled,
            created_at: Timestamp::from_unix(0),
            updated_at: Timestamp::from_unix(0),
        };
        start_url(&client, "https://id.example")
    }

    #[test]
    fn n6_the_issuer_is_added_and_nothing_is_lost() {
        assert_eq!(
            url("https://app.example/start?x=1", false).as_deref(),
            Some("https://app.example/start?x=1&iss=https%3A%2F%2Fid.example")
        );
        assert_eq!(url("https://app.example/start", true), None);
        assert_eq!(url("javascript:alert(1)", false), None);
    }
}
