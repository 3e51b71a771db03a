//! People who use an app all the time, and what they see.

use crate::support::{Code, Page, Reply, TestServer, VERIFIER, WebApp};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// How often something is asked again that was not answered.
const TRIES: usize = 100;

/// Somebody in a browser of their own, signed in.
pub struct Visitor {
    pub app: WebApp,
    pub name: String,
    pub access_token: String,
    pub refresh_token: String,
    /// How often each code was taken.
    taken: HashMap<String, u32>,
}

/// What all of them saw together.
#[derive(Default)]
pub struct Seen {
    /// Answers that were what they should be.
    pub good: AtomicU32,
    /// Requests that nobody answered: 502, 503, 504.
    pub broken: AtomicU32,
    over: AtomicBool,
}

/// Visitors at work, until they are told to stop.
pub struct Load {
    pub seen: Arc<Seen>,
    visitors: JoinSet<Visitor>,
}

/// Makes people with names, and an app for each.
pub async fn people(server: &TestServer, count: usize) -> Vec<WebApp> {
    let app = WebApp::register(server).await;
    let mut apps = Vec::new();
    for n in 0..count {
        server.user(&format!("visitor{n}")).await;
        apps.push(app.in_another_browser());
    }
    apps
}

/// Signs everybody in through an address.
pub async fn sign_in(apps: Vec<WebApp>, issuer: &str) -> Vec<Visitor> {
    let mut visitors = Vec::new();
    for (n, app) in apps.into_iter().enumerate() {
        let mut app = WebApp { base: issuer.to_owned(), ..app };
        app.agent.base = issuer.to_owned();
        let name = format!("visitor{n}");
        let tokens = app.tokens(&name, "openid offline_access").await;
        let (access_token, refresh_token) = (tokens.access_token, tokens.refresh_token);
        visitors.push(Visitor { app, name, access_token, refresh_token, taken: HashMap::new() });
    }
    visitors
}

impl Load {
    /// Lets everybody go on and on.
    pub fn start(visitors: Vec<Visitor>) -> Self {
        let seen = Arc::<Seen>::default();
        let work = |visitor: Visitor| visitor.work(seen.clone());
        let visitors = visitors.into_iter().map(work).collect();
        Self { seen, visitors }
    }

    /// Stops, and gives everybody back.
    pub async fn stop(self) -> Vec<Visitor> {
        self.seen.over.store(true, Ordering::SeqCst);
        self.visitors.join_all().await
    }
}

impl Seen {
    pub fn good(&self) -> u32 {
        self.good.load(Ordering::SeqCst)
    }

    pub fn broken(&self) -> u32 {
        self.broken.load(Ordering::SeqCst)
    }

    fn judge(&self, status: u16) -> bool {
        let broken = matches!(status, 502..=504);
        let count = if broken { &self.broken } else { &self.good };
        count.fetch_add(1, Ordering::SeqCst);
        !broken
    }
}

/// Asks until somebody answers.
async fn insist<F: Future<Output = Reply>>(seen: &Seen, ask: impl Fn() -> F) -> Reply {
    for _ in 0..TRIES {
        let reply = ask().await;
        if seen.judge(reply.status) {
            return reply;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody answers");
}

impl Visitor {
    async fn work(mut self, seen: Arc<Seen>) -> Self {
        while !seen.over.load(Ordering::SeqCst) {
            self.refresh(&seen).await;
            self.look(&seen).await;
            self.come_back(&seen).await;
        }
        self
    }

    /// A refresh whose answer was lost is asked again, and answered.
    pub async fn refresh(&mut self, seen: &Seen) {
        let reply = insist(seen, || self.app.refresh(&self.refresh_token)).await;
        let tokens = reply.expect_tokens();
        (self.access_token, self.refresh_token) = (tokens.access_token, tokens.refresh_token);
    }

    async fn look(&self, seen: &Seen) {
        let reply = insist(seen, || self.app.userinfo(&self.access_token)).await;
        assert_eq!(reply.status, 200, "{}: {}", self.name, reply.text);
        let keys = || self.keys();
        assert_eq!(insist(seen, keys).await.status, 200);
    }

    async fn keys(&self) -> Reply {
        let answer = self.app.http.get(format!("{}/jwks", self.app.base)).send().await;
        Reply::read(answer.expect("nginx answers")).await
    }

    /// Comes back to the app: the session still stands, and gives a code, which is good once.
    pub async fn come_back(&mut self, seen: &Seen) {
        let page = self.silently(seen).await;
        let answer = page.expect_answer();
        assert_eq!(answer.get("error"), "", "{} was signed out: {answer:?}", self.name);
        let code = Code { value: answer.get("code").to_owned(), verifier: VERIFIER.into() };
        // A code whose answer was lost may have been spent: then it is over, and there are others.
        for tries in 0.. {
            let reply = self.app.redeem(&code).await;
            if !seen.judge(reply.status) && tries < TRIES {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
            match reply.status {
                200 => *self.taken.entry(code.value.clone()).or_default() += 1,
                400 if tries > 0 => assert_eq!(reply.json["error"], "invalid_grant"),
                _ => panic!("{}: {} {}", self.name, reply.status, reply.text),
            }
            break;
        }
        // Once more is once too often, wherever it is asked.
        let again = insist(seen, || self.app.redeem(&code)).await;
        if again.status == 200 {
            *self.taken.entry(code.value).or_default() += 1;
        }
    }

    async fn silently(&self, seen: &Seen) -> Page {
        for _ in 0..TRIES {
            let page = self.app.authorize(&[("prompt", "none")]).await;
            if seen.judge(page.status) {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nobody answers");
    }

    /// The most often that one code was taken.
    pub fn most_taken(&self) -> u32 {
        self.taken.values().copied().max().unwrap_or_default()
    }
}
