//! Providers that are not as we are: OAuth 2 alone, dishonest, or away.

use super::{Two, is_signed_in};
use crate::support::test_server::PASSWORD;
use crate::support::{Agent, Inbox, Site, Store};
use countersign::protocol::upstream::{UpstreamKind, UpstreamSettings};
use serde_json::json;

/// A provider that speaks OAuth 2 alone, as GitHub does.
#[tokio::test]
async fn a_provider_without_openid_says_at_an_address_who_signed_in() {
    let two = Two::on(Store::Sqlite).await;
    two.here.user("ada").await;
    let tokens = Site::start().await;
    let answer = json!({ "access_token": "at", "token_type": "bearer", "scope": "read:user" });
    let token_endpoint = tokens.put_json("/token", &answer);
    let person = json!({ "id": 583231, "login": "ada", "name": "Ada", "email": null });
    let userinfo_endpoint = tokens.put_json("/user", &person);
    let settings = UpstreamSettings {
        kind: UpstreamKind::Oauth2,
        issuer: tokens.base.clone(),
        client_id: "us".into(),
        scope: "read:user user:email".into(),
        authorization_endpoint: Some(format!("{}/authorize", tokens.base)),
        token_endpoint: Some(token_endpoint),
        userinfo_endpoint: Some(userinfo_endpoint),
        ..UpstreamSettings::default()
    };
    two.offer("hub", settings, Some("secret".into())).await;
    for is_known in [false, true] {
        let agent = Agent::new(&two.here);
        let away = agent.get("/login/upstream/hub").await;
        let there = url::Url::parse(away.location().expect("it leads there")).expect("an address");
        let asked: std::collections::HashMap<_, _> = there.query_pairs().into_owned().collect();
        assert_eq!(asked["scope"], "read:user user:email");
        assert_eq!(asked["code_challenge_method"], "S256");
        assert_eq!(asked["redirect_uri"], two.here.url("/login/upstream/hub/callback"));
        let back = format!("/login/upstream/hub/callback?code=c&state={}", asked["state"]);
        let page = agent.open(&back).await;
        if !is_known {
            let form = [("username", "ada"), ("password", PASSWORD), ("decision", "link")];
            agent.submit(&page, "/login/upstream/hub/link", &form).await;
        }
        assert!(is_signed_in(&agent).await, "{is_known}");
    }
    // Who changes what it says about a person is refused, not guessed at.
    tokens.put_json("/user", &json!({ "login": "ada" }));
    let agent = Agent::new(&two.here);
    let away = agent.get("/login/upstream/hub").await;
    let there = url::Url::parse(away.location().expect("it leads there")).expect("an address");
    let state = there.query_pairs().find(|(name, _)| name == "state").expect("a state").1;
    let page = agent.open(&format!("/login/upstream/hub/callback?code=c&state={state}")).await;
    assert_eq!(page.status, 422);
    assert!(!is_signed_in(&agent).await);
}

/// GitHub says email addresses apart from the rest.
#[tokio::test]
async fn lg_16_an_account_is_made_with_the_verified_address_of_the_list() {
    let two = Two::on(Store::Sqlite).await;
    let site = Site::start().await;
    let answer = json!({ "access_token": "at", "token_type": "bearer", "scope": "user:email" });
    let person = json!({ "id": 583231, "login": "ada", "name": "Ada", "email": null });
    let address = |email: &str, primary: bool, verified: bool| json!({ "email": email, "primary": primary, "verified": verified, "visibility": null });
    let emails = site.put_json("/user/emails", &json!([address("new@example.org", true, false)]));
    let settings = UpstreamSettings {
        kind: UpstreamKind::Oauth2,
        issuer: site.base.clone(),
        client_id: "us".into(),
        authorization_endpoint: Some(format!("{}/authorize", site.base)),
        token_endpoint: Some(site.put_json("/token", &answer)),
        userinfo_endpoint: Some(site.put_json("/user", &person)),
        emails_endpoint: Some(emails),
        trust_email: true,
        allow_sign_up: true,
        ..UpstreamSettings::default()
    };
    two.offer("hub", settings, Some("secret".into())).await;
    let come = async || {
        let agent = Agent::new(&two.here);
        let away = agent.get("/login/upstream/hub").await;
        let there = url::Url::parse(away.location().expect("it leads there")).expect("an address");
        let state = there.query_pairs().find(|(name, _)| name == "state").expect("a state").1;
        let back = format!("/login/upstream/hub/callback?code=c&state={state}");
        let page = agent.open(&back).await;
        (agent, page)
    };
    let (_, page) = come().await;
    assert!(page.has_id("link-submit") && !page.has_id("link-create"), "nothing is verified");
    site.put_json("/user/emails", &json!({ "message": "Not Found" }));
    assert_eq!(come().await.1.status, 422, "what is no list is not guessed at");
    let list = json!([
        address("old@example.org", false, true),
        address("ada@example.org", true, true),
        address("new@example.org", false, false),
    ]);
    site.put_json("/user/emails", &list);
    let (agent, page) = come().await;
    assert!(page.has_id("link-create"), "{}", page.body);
    agent.submit(&page, "/login/upstream/hub/link", &[("decision", "create")]).await;
    let account = agent.get("/account").await;
    assert!(account.body.contains("ada@example.org"), "{}", account.body);
}

#[tokio::test]
async fn lg_16_a_provider_that_answers_for_another_is_not_believed() {
    let two = Two::on(Store::Sqlite).await;
    let site = Site::start().await;
    let document = json!({
        "issuer": "https://evil.example",
        "authorization_endpoint": format!("{}/authorize", site.base),
        "token_endpoint": format!("{}/token", site.base),
        "jwks_uri": format!("{}/jwks", site.base),
    });
    site.put_json("/.well-known/openid-configuration", &document);
    let settings = UpstreamSettings {
        issuer: site.base.clone(),
        client_id: "us".into(),
        ..UpstreamSettings::default()
    };
    two.offer("evil", settings, None).await;
    let agent = Agent::new(&two.here);
    let page = agent.get("/login/upstream/evil").await;
    assert_eq!(page.status, 422, "{:?}", page.location());
}

#[tokio::test]
async fn a_provider_that_is_away_keeps_nobody_waiting_and_breaks_nothing() {
    let two = Two::on(Store::Sqlite).await;
    let inbox = Inbox::open().await;
    inbox.answer(500);
    let settings = UpstreamSettings {
        issuer: inbox.base.clone(),
        client_id: "us".into(),
        ..UpstreamSettings::default()
    };
    two.offer("away", settings, None).await;
    let page = Agent::new(&two.here).get("/login/upstream/away").await;
    assert_eq!(page.status, 422);
    assert!(page.has_id("login-submit"));
}
