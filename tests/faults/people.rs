//! Somebody with a browser and an app, who takes no answer for an answer too.

use super::balancer::Balancer;
use super::support::test_server::PASSWORD;
use super::support::web_app::VERIFIER;
use super::support::{Page, WebApp, crypto};
use super::witness::{Answer, Event, Grant, Witness};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How long anybody waits for an answer: longer than any request may take.
pub const PATIENCE: Duration = Duration::from_secs(12);

/// A person, their browser, and the app they use.
pub struct Person {
    name: String,
    browser: reqwest::Client,
    http: reqwest::Client,
    app: WebApp,
    balancer: Arc<Balancer>,
    rounds: AtomicUsize,
    witness: Arc<Witness>,
}

impl Person {
    pub fn new(name: &str, app: &WebApp, balancer: Arc<Balancer>, witness: Arc<Witness>) -> Self {
        let browser = super::load::builder(PATIENCE).cookie_store(true).build();
        Self {
            name: name.to_owned(),
            browser: browser.expect("a browser can be made"),
            http: super::load::http(PATIENCE),
            app: app.clone(),
            balancer,
            rounds: AtomicUsize::new(0),
            witness,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.balancer.next())
    }

    async fn read(&self, request: reqwest::RequestBuilder) -> Option<Page> {
        let page = match request.send().await {
            Err(_) => None,
            Ok(response) => {
                let (status, headers) = (response.status().as_u16(), response.headers().clone());
                let url = response.url().clone();
                response.text().await.ok().map(|body| Page { status, headers, body, url })
            }
        };
        let status = page.as_ref().map_or(0, |page| page.status);
        if status == 503 {
            let retry = page.as_ref().map(|page| page.header("retry-after").to_owned());
            assert_ne!(retry.as_deref(), Some(""), "a 503 without Retry-After");
        }
        // Between us and the instances is nobody who could say 502 or 504.
        assert!(status < 500 || status == 503, "{status} {:?}", page.map(|page| page.body));
        page
    }

    /// Asks for what changes nothing.
    async fn ask(&self, request: reqwest::RequestBuilder) -> Option<Page> {
        let page = self.read(request).await;
        let status = page.as_ref().map_or(0, |page| page.status);
        self.witness.saw(Event::Asked { status, at: Instant::now() });
        page
    }

    /// As [`Person::sign_in`], while nothing is broken: people whom a busy machine tells to come back do.
    pub async fn come_in(&self) {
        let end = Instant::now() + Duration::from_secs(60);
        while !self.sign_in().await {
            assert!(Instant::now() < end, "{} cannot sign in", self.name);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Signs in and allows the app what it wants, so that nobody is asked later.
    pub async fn sign_in(&self) -> bool {
        let first = self.browser.get(self.url(&self.authorize_path()));
        let Some(mut page) = self.ask(first).await else { return false };
        for (id, path, fields) in [
            ("login-submit", "/login", vec![("username", &*self.name), ("password", PASSWORD)]),
            ("consent-allow", "/consent", vec![("decision", "allow")]),
        ] {
            page = match self.follow(page).await {
                Some(page) => page,
                None => return false,
            };
            if page.has_id(id) {
                let (csrf, txn) = (page.hidden("csrf"), page.hidden("txn"));
                let mut form = vec![("csrf", csrf.as_str()), ("txn", txn.as_str())];
                form.extend(fields);
                let post = self.browser.post(self.url(path)).form(&form);
                let Some(next) = self.ask(post).await else { return false };
                page = next;
            }
        }
        page.answer().is_some_and(|answer| answer.has("code"))
    }

    /// Goes on as long as redirects stay with us.
    async fn follow(&self, mut page: Page) -> Option<Page> {
        while let Some(to) = page.location().filter(|to| to.starts_with('/')) {
            page = self.ask(self.browser.get(self.url(to))).await?;
        }
        Some(page)
    }

    fn authorize_path(&self) -> String {
        self.app.authorize_url(&[("scope", "openid email")])
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tokens for a new code.
    pub async fn tokens(&self) -> Option<(String, Grant)> {
        self.tokens_until(&AtomicBool::new(false)).await
    }

    async fn tokens_until(&self, stop: &AtomicBool) -> Option<(String, Grant)> {
        let code = self.code().await?;
        self.witness.saw(Event::Code { code: code.clone(), user: self.name.clone() });
        let redeemed = || async {
            let (answer, token) = self.redeem(&code).await;
            let (code, at) = (code.clone(), Instant::now());
            self.witness.saw(Event::Redeemed { code, answer: answer.clone(), at });
            (answer, token)
        };
        self.insist(stop, redeemed).await
    }

    /// Takes the access away from the app, in the browser. The session goes on.
    pub async fn withdraw(&self) -> Option<Page> {
        let path = format!("/account/apps/{}/remove", self.app.id);
        self.submit(&path, &[]).await
    }

    /// Changes the password, in the browser. The session goes on.
    pub async fn change_password(&self) -> Option<Page> {
        let (now, new) = (("password", PASSWORD), "another horse battery");
        let twice = [now, ("new-password", new), ("new-password-confirm", new)];
        self.submit("/account/password", &twice).await
    }

    async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Option<Page> {
        let page = self.ask(self.browser.get(self.url(path))).await?;
        let csrf = page.hidden("csrf");
        let form = [&[("csrf", csrf.as_str())], fields].concat();
        self.ask(self.browser.post(self.url(path)).form(&form)).await
    }

    /// Everything that somebody may try who was blocked: their token, a new one for it, and, where that is
    /// over too, one by their session.
    pub async fn try_all(&self, token: &str, grant: &Grant, by_session: bool) {
        self.question(token, grant).await;
        let asked = Instant::now();
        if let (Answer::Given(new), token) = self.refreshed(&grant.refresh_token).await {
            self.heard("the token endpoint", true, &new, asked);
            self.question(&token, &new).await;
        }
        if !by_session {
            return;
        }
        let asked = Instant::now();
        if self.code().await.is_some() {
            self.heard("the authorization endpoint", true, grant, asked);
        }
    }

    /// One time through: a code, tokens, new tokens, questions about them.
    pub async fn round(&self, stop: &AtomicBool) {
        let round = self.rounds.fetch_add(1, Ordering::Relaxed);
        let Some((token, grant)) = self.tokens_until(stop).await else { return };
        self.question(&token, &grant).await;

        let refreshed = || self.refreshed(&grant.refresh_token);
        let Some((token, grant)) = self.insist(stop, refreshed).await else { return };
        if round.is_multiple_of(3) {
            self.witness.saw(Event::Ending { what: grant.jti.clone() });
            let reply = self.post("/revoke", &[("token", &token)]).await;
            if reply.is_some_and(|page| page.status == 200) {
                let (jti, deadline) = (grant.jti.clone(), Instant::now());
                self.witness.saw(Event::Revoked { jti, deadline });
            }
        }
        self.question(&token, &grant).await;
    }

    /// A code from the browser that is signed in.
    async fn code(&self) -> Option<String> {
        let page = self.ask(self.browser.get(self.url(&self.authorize_path()))).await?;
        let is_sent_to_sign_in = page.location().is_some_and(|to| to.starts_with("/login"));
        if page.has_id("login-submit") || is_sent_to_sign_in {
            // Blocked, or signed out: nobody else should be.
            self.witness.saw(Event::SignedOut { user: self.name.clone() });
            tokio::time::sleep(Duration::from_millis(50)).await;
            return None;
        }
        let answer = (page.status < 400).then(|| page.answer()).flatten()?;
        answer.has("code").then(|| answer.get("code").to_owned())
    }

    /// Tries until there is a clear answer, or it is time to stop.
    async fn insist<F>(&self, stop: &AtomicBool, ask: impl Fn() -> F) -> Option<(String, Grant)>
    where
        F: Future<Output = (Answer, String)>,
    {
        for _ in 0..40 {
            match ask().await {
                (Answer::Given(grant), token) => return Some((token, grant)),
                (Answer::Refused(_), _) => return None,
                (Answer::Unknown(_), _) if stop.load(Ordering::Relaxed) => return None,
                (Answer::Unknown(_), _) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        None
    }

    async fn redeem(&self, code: &str) -> (Answer, String) {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.app.redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        self.token(&form).await
    }

    /// Uses a refresh token, and remembers what came of it.
    async fn refreshed(&self, token: &str) -> (Answer, String) {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        let (answer, access_token) = self.token(&form).await;
        let (user, token, at) = (self.name.clone(), token.to_owned(), Instant::now());
        self.witness.saw(Event::Refreshed { token, user, answer: answer.clone(), at });
        (answer, access_token)
    }

    async fn token(&self, form: &[(&str, &str)]) -> (Answer, String) {
        let unknown = |status| (Answer::Unknown(status), String::new());
        let Some(page) = self.post("/token", form).await else { return unknown(0) };
        let json: Value = serde_json::from_str(&page.body).unwrap_or(Value::Null);
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        match page.status {
            200 => {
                let token = text("access_token");
                let claims = crypto::claims(&token);
                let word = |name: &str| claims[name].as_str().expect("a claim").to_owned();
                let time = |name: &str| claims[name].as_i64().expect("a time");
                let (jti, subject, client) = (word("jti"), word("sub"), word("client_id"));
                let (issued_at, expires_at) = (time("iat"), time("exp"));
                let refresh_token = text("refresh_token");
                let grant = Grant { jti, subject, client, issued_at, expires_at, refresh_token };
                (Answer::Given(grant), token)
            }
            400 => (Answer::Refused(text("error")), String::new()),
            status => unknown(status),
        }
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Option<Page> {
        let request = self.http.post(self.url(path)).form(form);
        self.read(request.basic_auth(&self.app.id, Some(&self.app.secret))).await
    }

    /// Asks those who know about tokens.
    pub async fn question(&self, token: &str, grant: &Grant) {
        let asked = Instant::now();
        let introspection = self.http.post(self.url("/introspect")).form(&[("token", token)]);
        let introspection = introspection.basic_auth(&self.app.id, Some(&self.app.secret));
        if let Some(page) = self.ask(introspection).await.filter(|page| page.status == 200) {
            let json: Value = serde_json::from_str(&page.body).expect("JSON");
            self.heard("introspection", json["active"] == true, grant, asked);
        }
        let asked = Instant::now();
        let userinfo = self.http.get(self.url("/userinfo")).bearer_auth(token);
        if let Some(page) = self.ask(userinfo).await.filter(|page| page.status < 500) {
            self.heard("userinfo", page.status == 200, grant, asked);
        }
    }

    fn heard(&self, by: &'static str, good: bool, grant: &Grant, asked: Instant) {
        let (jti, user) = (grant.jti.clone(), self.name.clone());
        self.witness.saw(match good {
            true => Event::Accepted { jti, user, by, asked },
            false => Event::Denied { jti, user, by },
        });
    }
}
