//! The page before every act that destroys something: says what will happen, and a POST does it.

use crate::http::page::{Page, respond};
use crate::http::text::Text;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::problem::Problem;

/// Asks once more. Stands in the account or the admin frame, by the page's place in the
/// navigation. Posts `csrf`, the hidden fields, and `reason` where one is asked for.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "confirm.html")]
pub struct Confirm {
    pub page: Page,
    pub title: String,
    pub sentences: Vec<String>,
    /// What was typed as the reason; none where no reason is asked for.
    pub reason: Option<String>,
    pub reason_error: Option<String>,
    /// Whether the button is drawn as a dangerous one.
    pub danger: bool,
    pub button: String,
    /// Where the form posts.
    pub action: String,
    /// Where "Cancel" leads.
    pub cancel: String,
    /// Hidden fields.
    pub fields: Vec<(String, String)>,
}

/// What is to be confirmed, with the name of what it happens to.
#[derive(Debug, Clone, Copy)]
pub enum Act<'a> {
    /// A person signs out one device of theirs.
    EndSession {
        device: &'a str,
    },
    /// A person signs out all devices but this one.
    EndOtherSessions,
    /// A person takes an app's access away.
    RemoveAccess {
        app: &'a str,
    },
    /// A person takes an account at another provider off theirs.
    Unlink {
        account: &'a str,
    },
    DeleteUpstream {
        name: &'a str,
    },
    BlockUser {
        name: &'a str,
    },
    UnblockUser {
        name: &'a str,
    },
    RevokeTokens {
        name: &'a str,
    },
    /// An administrator ends every session of a person.
    SignOutUser {
        name: &'a str,
    },
    /// An administrator ends one session of a person.
    EndUserSession {
        device: &'a str,
    },
    DeleteUser {
        name: &'a str,
    },
    DisableClient {
        name: &'a str,
    },
    EnableClient {
        name: &'a str,
    },
    DeleteClient {
        name: &'a str,
    },
    RotateSecret {
        name: &'a str,
    },
    /// With the days of the old secret's making and end, in words.
    RetireSecret {
        name: &'a str,
    },
    RotateResourceSecret {
        name: &'a str,
    },
    DeleteResource {
        name: &'a str,
    },
    DeleteIssuer {
        name: &'a str,
    },
    RotateKey {
        algorithm: &'a str,
    },
    RetireKey {
        kid: &'a str,
    },
    /// With the label of the token.
    RevokeInitialToken {
        name: &'a str,
    },
}

impl Confirm {
    /// The page for an act. `action` is the address that is posted to.
    pub fn new(page: Page, act: Act<'_>, action: &str, cancel: &str) -> Self {
        let text = page.text;
        Self {
            title: act.title(text),
            sentences: act.sentences(text),
            reason: act.asks_reason().then(String::new),
            danger: act.is_dangerous(),
            button: text.t(act.keys().2).into_owned(),
            action: action.to_owned(),
            cancel: cancel.to_owned(),
            page,
            ..Self::default()
        }
    }

    /// The same page after a POST with a reason that will not do.
    pub fn refused(self, reason: &str, problem: Problem) -> Self {
        let reason_error = Some(problem.words(self.page.text));
        Self { reason: Some(reason.to_owned()), reason_error, ..self }
    }

    /// The page with its headers; 422 when the reason is missing.
    pub fn respond(&self) -> HttpResponse {
        let status = match self.reason_error {
            Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
            None => StatusCode::OK,
        };
        respond(status, self)
    }
}

/// Title, sentences and button.
const REVOKE_INITIAL_TOKEN: (&str, &[&str], &str) =
    ("revoke-token-title", &["revoke-token-text"], "revoke-token-button");
const DELETE_UPSTREAM: (&str, &[&str], &str) =
    ("delete-upstream-title", &["delete-upstream-text"], "delete-upstream-button");

impl Act<'_> {
    /// Title, sentences and button.
    fn keys(self) -> (&'static str, &'static [&'static str], &'static str) {
        match self {
            Self::EndSession { .. } => ("end-session-title", &["end-session-text"], "sign-out"),
            Self::EndOtherSessions => ("end-others-title", &["end-others-text"], "sign-out"),
            Self::RemoveAccess { .. } => {
                ("remove-access-title", &["remove-access-text"], "apps-remove")
            }
            Self::Unlink { .. } => ("unlink-title", &["unlink-text"], "unlink-button"),
            Self::DeleteUpstream { .. } => DELETE_UPSTREAM,
            Self::BlockUser { .. } => {
                ("block-user-title", &["block-user-text", "block-user-more"], "block-user-button")
            }
            Self::UnblockUser { .. } => {
                ("unblock-user-title", &["unblock-user-text"], "unblock-user-button")
            }
            Self::RevokeTokens { .. } => {
                ("revoke-tokens-title", &["revoke-tokens-text"], "revoke-tokens-button")
            }
            Self::SignOutUser { .. } => {
                ("sign-out-user-title", &["sign-out-user-text"], "sign-out-user-button")
            }
            Self::EndUserSession { .. } => {
                ("end-user-session-title", &["end-user-session-text"], "sign-out")
            }
            Self::DeleteUser { .. } => {
                let sentences = &["delete-user-text", "delete-user-more"];
                ("delete-user-title", sentences, "delete-user-button")
            }
            Self::DisableClient { .. } => {
                ("disable-client-title", &["disable-client-text"], "disable-client-button")
            }
            Self::EnableClient { .. } => {
                ("enable-client-title", &["enable-client-text"], "enable-client-button")
            }
            Self::DeleteClient { .. } => {
                let sentences = &["delete-client-text", "delete-client-more"];
                ("delete-client-title", sentences, "delete-client-button")
            }
            Self::RotateSecret { .. } => {
                ("rotate-secret-title", &["rotate-secret-text"], "rotate-secret-button")
            }
            Self::RetireSecret { .. } => {
                ("retire-secret-title", &["retire-secret-text"], "retire-secret-button")
            }
            Self::RotateResourceSecret { .. } => {
                ("rotate-secret-title", &["rotate-resource-secret-text"], "rotate-secret-button")
            }
            Self::DeleteResource { .. } => {
                ("delete-resource-title", &["delete-resource-text"], "delete-resource-button")
            }
            Self::DeleteIssuer { .. } => {
                ("delete-issuer-title", &["delete-issuer-text"], "delete-issuer-button")
            }
            Self::RotateKey { .. } => ("rotate-key-title", &["rotate-key-text"], "rotate-now"),
            Self::RetireKey { .. } => {
                ("retire-key-title", &["retire-key-text"], "retire-key-button")
            }
            Self::RevokeInitialToken { .. } => REVOKE_INITIAL_TOKEN,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::EndOtherSessions => "",
            Self::EndSession { device: name }
            | Self::RemoveAccess { app: name }
            | Self::Unlink { account: name }
            | Self::DeleteUpstream { name }
            | Self::BlockUser { name }
            | Self::UnblockUser { name }
            | Self::RevokeTokens { name }
            | Self::SignOutUser { name }
            | Self::EndUserSession { device: name }
            | Self::DeleteUser { name }
            | Self::DisableClient { name }
            | Self::EnableClient { name }
            | Self::DeleteClient { name }
            | Self::RotateSecret { name }
            | Self::RetireSecret { name }
            | Self::RotateResourceSecret { name }
            | Self::DeleteResource { name }
            | Self::DeleteIssuer { name }
            | Self::RotateKey { algorithm: name }
            | Self::RetireKey { kid: name }
            | Self::RevokeInitialToken { name } => name,
        }
    }

    fn title(self, text: Text) -> String {
        text.with(self.keys().0, &[("name", self.name())])
    }

    fn sentences(self, text: Text) -> Vec<String> {
        let sentences = self.keys().1.iter();
        sentences.map(|key| text.with(key, &[("name", self.name())])).collect()
    }

    /// What an administrator does to a person needs a reason for the audit log.
    const fn asks_reason(self) -> bool {
        matches!(
            self,
            Self::BlockUser { .. }
                | Self::UnblockUser { .. }
                | Self::RevokeTokens { .. }
                | Self::SignOutUser { .. }
                | Self::EndUserSession { .. }
                | Self::DeleteUser { .. }
        )
    }

    const fn is_dangerous(self) -> bool {
        !matches!(
            self,
            Self::UnblockUser { .. }
                | Self::EnableClient { .. }
                | Self::RotateSecret { .. }
                | Self::RotateKey { .. }
        )
    }
}
