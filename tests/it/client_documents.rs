//! Clients whose `client_id` is the address of a document that describes them
//! (draft-ietf-oauth-client-id-metadata-document).

use crate::support::crypto::{claims, jwks, key};
use crate::support::test_server::system;
use crate::support::tls_site::TlsSite;
use crate::support::{Agent, Store, TestServer, WebApp};
use countersign::config::Config;
use countersign::domain::clients::management;
use countersign::domain::housekeeping;
use countersign::jose::{SigningAlgorithm, Typ};
use countersign::protocol::client::AuthMethod;
use countersign::protocol::time::Lifetime;
use serde_json::{Value, json};

const PATH: &str = "/app/client.json";

struct Stage {
    server: TestServer,
    site: TlsSite,
    id: String,
}

impl Stage {
    async fn set(store: Store) -> Self {
        Self::with(store, |config| config.registration.document_hosts = vec!["localhost".into()])
            .await
    }

    async fn with(store: Store, change: impl FnOnce(&mut Config)) -> Self {
        let site = TlsSite::start();
        let server = TestServer::with_on(store, |config| {
            config.outbound.allow =
                ["127.0.0.0/8", "::1/128"].map(|net| net.parse().expect("a network")).into();
            config.outbound.ca = Some(site.ca.path().to_owned());
            change(config);
        })
        .await;
        server.user("ada").await;
        let id = format!("{}{PATH}", site.base);
        let stage = Self { server, site, id };
        stage.publish(&json!({}));
        stage
    }

    /// Puts the document there, with some members more, or others; null takes one away.
    fn publish(&self, members: &Value) {
        self.site.put(PATH, &self.document(members));
    }

    fn document(&self, members: &Value) -> Value {
        let mut document = json!({
            "client_id": self.id,
            "client_name": "Assistant",
            "redirect_uris": ["https://assistant.example/cb", "http://127.0.0.1/cb"],
            "token_endpoint_auth_method": "none",
        });
        for (name, value) in members.as_object().expect("an object") {
            document[name.as_str()] = value.clone();
        }
        document
    }

    fn app(&self) -> WebApp {
        WebApp {
            id: self.id.clone(),
            secret: String::new(),
            redirect_uri: "https://assistant.example/cb".into(),
            method: AuthMethod::None,
            agent: Agent::new(&self.server),
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
            base: self.server.base.clone(),
        }
    }

    /// Whether the client is one.
    async fn is_known(&self) -> bool {
        self.app().authorize(&[]).await.has_id("login-submit")
    }
}

macro_rules! on_both {
    ($($name:ident,)+) => {$(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn on_sqlite() {
                $name(Store::Sqlite).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                $name(Store::Postgres).await;
            }
        }
    )+};
}

on_both! {
    cimd_a_client_is_what_its_document_says,
    cimd_people_are_told_where_the_document_is_and_that_nobody_checked,
    cimd_a_client_with_keys_proves_itself,
    cimd_a_document_that_is_not_good_makes_no_client,
    cimd_only_addresses_in_their_simplest_form_are_asked,
    cimd_only_hosts_on_the_list_are_asked,
    cimd_a_document_is_read_anew_when_it_is_old,
    cimd_a_document_outlives_a_short_outage_and_no_withdrawal,
    cimd_what_nobody_finds_is_not_asked_for_all_the_time,
    cimd_an_administrator_has_the_last_word,
    cimd_who_never_comes_is_removed,
}

async fn cimd_a_client_is_what_its_document_says(store: Store) {
    let stage = Stage::set(store).await;
    let app = stage.app();
    let login = app.authorize(&[]).await;
    assert!(login.body.contains("Assistant"), "{}", login.body);
    let page = app.agent.log_in(&login, "ada").await;
    assert!(
        page.expect_consent().body.contains("localhost:"),
        "the page names the host of the document"
    );
    let code = app.log_in_and_consent("ada", "openid email").await;
    let tokens = app.redeem(&code).await.expect_tokens();
    assert_eq!(claims(&tokens.access_token)["client_id"], stage.id);
    assert_eq!(claims(&tokens.id_token)["aud"], stage.id);
    assert_eq!(stage.site.asked(), 1);
    // Any port of this machine; and PKCE always.
    let device = WebApp { redirect_uri: "http://127.0.0.1:51004/cb".into(), ..stage.app() };
    device.code("ada", &[]).await;
    stage.app().authorize(&[("code_challenge", "")]).await.expect_refusal("invalid_request");
    let foreign = WebApp { redirect_uri: "https://evil.example/cb".into(), ..stage.app() };
    foreign.authorize(&[]).await.expect_error_page();
    let document = stage.server.document().await;
    assert_eq!(document["client_id_metadata_document_supported"], true);
}

async fn cimd_people_are_told_where_the_document_is_and_that_nobody_checked(store: Store) {
    let stage = Stage::set(store).await;
    let app = stage.app();
    let page = app.authorize(&[]).await;
    let page = app.agent.log_in(&page, "ada").await;
    page.expect_consent();
    assert!(page.body.contains("This app registered itself."), "{}", page.body);
    assert!(page.body.contains("From <b>localhost:"), "{}", page.body);
    assert!(page.body.contains("Verified domain"), "{}", page.body);
}

async fn cimd_a_client_with_keys_proves_itself(store: Store) {
    let stage = Stage::set(store).await;
    let own = key(SigningAlgorithm::ES256);
    stage.publish(&json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks(&[&own]),
    }));
    let app = stage.app();
    let code = app.log_in_and_consent("ada", "openid").await;
    app.redeem(&code).await.expect(401, "invalid_client");
    let now = stage.server.provider.now().as_unix();
    let assertion = own.sign(Typ::ClientAssertion, &json!({
        "iss": stage.id, "sub": stage.id, "aud": stage.server.issuer(), "jti": "1", "exp": now + 60,
    }));
    let assertion = assertion.expect("it can be signed");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code.value),
        ("code_verifier", &*code.verifier),
        ("redirect_uri", &*app.redirect_uri),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &*assertion),
    ];
    let sent = app.http.post(stage.server.url("/token")).form(&form).send().await;
    crate::support::Reply::read(sent.expect("an answer")).await.expect_tokens();
}

async fn cimd_a_document_that_is_not_good_makes_no_client(store: Store) {
    for members in [
        json!({ "client_id": "https://localhost/other" }),
        json!({ "client_id": null }),
        json!({ "client_secret": "secret" }),
        json!({ "client_secret_expires_at": 0 }),
        json!({ "token_endpoint_auth_method": "client_secret_basic" }),
        json!({ "token_endpoint_auth_method": "private_key_jwt" }),
        json!({ "redirect_uris": [] }),
        json!({ "redirect_uris": ["http://assistant.example/cb"] }),
        json!({ "redirect_uris": ["https://assistant.example/cb", "javascript:alert(1)"] }),
        json!({ "client_name": "a\u{202e}b" }),
        json!({ "grant_types": ["client_credentials"] }),
        json!({ "logo_uri": "http://169.254.169.254/" }),
        json!({ "padding": "x".repeat(17 * 1024) }),
    ] {
        if store == Store::Postgres && members.get("client_id").is_none() {
            // The rules are the same; two of them show that there, too.
            continue;
        }
        let stage = Stage::set(store).await;
        stage.publish(&members);
        stage.app().authorize(&[]).await.expect_error_page();
        let found = management::find(&stage.server.provider.ground(), &stage.id).await;
        assert!(found.expect("a database").is_none(), "{members}");
    }
    let stage = Stage::set(store).await;
    for (status, headers, body) in [
        (404, "", "{}"),
        (302, "Location: /app/other.json\r\n", ""),
        (200, "", "not json"),
        (200, "", "[]"),
    ] {
        stage.site.answer(PATH, status, headers, body);
        assert!(!stage.is_known().await, "{status} {body}");
        stage.server.clock.advance_seconds(61);
    }
}

async fn cimd_only_addresses_in_their_simplest_form_are_asked(store: Store) {
    let stage =
        Stage::with(store, |config| config.registration.document_hosts = vec!["*".into()]).await;
    let base = &stage.site.base;
    let port = base.rsplit(':').next().expect("a port");
    for id in [
        format!("http://localhost:{port}{PATH}"),
        base.clone(),
        format!("{base}/"),
        format!("{base}{PATH}#x"),
        format!("{base}{PATH}?x=1"),
        format!("{base}/app/../app/client.json"),
        format!("{base}/app/./client.json"),
        format!("{base}/app/%63lient.json"),
        format!("https://user@localhost:{port}{PATH}"),
        format!("https://LOCALHOST:{port}{PATH}"),
        format!("{base}/{}", "a".repeat(300)),
        "https://".into(),
    ] {
        let app = WebApp { id: id.clone(), ..stage.app() };
        app.authorize(&[]).await.expect_error_page();
        let form = [("grant_type", "authorization_code"), ("code", "x"), ("client_id", &*id)];
        let sent = app.http.post(stage.server.url("/token")).form(&form).send().await;
        assert_eq!(sent.expect("an answer").status(), 401, "{id}");
    }
    assert_eq!(stage.site.asked(), 0);
    assert!(stage.is_known().await);
}

async fn cimd_only_hosts_on_the_list_are_asked(store: Store) {
    for hosts in [vec![], vec!["other.example".to_owned()], vec!["*.localhost".to_owned()]] {
        let is_on = !hosts.is_empty();
        let stage = Stage::with(store, |config| config.registration.document_hosts = hosts).await;
        assert!(!stage.is_known().await);
        assert_eq!(stage.site.asked(), 0);
        let said = &stage.server.document().await["client_id_metadata_document_supported"];
        assert_eq!(said.as_bool().unwrap_or_default(), is_on);
    }
    // Nothing private is asked, whatever the list says.
    let stage = Stage::with(store, |config| {
        config.registration.document_hosts = vec!["*".into()];
        config.outbound.allow.clear();
    })
    .await;
    assert!(!stage.is_known().await);
    assert_eq!(stage.site.asked(), 0);
}

async fn cimd_a_document_is_read_anew_when_it_is_old(store: Store) {
    let stage = Stage::set(store).await;
    // Used, so that it is not removed in between.
    stage.app().code("ada", &[]).await;
    stage
        .publish(&json!({ "client_name": "Renamed", "redirect_uris": ["https://new.example/cb"] }));
    stage.server.clock.advance_seconds(899);
    assert!(stage.is_known().await);
    stage.server.clock.advance_seconds(2);
    assert!(!stage.is_known().await, "the address is withdrawn");
    let app = WebApp { redirect_uri: "https://new.example/cb".into(), ..stage.app() };
    assert!(app.authorize(&[]).await.body.contains("Renamed"));
    assert_eq!(stage.site.asked(), 2);
    // As long as its host says, within a minute and a day.
    let body = stage.document(&json!({})).to_string();
    for (said, good_for) in
        [("max-age=3600", 3600), ("no-store", 60), ("max-age=999999999", 86_400)]
    {
        stage.site.answer(PATH, 200, &format!("Cache-Control: {said}\r\n"), &body);
        stage.server.clock.advance_seconds(86_401);
        assert!(stage.is_known().await);
        let asked = stage.site.asked();
        stage.server.clock.advance_seconds(good_for - 1);
        assert!(stage.is_known().await);
        assert_eq!(stage.site.asked(), asked, "{said}");
        stage.server.clock.advance_seconds(1);
        assert!(stage.is_known().await);
        assert_eq!(stage.site.asked(), asked + 1, "{said}");
    }
}

async fn cimd_a_document_outlives_a_short_outage_and_no_withdrawal(store: Store) {
    let stage = Stage::set(store).await;
    stage.app().code("ada", &[]).await;
    stage.site.answer(PATH, 503, "", "");
    stage.server.clock.advance_seconds(901);
    assert!(stage.is_known().await);
    stage.server.clock.advance_seconds(86_400);
    assert!(!stage.is_known().await, "too long ago");
    stage.publish(&json!({}));
    stage.server.clock.advance_seconds(61);
    assert!(stage.is_known().await);
    stage.site.answer(PATH, 404, "", "");
    stage.server.clock.advance_seconds(901);
    assert!(!stage.is_known().await, "it is withdrawn");
}

async fn cimd_what_nobody_finds_is_not_asked_for_all_the_time(store: Store) {
    let stage = Stage::set(store).await;
    stage.site.answer(PATH, 404, "", "");
    for _ in 0..20 {
        assert!(!stage.is_known().await);
    }
    assert_eq!(stage.site.asked(), 1);
    for other in 0..60 {
        let id = format!("{}/app/{other}", stage.site.base);
        WebApp { id, ..stage.app() }.authorize(&[]).await.expect_error_page();
    }
    assert_eq!(stage.site.asked(), 30);
    stage.publish(&json!({}));
    stage.server.clock.advance_seconds(61);
    let racers: Vec<_> = (0..10).map(|_| stage.app()).collect();
    let racers = racers
        .into_iter()
        .map(|app| tokio::spawn(async move { app.authorize(&[]).await.has_id("login-submit") }));
    for racer in racers.collect::<Vec<_>>() {
        assert!(racer.await.expect("it ends"));
    }
    assert_eq!(stage.site.asked(), 31, "one of many asks");
}

async fn cimd_an_administrator_has_the_last_word(store: Store) {
    let stage = Stage::set(store).await;
    assert!(stage.is_known().await);
    let ground = stage.server.provider.ground();
    management::disable(&ground, &stage.id, system()).await.expect("it is there");
    stage.server.provider.forget();
    assert!(!stage.is_known().await);
    stage.server.clock.advance_seconds(901);
    stage.publish(&json!({ "client_name": "Renamed" }));
    assert!(!stage.is_known().await, "a new document does not switch it on");
    stage.server.user_with("root", |new| new.roles = vec!["admin".into()]).await;
    let agent = Agent::new(&stage.server);
    agent.sign_in("root").await;
    let list = agent.open("/admin/clients").await;
    let (_, rest) = list.body.split_once("/admin/clients/%7E").expect("a link to its page");
    let segment = rest.split('"').next().expect("a segment");
    let page = agent.open(&format!("/admin/clients/~{segment}")).await;
    assert!(page.status == 200 && page.body.contains(&stage.id), "{}", page.body);
}

async fn cimd_who_never_comes_is_removed(store: Store) {
    let stage = Stage::with(store, |config| {
        config.registration.document_hosts = vec!["localhost".into()];
        config.registration.unused_lifetime = Lifetime::hours(1);
    })
    .await;
    let body = stage.document(&json!({})).to_string();
    stage.site.answer(PATH, 200, "Cache-Control: max-age=86400\r\n", &body);
    assert!(stage.is_known().await);
    stage.server.clock.advance_seconds(3600);
    housekeeping::run_once(&stage.server.provider).await.expect("a database");
    let found = management::find(&stage.server.provider.ground(), &stage.id).await;
    assert!(found.expect("a database").is_none());
    // And is a client again when it comes, though its document was not old.
    assert!(stage.is_known().await);
    assert_eq!(stage.site.asked(), 2);
}
