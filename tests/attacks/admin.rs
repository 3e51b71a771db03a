//! P: the area of administrators.

use crate::support::test_server::system;
use crate::support::{Agent, Page, TestServer, WebApp, both};
use countersign::domain::clients::management;
use countersign::domain::federation::management::{self as upstreams, UpstreamDraft};
use countersign::domain::issuers::management::{self as issuers, IssuerDraft};
use countersign::domain::registration::initial_tokens::{self, NewToken};
use countersign::domain::resources::management::{self as resources, ResourceDraft};
use countersign::protocol::time::Lifetime;
use std::collections::BTreeSet;

/// Where the pages of the area are mounted, as it is written there.
const MOUNTED: &str = include_str!("../../src/http/admin/mod.rs");

/// Who may do what: method, pattern, and whether the sign-in has to be recent. A page that is not
/// here fails `ad_01_every_page_of_the_area_is_in_the_matrix`.
const MATRIX: [(&str, &str, Needs); 42] = [
    ("GET", "", Needs::Role),
    ("GET", "/users", Needs::Role),
    ("POST", "/users", Needs::RecentForRoles),
    ("GET", "/users/new", Needs::Role),
    ("GET", "/users/{id}", Needs::Role),
    ("POST", "/users/{id}", Needs::RecentForRoles),
    ("GET", "/users/{id}/block", Needs::Recent),
    ("POST", "/users/{id}/block", Needs::Recent),
    ("GET", "/users/{id}/unblock", Needs::Recent),
    ("POST", "/users/{id}/unblock", Needs::Recent),
    ("GET", "/users/{id}/revoke-tokens", Needs::Recent),
    ("POST", "/users/{id}/revoke-tokens", Needs::Recent),
    ("GET", "/users/{id}/sign-out", Needs::Recent),
    ("POST", "/users/{id}/sign-out", Needs::Recent),
    ("GET", "/users/{id}/delete", Needs::Recent),
    ("POST", "/users/{id}/delete", Needs::Recent),
    ("GET", "/users/{id}/set-password", Needs::Recent),
    ("POST", "/users/{id}/set-password", Needs::Recent),
    ("GET", "/users/{id}/sessions/{sid}/sign-out", Needs::Recent),
    ("POST", "/users/{id}/sessions/{sid}/sign-out", Needs::Recent),
    ("GET", "/clients", Needs::Role),
    ("POST", "/clients", Needs::Recent),
    ("GET", "/clients/new", Needs::Role),
    ("GET", "/clients/{id}", Needs::Role),
    ("POST", "/clients/{id}", Needs::Recent),
    ("GET", "/clients/{id}/settings", Needs::Role),
    ("POST", "/clients/{id}/settings", Needs::Recent),
    ("GET", "/clients/{id}/rotate-secret", Needs::Recent),
    ("POST", "/clients/{id}/rotate-secret", Needs::Recent),
    ("GET", "/clients/{id}/disable", Needs::Recent),
    ("POST", "/clients/{id}/disable", Needs::Recent),
    ("GET", "/clients/{id}/enable", Needs::Recent),
    ("POST", "/clients/{id}/enable", Needs::Recent),
    ("GET", "/clients/{id}/delete", Needs::Recent),
    ("POST", "/clients/{id}/delete", Needs::Recent),
    ("GET", "/clients/{id}/secrets/{secret}/retire", Needs::Recent),
    ("POST", "/clients/{id}/secrets/{secret}/retire", Needs::Recent),
    ("GET", "/keys", Needs::Role),
    ("GET", "/keys/rotate", Needs::Recent),
    ("POST", "/keys/rotate", Needs::Recent),
    ("GET", "/keys/{kid}/retire", Needs::Recent),
    ("POST", "/keys/{kid}/retire", Needs::Recent),
];

/// The pages of APIs.
const RESOURCES: [(&str, &str, Needs); 9] = [
    ("GET", "/resources", Needs::Role),
    ("POST", "/resources", Needs::Recent),
    ("GET", "/resources/new", Needs::Recent),
    ("GET", "/resources/{id}", Needs::Role),
    ("POST", "/resources/{id}", Needs::Recent),
    ("GET", "/resources/{id}/rotate-secret", Needs::Recent),
    ("POST", "/resources/{id}/rotate-secret", Needs::Recent),
    ("GET", "/resources/{id}/delete", Needs::Recent),
    ("POST", "/resources/{id}/delete", Needs::Recent),
];

/// The pages of other servers: those where people sign in, those that vouch for people, and clients
/// that register themselves.
const OTHERS: [(&str, &str, Needs); 20] = [
    ("GET", "/upstreams", Needs::Role),
    ("POST", "/upstreams", Needs::Recent),
    ("GET", "/upstreams/new", Needs::Recent),
    ("GET", "/upstreams/{slug}", Needs::Role),
    ("POST", "/upstreams/{slug}", Needs::Recent),
    ("GET", "/upstreams/{slug}/delete", Needs::Recent),
    ("POST", "/upstreams/{slug}/delete", Needs::Recent),
    ("GET", "/issuers", Needs::Role),
    ("POST", "/issuers", Needs::Recent),
    ("GET", "/issuers/new", Needs::Recent),
    ("GET", "/issuers/{id}", Needs::Role),
    ("POST", "/issuers/{id}", Needs::Recent),
    ("POST", "/issuers/{id}/subjects", Needs::Recent),
    ("GET", "/issuers/{id}/delete", Needs::Recent),
    ("POST", "/issuers/{id}/delete", Needs::Recent),
    ("GET", "/registration", Needs::Role),
    ("POST", "/registration", Needs::Recent),
    ("GET", "/registration/{id}/revoke", Needs::Recent),
    ("POST", "/registration/{id}/revoke", Needs::Recent),
    ("GET", "/preview", Needs::Role),
];

/// The pages of the log, which are read only.
const LOG: [(&str, &str, Needs); 3] = [
    ("GET", "/audit", Needs::Role),
    ("GET", "/audit.csv", Needs::Role),
    ("GET", "/audit.json", Needs::Role),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// The role of administrators.
    Role,
    /// The role, and a sign-in within ten minutes.
    Recent,
    /// As `Recent` when roles or groups change.
    RecentForRoles,
}

fn matrix() -> impl Iterator<Item = (&'static str, &'static str, Needs)> {
    MATRIX.into_iter().chain(RESOURCES).chain(OTHERS).chain(LOG)
}

/// The routes as the area mounts them: method and pattern, with each choice written out.
fn mounted() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let compact: String = MOUNTED.split_whitespace().collect();
    for piece in compact.split("resource(\"").skip(1) {
        let (pattern, rest) = piece.split_once('"').expect("a pattern ends");
        let routes = rest.split(".service(").next().unwrap_or_default();
        for (method, mark) in [("GET", ".route(get()"), ("POST", ".route(post()")] {
            for pattern in choices(pattern).iter().filter(|_| routes.contains(mark)) {
                assert!(found.insert((method.to_owned(), pattern.clone())), "{method} {pattern}");
            }
        }
        let other = [".route(web::", ".route(put()", ".to(", ".route(delete()"];
        let known =
            routes.matches(".route(get()").count() + routes.matches(".route(post()").count();
        assert_eq!(routes.matches(".to(").count(), known, "{pattern}: another kind than {other:?}");
    }
    found
}

/// `/x/{act:a|b}` is two patterns.
fn choices(pattern: &str) -> Vec<String> {
    let Some((before, rest)) = pattern.split_once("{act:") else { return vec![pattern.into()] };
    let (choices, after) = rest.split_once('}').expect("a choice ends");
    choices.split('|').map(|choice| format!("{before}{choice}{after}")).collect()
}

/// What the pages are about: made anew, so that one row cannot spoil the next.
struct Targets {
    user: String,
    sid: String,
    client: String,
    resource: String,
    upstream: String,
    issuer: String,
    initial_token: String,
    secret: String,
    kid: String,
}

impl Targets {
    async fn make(server: &TestServer, name: &str) -> Self {
        let user = server.user(name).await.user.id;
        let (id, now) = (user.clone(), server.provider.now());
        let app = WebApp::register(server).await;
        app.agent.sign_in(name).await;
        let sessions = server
            .provider
            .db
            .read(move |conn| countersign::storage::sessions::list_live_of_user(conn, &id, now));
        let ground = server.provider.ground();
        let secrets = management::secrets(&ground, &app.id).await.expect("it has secrets");
        let draft = ResourceDraft {
            identifier: format!("https://{name}.example"),
            name: name.into(),
            ..ResourceDraft::default()
        };
        let resource = resources::create(&ground, draft, None, system()).await;
        let (upstream, issuer, initial_token) = others(server, name).await;
        let jwks = app.http.get(server.url("/jwks")).send().await.expect("an answer");
        let jwks: serde_json::Value = jwks.json().await.expect("JSON");
        Self {
            user,
            sid: sessions.await.expect("it can be read")[0].sid.clone(),
            client: app.id,
            resource: resource.expect("an API can be made").resource.id,
            upstream,
            issuer,
            initial_token,
            secret: secrets[0].id.clone(),
            kid: jwks["keys"][0]["kid"].as_str().expect("a kid").to_owned(),
        }
    }

    fn fill(&self, pattern: &str) -> String {
        let id = match pattern {
            _ if pattern.starts_with("/users") => &self.user,
            _ if pattern.starts_with("/resources") => &self.resource,
            _ if pattern.starts_with("/issuers") => &self.issuer,
            _ if pattern.starts_with("/registration") => &self.initial_token,
            _ => &self.client,
        };
        let path = pattern.replace("{id}", id).replace("{sid}", &self.sid);
        let path = path.replace("{slug}", &self.upstream);
        format!("/admin{}", path.replace("{secret}", &self.secret).replace("{kid}", &self.kid))
    }
}

/// A provider to sign in at, an issuer that is trusted, and a token to register with.
async fn others(server: &TestServer, name: &str) -> (String, String, String) {
    let ground = server.provider.ground();
    let mut draft = UpstreamDraft { slug: name.into(), name: name.into(), ..Default::default() };
    draft.settings.issuer = format!("https://{name}.example");
    draft.settings.client_id = "we".into();
    let upstream = upstreams::create(&ground, draft, None, system()).await;
    let issuer = format!("https://{name}.example");
    let mut draft = IssuerDraft { issuer, name: name.into(), ..Default::default() };
    draft.settings.jwks_uri = Some(format!("https://{name}.example/jwks"));
    let issuer = issuers::create(&ground, draft, None, system()).await;
    let new = NewToken { label: name.into(), uses: 1, lifetime: Lifetime::hours(1) };
    let (_, token) = initial_tokens::create(&ground, new, system()).await.expect("a token");
    (upstream.expect("a provider").slug, issuer.expect("an issuer").id, token.id)
}

/// Asks as a browser would; a form comes with the token of a page of ours, and says little else.
async fn ask(agent: &Agent, method: &str, path: &str) -> Page {
    if method == "GET" {
        let query = if path == "/admin/keys/rotate" { "?algorithm=ES256" } else { "" };
        return agent.get(&format!("{path}{query}")).await;
    }
    let csrf = agent.get("/login?again=1").await.hidden("csrf");
    let form = [
        ("csrf", csrf.as_str()),
        ("roles", "auditor"),
        ("email", "new@example.org"),
        ("type", "web"),
        ("algorithm", "ES256"),
    ];
    agent.post(path, &form).await
}

fn leads_to_sign_in(page: &Page, again: bool) -> bool {
    let to = page.location().unwrap_or_default();
    page.status == 303 && to.starts_with("/login?next=%2Fadmin") && to.contains("again=1") == again
}

/// The page that a sign-in leads to.
fn next(page: &Page) -> String {
    let url = format!("http://localhost{}", page.location().unwrap_or_default());
    let url = url::Url::parse(&url).expect("an address");
    let next = url.query_pairs().find(|(name, _)| name == "next");
    next.map(|(_, next)| next.into_owned()).unwrap_or_default()
}

#[test]
fn ad_01_every_page_of_the_area_is_in_the_matrix() {
    let known: BTreeSet<_> =
        matrix().map(|(method, path, _)| (method.to_owned(), path.to_owned())).collect();
    assert_eq!(mounted(), known);
}

both! {
    async fn ad_01_strangers_and_plain_users_reach_no_page(server: TestServer) {
        let targets = Targets::make(&server, "target").await;
        server.user_with("ada", |new| new.roles = vec!["support".into(), "Admin".into()]).await;
        server.user_with("root", |new| new.roles = vec!["admin".into()]).await;
        let stranger = Agent::new(&server);
        let ada = Agent::new(&server);
        ada.sign_in("ada").await;
        let token = WebApp::register(&server).await.tokens("root", "openid").await.access_token;
        let paths = matrix().map(|(method, pattern, _)| (method, targets.fill(pattern)));
        let nowhere = ["GET", "POST"].map(|method| (method, "/admin/nowhere".to_owned()));
        for (method, path) in paths.chain(nowhere) {
            let page = ask(&stranger, method, &path).await;
            assert!(leads_to_sign_in(&page, false), "{method} {path}: {}", page.status);
            let page = ask(&ada, method, &path).await;
            assert_eq!((page.status, page.location()), (403, None), "{method} {path}");
            assert!(!page.body.contains("target@example.org"), "{method} {path}");

            let method = if method == "GET" { reqwest::Method::GET } else { reqwest::Method::POST };
            let bearer = stranger.http.request(method, server.url(&path)).bearer_auth(&token);
            let bearer = Page::read(bearer.send().await.expect("an answer")).await;
            assert!(leads_to_sign_in(&bearer, false), "{path}: a token is no session");
        }
    }

    async fn ad_01_what_is_sensitive_needs_a_recent_sign_in(server: TestServer) {
        server.user_with("root", |new| new.roles = vec!["admin".into()]).await;
        let targets = Targets::make(&server, "target").await;
        let root = Agent::new(&server);
        root.sign_in("root").await;
        server.clock.advance_seconds(601);
        let signed_in_again = Agent::new(&server);
        signed_in_again.sign_in("root").await;
        for (method, pattern, needs) in matrix() {
            let path = targets.fill(pattern);
            let page = ask(&root, method, &path).await;
            match needs {
                Needs::Role => assert_eq!(page.status, 200, "{method} {path}"),
                Needs::Recent | Needs::RecentForRoles => {
                    assert!(leads_to_sign_in(&page, true), "{method} {path}: {}", page.status);
                    let back = signed_in_again.get(&next(&page)).await;
                    assert_eq!(back.status, 200, "{method} {path}: there is no page to come back to");
                }
            }
        }
        let account = server.provider.ground();
        let account = countersign::domain::identity::users::find(&account, &targets.user).await;
        assert!(account.expect("it can be read").expect("it is there").roles.is_empty());
    }

    async fn ad_04_an_administrator_passes_and_a_foreign_form_does_not(server: TestServer) {
        server.user_with("root", |new| new.roles = vec!["admin".into()]).await;
        let root = Agent::new(&server);
        root.sign_in("root").await;
        for (number, (method, pattern, _)) in matrix().enumerate() {
            let targets = Targets::make(&server, &format!("target{number}")).await;
            let path = targets.fill(pattern);
            if method == "POST" {
                for csrf in [&[][..], &[("csrf", "AAAA")][..]] {
                    let page = root.post(&path, csrf).await;
                    assert!(matches!(page.status, 400 | 403), "{path}: {}", page.status);
                    assert!(page.location().is_none(), "{path}");
                }
            }
            let page = ask(&root, method, &path).await;
            let was_let_in = match method {
                "GET" => page.status == 200,
                _ => {
                    let to = page.location().unwrap_or_default();
                    (page.status == 303 && to.starts_with("/admin"))
                        || matches!(page.status, 200 | 400 | 409 | 422)
                }
            };
            assert!(was_let_in, "{method} {path}: {} {:?}", page.status, page.location());
        }
        for (method, path) in [("GET", "/admin/nowhere"), ("GET", "/admin/users/nobody")] {
            assert_eq!(ask(&root, method, path).await.status, 404);
        }
        assert_eq!(root.post("/admin/keys", &[]).await.status, 405);
    }
}

#[tokio::test]
async fn an_administrator_signs_one_browser_out_and_deletes_an_account() {
    let server = TestServer::start().await;
    server.user_with("root", |new| new.roles = vec!["admin".into()]).await;
    let ada = server.user("ada").await.user.id;
    let app = WebApp::register(&server).await;
    let here = app.tokens("ada", "openid").await;
    let elsewhere = app.in_another_browser();
    let there = elsewhere.tokens("ada", "openid").await;
    let root = Agent::new(&server);
    root.sign_in("root").await;

    let page = root.get(&format!("/admin/users/{ada}")).await;
    let links: Vec<&str> = page
        .body
        .split("href=\"")
        .skip(1)
        .filter_map(|it| it.split('"').next())
        .filter(|link| link.contains("/sessions/"))
        .collect();
    assert_eq!(links.len(), 2, "{links:?}");
    let sid = crate::support::crypto::claims(&here.access_token)["sid"].clone();
    let link = links.iter().find(|link| link.contains(sid.as_str().expect("a sid")));
    let link = *link.expect("each session has its own");
    let question = root.get(link).await;
    let refused = root.submit(&question, link, &[("reason", "")]).await;
    assert_eq!(refused.status, 422);
    assert!(app.is_active(&here.access_token).await);
    root.submit(&question, link, &[("reason", "lost laptop")]).await;
    assert!(!app.is_active(&here.access_token).await);
    assert!(app.is_active(&there.access_token).await);
    app.authorize(&[("prompt", "none")]).await.expect_refusal("login_required");
    assert!(elsewhere.authorize(&[("prompt", "none")]).await.expect_answer().has("code"));
    assert_eq!(root.get(link).await.status, 404, "it is over");

    let delete = format!("/admin/users/{ada}/delete");
    let question = root.get(&delete).await;
    assert_eq!(root.submit(&question, &delete, &[]).await.status, 422);
    let done = root.submit(&question, &delete, &[("reason", "asked for it")]).await;
    assert_eq!((done.status, done.url.path()), (200, "/admin/users"));
    assert!(!app.is_active(&there.access_token).await);
    elsewhere.authorize(&[("prompt", "none")]).await.expect_refusal("login_required");
    assert_eq!(root.get(&format!("/admin/users/{ada}")).await.status, 404);
    let log = root.get("/admin/audit.json?action=user.delete").await;
    assert!(log.body.contains("asked for it") && log.body.contains(&ada), "{}", log.body);

    let own =
        countersign::domain::identity::users::find_by_any_name(&server.provider.ground(), "root")
            .await
            .expect("it can be read")
            .expect("it is there");
    let itself = format!("/admin/users/{}/delete", own.user.id);
    let question = root.get(&itself).await;
    assert_eq!(root.submit(&question, &itself, &[("reason", "bye")]).await.status, 409, "AD-08");
}
