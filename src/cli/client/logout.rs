//! How a client hears of sign-outs, as flags of the names of the specifications.

use crate::domain::clients::management::ClientDraft;
use clap::Args;

/// Flags that `create` and `update` share.
#[derive(Args)]
pub struct LogoutMembers {
    /// Where we post a logout token when a session ends (OpenID Connect Back-Channel Logout)
    #[arg(long, value_name = "URI")]
    backchannel_logout_uri: Option<String>,
    /// The client needs sid in logout tokens
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    backchannel_logout_session_required: Option<bool>,
    /// What the browser loads when it signs out (OpenID Connect Front-Channel Logout)
    #[arg(long, value_name = "URI")]
    frontchannel_logout_uri: Option<String>,
    /// The client needs iss and sid there
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    frontchannel_logout_session_required: Option<bool>,
}

impl LogoutMembers {
    /// Writes what was given into a draft.
    pub fn apply(&self, draft: &mut ClientDraft) {
        let logout = &mut draft.metadata.logout;
        for (member, given) in [
            (&mut logout.backchannel_logout_uri, &self.backchannel_logout_uri),
            (&mut logout.frontchannel_logout_uri, &self.frontchannel_logout_uri),
        ] {
            if given.is_some() {
                member.clone_from(given);
            }
        }
        let needs = &mut logout.backchannel_logout_session_required;
        *needs = self.backchannel_logout_session_required.unwrap_or(*needs);
        let needs = &mut logout.frontchannel_logout_session_required;
        *needs = self.frontchannel_logout_session_required.unwrap_or(*needs);
    }
}

/// Takes a member away. False when it is none of these.
pub fn unset(draft: &mut ClientDraft, name: &str) -> bool {
    let logout = &mut draft.metadata.logout;
    match name {
        "backchannel_logout_uri" => logout.backchannel_logout_uri = None,
        "backchannel_logout_session_required" => logout.backchannel_logout_session_required = false,
        "frontchannel_logout_uri" => logout.frontchannel_logout_uri = None,
        "frontchannel_logout_session_required" => {
            logout.frontchannel_logout_session_required = false;
        }
        _ => return false,
    }
    true
}
