//! What a developer copies into an app to use it with us.

use super::admin::ClientKind;
use crate::http::text::Text;
use crate::protocol::client::AuthMethod;

/// A text to copy, with a name and an id for the copy button.
#[derive(Debug, Clone)]
pub struct Snippet {
    pub id: &'static str,
    pub title: String,
    pub body: String,
}

/// What the snippets are filled with.
#[derive(Debug, Clone, Copy)]
pub struct Registration<'a> {
    pub kind: ClientKind,
    /// Our `iss`, without a slash at the end.
    pub issuer: &'a str,
    pub client_id: &'a str,
    /// The secret, when it is shown; `…` stands in for one that is kept as a hash.
    pub client_secret: Option<&'a str>,
    /// How the app proves who it is.
    pub auth_method: AuthMethod,
    pub redirect_uri: Option<&'a str>,
    pub scope: &'a str,
}

impl Registration<'_> {
    /// The snippets for this kind of app.
    pub fn snippets(&self, text: Text) -> Vec<Snippet> {
        let snippet = |id, key: &str, body| Snippet { id, title: text.t(key).into_owned(), body };
        let mut snippets = vec![snippet("snippet-env", "snippet-env", self.environment())];
        match self.kind {
            // What is signed anew for each request cannot be copied.
            ClientKind::Machine
                if !self.auth_method.uses_secret() || self.auth_method.reads_secret() => {}
            ClientKind::Machine => {
                snippets.push(snippet("snippet-curl", "snippet-curl", self.curl()));
            }
            ClientKind::Web | ClientKind::SinglePage | ClientKind::Native => {
                snippets.push(snippet("snippet-oidc", "snippet-oidc", self.settings()));
            }
        }
        snippets
    }

    fn secret(&self) -> Option<&str> {
        self.auth_method.uses_secret().then(|| self.client_secret.unwrap_or("…"))
    }

    fn environment(&self) -> String {
        let mut lines = vec![
            format!("OIDC_ISSUER={}", self.issuer),
            format!("OIDC_CLIENT_ID={}", self.client_id),
        ];
        lines.extend(self.secret().map(|secret| format!("OIDC_CLIENT_SECRET={secret}")));
        lines.extend(self.redirect_uri.map(|uri| format!("OIDC_REDIRECT_URI={uri}")));
        if !self.scope.is_empty() {
            lines.push(format!("OIDC_SCOPE=\"{}\"", self.scope));
        }
        lines.join("\n")
    }

    /// The names every OpenID Connect library knows (OpenID Connect Dynamic Registration §2).
    fn settings(&self) -> String {
        let mut settings = serde_json::Map::new();
        let mut set = |name: &str, value: &str| settings.insert(name.to_owned(), value.into());
        set("issuer", self.issuer);
        set("client_id", self.client_id);
        if let Some(secret) = self.secret() {
            set("client_secret", secret);
        }
        set("token_endpoint_auth_method", self.auth_method.as_str());
        if let Some(uri) = self.redirect_uri {
            set("redirect_uri", uri);
        }
        set("response_type", "code");
        set("code_challenge_method", "S256");
        set("scope", self.scope);
        serde_json::to_string_pretty(&settings).expect("a map of strings is JSON")
    }

    /// The client credentials grant (RFC 6749 §4.4), ready for a shell. Without a scope the client gets
    /// what it has.
    fn curl(&self) -> String {
        let secret = self.secret().unwrap_or_default();
        let mut lines = match self.auth_method {
            AuthMethod::ClientSecretPost => vec![
                format!("curl -d client_id={}", quoted(self.client_id)),
                format!("--data-urlencode client_secret={}", quoted(secret)),
            ],
            _ => vec![format!("curl -u {}", quoted(&format!("{}:{secret}", self.client_id)))],
        };
        lines.push("-d grant_type=client_credentials".to_owned());
        if !self.scope.is_empty() {
            lines.push(format!("-d scope={}", quoted(&self.scope.replace(' ', "+"))));
        }
        lines.push(quoted(&format!("{}/token", self.issuer)));
        lines.join(" \\\n  ")
    }
}

/// In single quotes for a POSIX shell.
fn quoted(words: &str) -> String {
    format!("'{}'", words.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration(kind: ClientKind) -> Registration<'static> {
        Registration {
            kind,
            issuer: "https://id.example",
            client_id: "it's",
            client_secret: Some("s3cret"),
            auth_method: match kind.has_secret() {
                true => AuthMethod::ClientSecretBasic,
                false => AuthMethod::None,
            },
            redirect_uri: Some("https://app.example/cb"),
            scope: "openid email",
        }
    }

    fn all(kind: ClientKind) -> String {
        let snippets = registration(kind).snippets(Text::default());
        snippets.iter().map(|snippet| snippet.body.as_str()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn only_apps_that_keep_a_secret_are_given_one() {
        assert!(all(ClientKind::Web).contains("OIDC_CLIENT_SECRET=s3cret"));
        for kind in [ClientKind::SinglePage, ClientKind::Native] {
            assert!(!all(kind).contains("s3cret"), "{kind:?}");
            assert!(all(kind).contains("\"token_endpoint_auth_method\": \"none\""));
        }
    }

    #[test]
    fn a_machine_gets_a_command_a_shell_takes_apart_right() {
        assert!(all(ClientKind::Machine).contains(r"curl -u 'it'\''s:s3cret' \"));
        assert!(all(ClientKind::Machine).contains("'https://id.example/token'"));
    }

    #[test]
    fn a_library_is_told_how_the_app_proves_who_it_is() {
        let line = "\"token_endpoint_auth_method\": \"client_secret_basic\"";
        assert!(all(ClientKind::Web).contains(line));
        let auth_method = AuthMethod::PrivateKeyJwt;
        let signs = Registration { auth_method, ..registration(ClientKind::Web) };
        assert!(
            signs.settings().contains("private_key_jwt") && !signs.settings().contains("s3cret")
        );
    }

    #[test]
    fn a_machine_without_scopes_asks_for_none() {
        let machine = Registration { scope: "", ..registration(ClientKind::Machine) };
        let bodies: Vec<_> =
            machine.snippets(Text::default()).into_iter().map(|snippet| snippet.body).collect();
        assert_eq!(bodies.len(), 2);
        assert!(!bodies.concat().to_lowercase().contains("scope"), "{bodies:?}");
        let posts = Registration { auth_method: AuthMethod::ClientSecretPost, ..machine };
        assert!(posts.curl().contains("-d client_id='it'\\''s'"), "{}", posts.curl());
    }

    #[test]
    fn a_secret_that_is_not_shown_has_a_stand_in() {
        let registration = Registration { client_secret: None, ..registration(ClientKind::Web) };
        assert!(registration.environment().contains("OIDC_CLIENT_SECRET=…"));
    }
}
