//! The addresses at which a client hears of sign-outs (OpenID Connect Back-Channel Logout 1.0 §2.2,
//! Front-Channel Logout 1.0 §2).

use crate::domain::form::{FieldProblem, is_safe_url};
use crate::domain::logout::front_channel::is_policy_source;
use crate::protocol::client::ClientMetadata;
use url::{Origin, Url};

/// What is wrong with them.
pub fn problems(metadata: &ClientMetadata) -> Vec<FieldProblem> {
    let logout = &metadata.logout;
    let mut problems = Vec::new();
    for (field, uri) in [
        ("backchannel_logout_uri", &logout.backchannel_logout_uri),
        ("frontchannel_logout_uri", &logout.frontchannel_logout_uri),
    ] {
        let is_bad = |uri: &str| {
            let origin = origin(uri).map(|origin| origin.ascii_serialization());
            !is_safe_url(uri)
                || uri.contains('#')
                || !origin.is_some_and(|it| is_policy_source(&it))
        };
        if uri.as_deref().is_some_and(is_bad) {
            let says = "use an https address without fragment, or http of this machine";
            problems.push(FieldProblem::new(field, "error-logout-uri", says));
        }
    }
    // The page that loads it says so by origin, and a sign-out is nothing for strangers.
    if let Some(origin) = logout.frontchannel_logout_uri.as_deref().and_then(origin)
        && !metadata.redirect_uris.iter().filter_map(|uri| self::origin(uri)).any(|o| o == origin)
    {
        let says = "scheme, host and port must be those of one of the redirect_uris";
        let field = "frontchannel_logout_uri";
        problems.push(FieldProblem::new(field, "error-frontchannel-origin", says));
    }
    problems
}

fn origin(uri: &str) -> Option<Origin> {
    Url::parse(uri).ok().map(|url| url.origin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::client::logout::LogoutMetadata;

    fn fields(logout: LogoutMetadata) -> Vec<&'static str> {
        let redirect_uris = vec!["https://app.example/cb".to_owned()];
        let metadata = ClientMetadata { redirect_uris, logout, ..ClientMetadata::default() };
        problems(&metadata).into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn a_back_channel_address_is_https_without_fragment() {
        for (uri, is_good) in [
            ("https://elsewhere.example/out?x=1", true),
            ("http://127.0.0.1:9000/out", true),
            ("http://app.example/out", false),
            ("https://evil;x.example/out", false),
            ("https://it's.example/out", false),
            ("https://app.example/out#x", false),
            ("javascript:alert(1)", false),
            ("https://u:p@app.example/out", false),
            ("file:///etc/passwd", false),
        ] {
            let backchannel_logout_uri = Some(uri.to_owned());
            let problems = fields(LogoutMetadata { backchannel_logout_uri, ..Default::default() });
            assert_eq!(problems.is_empty(), is_good, "{uri}");
        }
    }

    #[test]
    fn a_front_channel_address_is_of_the_origin_of_a_redirect_uri() {
        for (uri, is_good) in [
            ("https://app.example/out?x=1", true),
            ("https://app.example:8443/out", false),
            ("https://other.example/out", false),
            ("http://app.example/out", false),
        ] {
            let frontchannel_logout_uri = Some(uri.to_owned());
            let problems = fields(LogoutMetadata { frontchannel_logout_uri, ..Default::default() });
            assert_eq!(problems.is_empty(), is_good, "{uri}");
        }
    }
}
