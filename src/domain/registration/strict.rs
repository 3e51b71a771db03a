//! What strangers may not register though an administrator may (RFC 7591 §5, OpenID Connect
//! Registration §9): plain http, and addresses that are not out on the internet.

use super::{invalid_metadata, invalid_redirect_uri};
use crate::domain::clients::management::ClientDraft;
use crate::domain::outbound::Outbound;
use crate::domain::provider::Provider;
use crate::protocol::error::OAuthError;
use crate::protocol::redirect_uri::check_registration;
use serde_json::Value;

/// Where browsers are sent: these have rules of their own.
const REDIRECTS: [&str; 2] = ["redirect_uris", "post_logout_redirect_uris"];
/// Where only a browser goes, so that nothing but https will do.
const FOR_BROWSERS: [&str; 1] = ["initiate_login_uri"];
/// What we call ourselves. The name in it is looked up before it is kept.
const CALLED: [&str; 5] = [
    "jwks_uri",
    "logo_uri",
    "sector_identifier_uri",
    "backchannel_logout_uri",
    "backchannel_client_notification_endpoint",
];

/// Holds a draft against these rules.
///
/// # Errors
///
/// `invalid_redirect_uri`, `invalid_client_metadata`.
pub async fn check(provider: &Provider, draft: &ClientDraft) -> Result<(), OAuthError> {
    check_redirects(draft)?;
    let Ok(Value::Object(members)) = serde_json::to_value(&draft.metadata) else {
        return Err(invalid_metadata("the members cannot be read together"));
    };
    for (name, value) in members.iter().filter(|(name, _)| is_address(name)) {
        for uri in texts(value) {
            check_address(&provider.outbound, name, uri).await?;
        }
    }
    Ok(())
}

fn check_redirects(draft: &ClientDraft) -> Result<(), OAuthError> {
    let metadata = &draft.metadata;
    let check = |uri: &String| check_registration(uri, metadata.application_type, false);
    for uri in &metadata.redirect_uris {
        check(uri).map_err(|error| {
            invalid_redirect_uri(format!("redirect_uris: {}", error.description))
        })?;
    }
    for uri in &metadata.post_logout_redirect_uris {
        check(uri).map_err(|error| {
            invalid_metadata(format!("post_logout_redirect_uris: {}", error.description))
        })?;
    }
    Ok(())
}

/// Whether a member holds addresses, by its name: so those that come later are checked too.
fn is_address(name: &str) -> bool {
    let ends = ["_uri", "_uris", "_endpoint"];
    ends.iter().any(|end| name.ends_with(end)) && !REDIRECTS.contains(&name)
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

async fn check_address(outbound: &Outbound, name: &str, uri: &str) -> Result<(), OAuthError> {
    let for_browsers = FOR_BROWSERS.contains(&name) && !uri.starts_with("https://");
    if for_browsers || !outbound.may_name(uri) {
        return Err(invalid_metadata(format!("{name}: use an https address on the internet")));
    }
    if CALLED.contains(&name) && !outbound.leads_out(uri).await {
        return Err(invalid_metadata(format!("{name}: the host is not one that may be called")));
    }
    Ok(())
}
