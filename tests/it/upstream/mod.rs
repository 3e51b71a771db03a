//! "Sign in with …": at a second instance of ourselves, and at others.

mod accounts;
mod others;
mod sign_out;

use crate::support::test_server::{PASSWORD, system};
use crate::support::{Agent, Page, Store, TestServer, WebApp};
use countersign::domain::federation::management::{self, UpstreamDraft};
use countersign::protocol::upstream::UpstreamSettings;

fn own_machine(config: &mut countersign::config::Config) {
    config.outbound.allow = vec!["127.0.0.0/8".parse().expect("a network")];
}

/// Two providers: people sign in here with their account there.
struct Two {
    here: TestServer,
    there: TestServer,
    /// Us, as the other knows us.
    client: WebApp,
}

impl Two {
    async fn on(store: Store) -> Self {
        Self::with(store, |_| {}).await
    }

    async fn with(store: Store, change: impl FnOnce(&mut UpstreamSettings)) -> Self {
        let here = TestServer::with_on(store, own_machine).await;
        let there = TestServer::with_on(store, own_machine).await;
        let callback = here.url("/login/upstream/other/callback");
        let logout = here.url("/login/upstream/other/backchannel-logout");
        let client = WebApp::register_as(&there, |draft| {
            draft.metadata.redirect_uris = vec![callback];
            draft.metadata.logout.backchannel_logout_uri = Some(logout);
        })
        .await;
        let mut settings = UpstreamSettings {
            issuer: there.issuer().to_owned(),
            client_id: client.id.clone(),
            ..UpstreamSettings::default()
        };
        change(&mut settings);
        let two = Self { here, there, client };
        two.offer("other", settings, Some(two.client.secret.clone())).await;
        two
    }

    async fn offer(&self, slug: &str, settings: UpstreamSettings, secret: Option<String>) {
        let draft = UpstreamDraft {
            slug: slug.into(),
            name: "Other".into(),
            settings,
            client_secret: secret,
        };
        let provider = &self.here.provider;
        let (ground, seal) = (provider.ground(), Some(provider.upstreams.seal()));
        management::create(&ground, draft, seal, system()).await.expect("it can be made");
        provider.upstreams.reload(&provider.db).await.expect("it can be read");
    }

    /// Sends a browser there, and gives where it is sent back to.
    async fn back_from_there(&self, agent: &Agent, name: &str) -> String {
        let away = agent.get("/login/upstream/other").await;
        let there = away.location().expect("it leads there").to_owned();
        assert!(there.starts_with(&self.there.url("/authorize?")), "{there}");
        self.back_from(&there, name).await
    }

    /// Signs somebody in there: with cookies of their own, because browsers mix those of ports.
    async fn back_from(&self, there: &str, name: &str) -> String {
        let other = Agent::at(&self.there.base);
        let mut page = other.open(there).await;
        if page.has_id("login-submit") {
            page = other.log_in(&page, name).await;
        }
        if page.has_id("consent-allow") {
            page = other.decide(&page, "allow").await;
        }
        let answer = page.expect_answer();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(&answer.params).finish();
        format!("{}?{query}", answer.to)
    }

    /// Signs somebody in through the other, whom nobody here knows, and proves an account here.
    async fn link(&self, agent: &Agent, there: &str, here: &str) -> Page {
        let back = self.back_from_there(agent, there).await;
        let page = agent.open(&path_of(&back)).await;
        assert!(page.has_id("link-submit"), "{} {}", page.url, page.body);
        let form = [("username", here), ("password", PASSWORD), ("decision", "link")];
        agent.submit(&page, "/login/upstream/other/link", &form).await
    }
}

fn path_of(url: &str) -> String {
    let url = url::Url::parse(url).expect("an address");
    format!("{}?{}", url.path(), url.query().unwrap_or_default())
}

async fn is_signed_in(agent: &Agent) -> bool {
    agent.get("/account").await.status == 200
}

/// Makes a test of each function, on each database.
macro_rules! both_of_two {
    ($change:expr; $($(#[$meta:meta])* async fn $name:ident($two:ident: Two) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn rule($two: Two) $body

            #[tokio::test]
            async fn on_sqlite() {
                rule(Two::with(Store::Sqlite, $change).await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                rule(Two::with(Store::Postgres, $change).await).await;
            }
        }
    )+};
}
pub(super) use both_of_two;
