//! What is driven: a provider, the clients registered at it, its test users.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::fault::{Fault, Outcome};

/// One provider under test. Read from a TOML file, or begun from a bare issuer
/// URL with every default.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// A short name for tables. Defaults to the issuer.
    #[serde(default)]
    pub name: String,
    pub issuer: String,
    /// Processes whose CPU time and memory are the provider's (its own and, if
    /// it has one, its database's).
    #[serde(default)]
    pub pids: Vec<u32>,
    #[serde(default)]
    pub driver: Driver,
    /// Where the driver `json-login` posts credentials.
    pub login_url: Option<String>,
    /// The client of `code`, `login`, `userinfo` and `introspect`.
    #[serde(default)]
    pub client: Client,
    /// The client of `refresh` and `revoke`. Defaults to `client` with
    /// `offline_access` added to the scope.
    pub offline: Option<Client>,
    /// The client of `client_credentials`. Defaults to `client`.
    pub service: Option<Client>,
    /// The client of `client_credentials_jwt`.
    pub service_jwt: Option<Client>,
    /// The client that calls introspection. Defaults to `client`.
    pub resource_server: Option<Client>,
    #[serde(default)]
    pub user: User,
    /// Sends every sign-in from another `X-Forwarded-For` address, as a proxy in front would; for
    /// providers that count sign-ins by address. The provider must trust the generator.
    #[serde(default)]
    pub spread_addresses: bool,
    /// What to hold the first provider's cost against, measured between its rounds.
    pub bare: Option<Bare>,
}

/// A bare handler on the same machine, pinned as the provider is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bare {
    pub url: String,
    pub pid: u32,
    /// By scenario: a URL that does what the operation cannot do without, and nothing else.
    #[serde(default)]
    pub parts: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Client {
    pub id: String,
    pub secret: String,
    /// `client_secret_basic`, `client_secret_post`, `private_key_jwt` or `none`.
    pub auth: String,
    /// PKCS#8 DER private key for `private_key_jwt` (see `oidcload keygen`).
    pub key: Option<PathBuf>,
    pub alg: String,
    pub kid: Option<String>,
    pub redirect_uri: String,
    pub scope: String,
    /// Further parameters of the authorization or token request.
    pub extra: Vec<(String, String)>,
}

impl Default for Client {
    fn default() -> Self {
        Client {
            id: "bench".into(),
            secret: "bench-secret-bench-secret-bench-secret".into(),
            auth: "client_secret_basic".into(),
            key: None,
            alg: "ES256".into(),
            kid: None,
            redirect_uri: "http://127.0.0.1:9/callback".into(),
            scope: "openid".into(),
            extra: Vec::new(),
        }
    }
}

/// Test users; `{n}` in either string becomes 1..=count.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct User {
    pub name: String,
    pub password: String,
    pub count: usize,
}

impl Default for User {
    fn default() -> Self {
        User { name: "user{n}".into(), password: "bench-password-{n}".into(), count: 1 }
    }
}

impl User {
    pub fn credentials(&self, index: usize) -> (String, String) {
        let n = (index % self.count.max(1) + 1).to_string();
        (self.name.replace("{n}", &n), self.password.replace("{n}", &n))
    }
}

/// How to get through the provider's own pages.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// Plain HTML forms, found and filled in generically.
    #[default]
    Form,
    /// A scripted page that posts `{"username", "password"}` to `login_url`,
    /// gets a session cookie and makes the authorization request again.
    JsonLogin,
}

impl Target {
    /// Reads `text` as a path to a target file if it ends in `.toml`, else as
    /// an issuer URL.
    pub fn load(text: &str) -> Outcome<Target> {
        let mut target: Target = if text.ends_with(".toml") {
            let raw = std::fs::read_to_string(text)
                .map_err(|e| Fault::new(format!("config: {text}: {e}")))?;
            let mut target: Target =
                toml::from_str(&raw).map_err(|e| Fault::new(format!("config: {text}: {e}")))?;
            let base = Path::new(text).parent().unwrap_or(Path::new("."));
            target.resolve_keys(base);
            target
        } else {
            Target {
                name: String::new(),
                issuer: text.to_owned(),
                pids: Vec::new(),
                driver: Driver::Form,
                login_url: None,
                client: Client::default(),
                offline: None,
                service: None,
                service_jwt: None,
                resource_server: None,
                user: User::default(),
                spread_addresses: false,
                bare: None,
            }
        };
        if target.name.is_empty() {
            target.name = target.issuer.clone();
        }
        Ok(target)
    }

    /// Key paths in a target file are relative to that file.
    fn resolve_keys(&mut self, base: &Path) {
        let optional = [
            &mut self.offline,
            &mut self.service,
            &mut self.service_jwt,
            &mut self.resource_server,
        ];
        for client in optional.into_iter().flatten().chain([&mut self.client]) {
            if let Some(key) = client.key.as_mut() {
                *key = base.join(&*key);
            }
        }
    }

    pub fn offline_client(&self) -> Client {
        self.offline.clone().unwrap_or_else(|| {
            let mut client = self.client.clone();
            client.scope.push_str(" offline_access");
            client
        })
    }

    pub fn service_client(&self) -> Client {
        self.service.clone().unwrap_or_else(|| self.client.clone())
    }

    pub fn resource_server(&self) -> Client {
        self.resource_server.clone().unwrap_or_else(|| self.client.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_files_have_defaults() {
        let target: Target = toml::from_str(
            "issuer = \"http://h\"\n[client]\nid = \"web\"\nextra = [[\"prompt\", \"consent\"]]\n[user]\ncount = 3\n",
        )
        .unwrap();
        assert_eq!(target.client.id, "web");
        assert_eq!(target.client.auth, "client_secret_basic");
        assert_eq!(target.offline_client().scope, "openid offline_access");
        assert_eq!(target.user.credentials(4).0, "user2");
        assert_eq!(target.driver, Driver::Form);
    }
}
