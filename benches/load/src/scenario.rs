//! The scenarios, and the virtual users that repeat them.

use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use crate::config::{Client, Target};
use crate::fault::{Fault, Outcome};
use crate::flow::{Party, Tokens, refusal, token_request};
use crate::http::{Agent, Request};
use crate::oidc::{Authenticator, Endpoints, Keys};
use crate::url::{Url, push_pair};

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// GET the discovery document.
    Discovery,
    /// GET the key set.
    Jwks,
    /// Token request, client_credentials, by the service client's method.
    ClientCredentials,
    /// The same, by a client that authenticates with private_key_jwt.
    ClientCredentialsJwt,
    /// Refresh-token grant, each request using the token of the one before.
    Refresh,
    /// Introspection of one live access token.
    Introspect,
    /// UserInfo with one live access token.
    Userinfo,
    /// Whole code flow with PKCE in a signed-in browser, consent remembered.
    Code,
    /// Whole code flow with PKCE in a fresh browser: page, password, consent.
    Login,
    /// Revocation of refresh tokens minted beforehand, each one once.
    Revoke,
}

impl Scenario {
    pub const ALL: [Scenario; 10] = [
        Scenario::Discovery,
        Scenario::Jwks,
        Scenario::ClientCredentials,
        Scenario::ClientCredentialsJwt,
        Scenario::Introspect,
        Scenario::Userinfo,
        Scenario::Refresh,
        Scenario::Code,
        Scenario::Login,
        Scenario::Revoke,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Scenario::Discovery => "discovery",
            Scenario::Jwks => "jwks",
            Scenario::ClientCredentials => "client-credentials",
            Scenario::ClientCredentialsJwt => "client-credentials-jwt",
            Scenario::Refresh => "refresh",
            Scenario::Introspect => "introspect",
            Scenario::Userinfo => "userinfo",
            Scenario::Code => "code",
            Scenario::Login => "login",
            Scenario::Revoke => "revoke",
        }
    }
}

/// Bounds of a run. Every loop ends by one of them.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub users: usize,
    /// A round's length.
    pub time: Duration,
    /// At most this many operations a round.
    pub operations: u64,
    /// Refresh tokens minted per round for `revoke`.
    pub pool: usize,
    /// Limit for one request.
    pub timeout: Duration,
}

/// A provider, discovered.
pub struct Provider {
    pub target: Target,
    pub endpoints: Endpoints,
    keys: Keys,
    login_url: Option<Url>,
}

impl Provider {
    pub async fn connect(target: Target, timeout: Duration) -> Outcome<Rc<Provider>> {
        let mut agent = Agent::new(timeout);
        let endpoints = Endpoints::discover(&mut agent, &target.issuer).await?;
        let jwks = agent.send(&Request::get(&endpoints.jwks)).await?;
        if jwks.status != 200 {
            return Err(Fault::new(format!("jwks: http {}", jwks.status)));
        }
        let keys = Keys::parse(&jwks.body)?;
        let login_url = target.login_url.as_deref().map(Url::parse).transpose()?;
        Ok(Rc::new(Provider { target, endpoints, keys, login_url }))
    }
}

/// One client of a provider, with its way to authenticate.
struct ClientSide {
    client: Client,
    authenticator: Authenticator,
}

impl ClientSide {
    fn new(client: Client, provider: &Provider) -> Outcome<ClientSide> {
        let authenticator = Authenticator::new(&client, &provider.endpoints.issuer)?;
        Ok(ClientSide { client, authenticator })
    }
}

/// One virtual user of one scenario: a browser and a client of its own.
pub struct VirtualUser {
    pub provider: Rc<Provider>,
    pub scenario: Scenario,
    pub agent: Agent,
    party: ClientSide,
    checker: Option<ClientSide>,
    username: String,
    password: String,
    /// The token in use: access token, or the current refresh token.
    token: String,
    /// Refresh tokens waiting to be revoked.
    pool: Vec<String>,
    /// An answer found good once; the same bytes need no second look.
    known_good: Vec<u8>,
    /// A request form that may be repeated.
    form: String,
    /// Where this scenario's request goes, other than the token endpoint.
    url: Url,
    bearer: String,
}

impl VirtualUser {
    pub fn new(
        provider: &Rc<Provider>,
        scenario: Scenario,
        index: usize,
        bounds: &Bounds,
    ) -> Outcome<Self> {
        let target = &provider.target;
        let endpoints = &provider.endpoints;
        let client = match scenario {
            Scenario::ClientCredentials => target.service_client(),
            Scenario::ClientCredentialsJwt => target
                .service_jwt
                .clone()
                .ok_or_else(|| Fault::new("skipped: no [service_jwt] client"))?,
            Scenario::Refresh | Scenario::Revoke => target.offline_client(),
            _ => target.client.clone(),
        };
        let needed = |url: &Option<Url>, what: &str| {
            url.clone().ok_or_else(|| Fault::new(format!("skipped: no {what} endpoint")))
        };
        let url = match scenario {
            Scenario::Discovery => endpoints.discovery.clone(),
            Scenario::Jwks => endpoints.jwks.clone(),
            Scenario::Introspect => needed(&endpoints.introspection, "introspection")?,
            Scenario::Userinfo => needed(&endpoints.userinfo, "userinfo")?,
            Scenario::Revoke => needed(&endpoints.revocation, "revocation")?,
            _ => endpoints.token.clone(),
        };
        let checker = match scenario {
            Scenario::Introspect => Some(ClientSide::new(target.resource_server(), provider)?),
            _ => None,
        };
        let (username, password) = target.user.credentials(index);
        Ok(VirtualUser {
            provider: provider.clone(),
            scenario,
            agent: Agent::new(bounds.timeout),
            party: ClientSide::new(client, provider)?,
            checker,
            username,
            password,
            token: String::new(),
            pool: Vec::new(),
            known_good: Vec::new(),
            form: String::new(),
            url,
            bearer: String::new(),
        })
    }

    /// Does, unmeasured, whatever the scenario takes for granted.
    pub async fn prepare(&mut self, pool: usize) -> Outcome<()> {
        match self.scenario {
            Scenario::Introspect | Scenario::Userinfo if self.token.is_empty() => {
                self.token = self.flow().await?.access_token.unwrap_or_default();
                self.bearer = format!("Bearer {}", self.token);
            }
            Scenario::Refresh if self.token.is_empty() => {
                self.token = self.refresh_token().await?;
            }
            Scenario::Code => {
                self.flow().await?;
            }
            Scenario::Revoke => {
                while self.pool.len() < pool {
                    let token = self.refresh_token().await?;
                    self.pool.push(token);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// One measured operation. `Ok(false)`: there is nothing left to do.
    pub async fn step(&mut self) -> Outcome<bool> {
        match self.scenario {
            Scenario::Discovery | Scenario::Jwks => self.document().await?,
            Scenario::ClientCredentials | Scenario::ClientCredentialsJwt => {
                self.client_credentials().await?;
            }
            Scenario::Refresh => self.refresh().await?,
            Scenario::Introspect => self.introspect().await?,
            Scenario::Userinfo => self.userinfo().await?,
            Scenario::Code => {
                self.flow().await?;
            }
            Scenario::Login => {
                self.agent.jar.clear();
                self.flow().await?;
            }
            Scenario::Revoke => return self.revoke().await,
        }
        Ok(true)
    }

    async fn flow(&mut self) -> Outcome<Tokens> {
        let provider = self.provider.clone();
        if provider.target.spread_addresses {
            // Another person each time, behind the same proxy (an address of RFC 2544's network).
            let [_, b, c, d] = fastrand::u32(..).to_be_bytes();
            self.agent.address = Some(format!("198.{}.{c}.{d}", 18 + (b & 1)));
        }
        Party {
            endpoints: &provider.endpoints,
            keys: &provider.keys,
            driver: provider.target.driver,
            login_url: provider.login_url.as_ref(),
            client: &self.party.client,
            authenticator: &self.party.authenticator,
            username: &self.username,
            password: &self.password,
        }
        .run(&mut self.agent)
        .await
    }

    async fn refresh_token(&mut self) -> Outcome<String> {
        let tokens = self.flow().await?;
        tokens.refresh_token.ok_or_else(|| Fault::new("token: no refresh_token"))
    }

    async fn document(&mut self) -> Outcome<()> {
        let answer = self.agent.send(&Request::get(&self.url)).await?;
        if answer.status != 200 {
            return Err(Fault::new(format!("http {}", answer.status)));
        }
        if answer.body != self.known_good {
            let document: Value =
                serde_json::from_slice(&answer.body).map_err(|_| Fault::new("not JSON"))?;
            let whole = match self.scenario {
                Scenario::Discovery => document["issuer"] == *self.provider.endpoints.issuer,
                _ => document["keys"].is_array(),
            };
            if !whole {
                return Err(Fault::new("not the document expected"));
            }
            self.known_good = answer.body;
        }
        Ok(())
    }

    async fn client_credentials(&mut self) -> Outcome<()> {
        let ClientSide { client, authenticator } = &self.party;
        if self.form.is_empty() || !authenticator.is_static() {
            self.form.clear();
            push_pair(&mut self.form, "grant_type", "client_credentials");
            if !client.scope.is_empty() {
                push_pair(&mut self.form, "scope", &client.scope);
            }
            for (name, value) in &client.extra {
                push_pair(&mut self.form, name, value);
            }
            authenticator.sign_form(&mut self.form)?;
        }
        token_request(&mut self.agent, &self.url, authenticator, &self.form).await?;
        Ok(())
    }

    async fn refresh(&mut self) -> Outcome<()> {
        let ClientSide { authenticator, .. } = &self.party;
        self.form.clear();
        push_pair(&mut self.form, "grant_type", "refresh_token");
        push_pair(&mut self.form, "refresh_token", &self.token);
        authenticator.sign_form(&mut self.form)?;
        let answer = token_request(&mut self.agent, &self.url, authenticator, &self.form).await;
        // After a fault the old token may be spent: begin a new chain.
        let used = std::mem::take(&mut self.token);
        match answer?.refresh_token {
            Some(next) if next != used => self.token = next,
            _ => return Err(Fault::new("token: refresh token not rotated")),
        }
        Ok(())
    }

    async fn introspect(&mut self) -> Outcome<()> {
        let Some(ClientSide { authenticator, .. }) = &self.checker else {
            return Err(Fault::new("no resource server"));
        };
        if self.form.is_empty() || !authenticator.is_static() {
            self.form.clear();
            push_pair(&mut self.form, "token", &self.token);
            authenticator.sign_form(&mut self.form)?;
        }
        let header = authenticator.header();
        let request = Request::form(&self.url, &self.form);
        let answer = self.agent.send(&request.headers(header.as_slice())).await?;
        self.expect(answer, "introspect", |found| found["active"] == true)
    }

    async fn userinfo(&mut self) -> Outcome<()> {
        let header = [("Authorization", self.bearer.as_str())];
        let answer = self.agent.send(&Request::get(&self.url).headers(&header)).await?;
        self.expect(answer, "userinfo", |found| found["sub"].is_string())
    }

    fn expect(
        &mut self,
        answer: crate::http::Response,
        place: &str,
        good: impl Fn(&Value) -> bool,
    ) -> Outcome<()> {
        if answer.status != 200 {
            return Err(refusal(place, &answer));
        }
        if answer.body != self.known_good {
            let found: Value = serde_json::from_slice(&answer.body)
                .map_err(|_| Fault::new(format!("{place}: not JSON")))?;
            if !good(&found) {
                return Err(Fault::new(format!("{place}: not the answer expected")));
            }
            self.known_good = answer.body;
        }
        Ok(())
    }

    async fn revoke(&mut self) -> Outcome<bool> {
        let Some(token) = self.pool.pop() else {
            return Ok(false);
        };
        let ClientSide { authenticator, .. } = &self.party;
        self.form.clear();
        push_pair(&mut self.form, "token", &token);
        push_pair(&mut self.form, "token_type_hint", "refresh_token");
        authenticator.sign_form(&mut self.form)?;
        let header = authenticator.header();
        let request = Request::form(&self.url, &self.form);
        let answer = self.agent.send(&request.headers(header.as_slice())).await?;
        if answer.status != 200 {
            return Err(refusal("revoke", &answer));
        }
        self.token = token;
        Ok(true)
    }

    /// After a round of `revoke`: the last token revoked must be dead.
    pub async fn check_revoked(&mut self) -> Outcome<()> {
        if self.scenario != Scenario::Revoke || self.token.is_empty() {
            return Ok(());
        }
        let ClientSide { authenticator, .. } = &self.party;
        let mut form = String::new();
        push_pair(&mut form, "grant_type", "refresh_token");
        push_pair(&mut form, "refresh_token", &self.token);
        authenticator.sign_form(&mut form)?;
        let endpoint = &self.provider.endpoints.token;
        match token_request(&mut self.agent, endpoint, authenticator, &form).await {
            Ok(_) => Err(Fault::new("revoke: a revoked token still works")),
            Err(_) => Ok(()),
        }
    }
}
