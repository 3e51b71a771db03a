//! Forms of administrators that make something with a secret, sent once and sent again.

use crate::support::{Agent, Page, TestServer, WebApp, both};
use countersign::domain::clients::management;
use countersign::protocol::client::Client;

const WIZARD: &str = "/admin/clients/new?type=";

/// Posts a form with what it hides.
async fn send(agent: &Agent, form: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
    let (csrf, once, kind) = (form.hidden("csrf"), form.hidden("once"), form.hidden("type"));
    let hidden = [("csrf", csrf.as_str()), ("once", once.as_str()), ("type", kind.as_str())];
    agent.post(path, &[&hidden, fields].concat()).await
}

/// The text of the element with the id `secret`.
fn secret(page: &Page) -> Option<&str> {
    page.body.split_once("id=\"secret\">")?.1.split('<').next()
}

async fn clients(server: &TestServer) -> Vec<Client> {
    let all = management::list(&server.provider.ground(), None, None, 100).await;
    all.expect("they can be read")
}

const SHOP: [(&str, &str); 3] =
    [("name", "Shop"), ("redirect_uris", "https://shop.example/cb"), ("scope", "openid")];

both! {
    async fn an_app_is_made_once_however_often_its_form_is_sent(server: TestServer) {
        let root = Agent::administrator(&server).await;
        let form = root.open(&format!("{WIZARD}web")).await;
        let made = send(&root, &form, "/admin/clients", &SHOP).await;
        assert!(made.status == 200 && secret(&made).is_some(), "{}", made.body);
        assert!(made.body.contains("client_secret_basic"), "{}", made.body);
        let before = clients(&server).await;
        for _ in 0..2 {
            let again = send(&root, &form, "/admin/clients", &SHOP).await;
            let id = &before[0].id;
            assert_eq!(again.location(), Some(format!("/admin/clients/{id}").as_str()));
            let shown = root.follow(again).await;
            assert!(shown.body.contains("sent before") && secret(&shown).is_none());
        }
        assert_eq!(clients(&server).await, before);
        let another = root.open(&format!("{WIZARD}web")).await;
        assert_eq!(send(&root, &another, "/admin/clients", &SHOP).await.status, 200);
        assert_eq!(clients(&server).await.len(), 2, "a new form makes another");
    }

    async fn an_app_of_the_administration_is_as_one_of_the_command_line(server: TestServer) {
        let root = Agent::administrator(&server).await;
        let (web, native) = ("https://shop.example/cb", "com.example.shop:/cb");
        let public = ["--public", "--redirect-uri"];
        let kinds: [(&str, &str, &[&str]); 4] = [
            ("web", web, &["--redirect-uri", web]),
            ("spa", web, &[public[0], public[1], web]),
            ("native", native, &[public[0], public[1], native, "--application-type", "native"]),
            ("machine", "", &["--grant-type", "client_credentials", "--scope", "api:read"]),
        ];
        for (kind, redirect, flags) in kinds {
            let form = root.open(&format!("{WIZARD}{kind}")).await;
            // What stands in the field unless it is changed.
            let scope = form.value("scope").filter(|scope| !scope.is_empty());
            let scope = scope.unwrap_or_else(|| "api:read".into());
            let typed = [("name", kind), ("redirect_uris", redirect), ("scope", &scope)];
            let before = clients(&server).await;
            let made = send(&root, &form, "/admin/clients", &typed).await;
            assert_eq!(made.status, 200, "{kind}: {}", made.body);
            let words = [&["client", "create", "--name", kind][..], flags].concat();
            server.command(&words).await.expect_done();
            let mut new = clients(&server).await;
            new.retain(|client| !before.contains(client));
            let [one, other] = &new[..] else { panic!("{kind}: {} new ones", new.len()) };
            assert_eq!(one.metadata, other.metadata, "{kind}");
            assert_eq!(one.policy, other.policy, "{kind}");
            assert_eq!(one.disabled, other.disabled, "{kind}");
        }
    }

    async fn an_app_cannot_choose_its_id_by_the_form(server: TestServer) {
        let root = Agent::administrator(&server).await;
        let form = root.open(&format!("{WIZARD}web")).await;
        let csrf = form.hidden("csrf");
        for once in ["shop", "../x", "", &"A".repeat(32)] {
            let fields = [&[("csrf", &*csrf), ("once", once), ("type", "web")], &SHOP[..]].concat();
            assert_eq!(root.post("/admin/clients", &fields).await.status, 200, "{once}");
        }
        assert!(clients(&server).await.iter().all(|client| client.id.len() == 32 && client.id != "A".repeat(32)));
    }

    async fn a_secret_is_renewed_once_however_often_its_form_is_sent(server: TestServer) {
        let root = Agent::administrator(&server).await;
        let app = WebApp::register(&server).await;
        let path = format!("/admin/clients/{}/rotate-secret", app.id);
        let form = root.open(&path).await;
        let made = send(&root, &form, &path, &[]).await;
        assert!(secret(&made).is_some(), "{}", made.body);
        let ground = server.provider.ground();
        let before = management::secrets(&ground, &app.id).await.expect("secrets");
        let again = send(&root, &form, &path, &[]).await;
        assert_eq!(again.location(), Some(format!("/admin/clients/{}", app.id).as_str()));
        let after = management::secrets(&ground, &app.id).await.expect("secrets");
        assert_eq!(before.len(), after.len());
        assert!(before.iter().zip(&after).all(|(before, after)| before.id == after.id));
    }

    async fn a_token_is_made_once_and_a_refused_form_can_be_sent_again(server: TestServer) {
        let root = Agent::administrator(&server).await;
        let page = "/admin/registration";
        let form = root.open(page).await;
        let wrong = send(&root, &form, page, &[("label", "x"), ("uses", "0"), ("hours", "1")]).await;
        assert_eq!(wrong.status, 422);
        let right = [("label", "partners"), ("uses", "2"), ("hours", "1")];
        let made = send(&root, &form, page, &right).await;
        assert!(secret(&made).is_some(), "{}", made.body);
        let again = send(&root, &form, page, &right).await;
        assert_eq!(again.location(), Some(page));
        let shown = root.follow(again).await;
        assert_eq!(shown.body.matches("/revoke\"").count(), 1, "{}", shown.body);
    }

    async fn a_machine_is_not_made_with_scopes_about_people(server: TestServer) {
        let root = Agent::administrator(&server).await;
        for scope in ["openid", "orders:read profile", "offline_access"] {
            let form = root.open(&format!("{WIZARD}machine")).await;
            let fields = [("name", "Nightly"), ("scope", scope)];
            let refused = send(&root, &form, "/admin/clients", &fields).await;
            assert!(refused.status == 422 && refused.has_id("scope-error"), "{scope}: {}", refused.body);
        }
        assert!(clients(&server).await.is_empty());
        let form = root.open(&format!("{WIZARD}machine")).await;
        let made = send(&root, &form, "/admin/clients", &[("name", "Nightly"), ("scope", "")]).await;
        assert!(made.status == 200 && !made.body.contains("-d scope"), "{}", made.body);
        // What no API declares may be meant for one that is to come.
        let form = root.open(&format!("{WIZARD}machine")).await;
        let made = send(&root, &form, "/admin/clients", &[("name", "B"), ("scope", "opneid")]).await;
        assert!(made.status == 200 && made.body.contains("-d scope"), "{}", made.body);
    }

    async fn the_command_line_warns_of_scopes_that_are_never_given(server: TestServer) {
        let machine = ["client", "create", "--name", "N", "--grant-type", "client_credentials", "--scope"];
        for (scope, warns) in [("openid orders:read", true), ("opneid", false)] {
            let ran = server.command(&[&machine[..], &[scope]].concat()).await;
            assert_eq!((ran.code, ran.stderr.contains("warning")), (0, warns), "{ran:?}");
        }
    }

    async fn what_is_typed_in_one_part_is_saved_with_the_others(server: TestServer) {
        let root = Agent::administrator(&server).await;
        let app = WebApp::register(&server).await;
        let path = format!("/admin/clients/{}", app.id);
        let before = server.stored(&app.id).await;
        let page = root.open(&path).await;
        let wrong = [("name", "Typed"), ("scope", "openid typed"), ("request_uris", "x:/y"), ("jwks", "{ 1")];
        let refused = root.change(&page, &path, &wrong).await;
        assert_eq!(refused.status, 422, "{}", refused.body);
        assert!(refused.has_id("request_uris-error") || refused.has_id("jwks-error"));
        for (field, typed) in wrong {
            assert!(refused.body.contains(typed), "{field}: {}", refused.body);
        }
        assert_eq!(server.stored(&app.id).await, before, "nothing was saved");
        let right = [
            ("name", "Typed"), ("scope", "openid typed"), ("dpop_bound_access_tokens", "1"),
            ("require_pushed_authorization_requests", "1"),
        ];
        assert_eq!(root.change(&page, &path, &right).await.location(), Some(&*path));
        let after = server.stored(&app.id).await;
        assert_eq!((&*after.name, &*after.metadata.scope.to_string()), ("Typed", "openid typed"));
        assert!(after.metadata.sender.dpop_bound_access_tokens);
        assert!(after.metadata.requests.require_pushed_authorization_requests);
        assert_eq!(after.metadata.redirect_uris, before.metadata.redirect_uris);
        assert_eq!(after.metadata.grant_types, before.metadata.grant_types);
    }

    async fn an_app_that_is_saved_as_it_was_leaves_no_entry(server: TestServer) {
        let root = Agent::administrator(&server).await;
        let app = WebApp::register(&server).await;
        let updates = "/admin/audit.json?action=client.update";
        let stored = management::find(&server.provider.ground(), &app.id).await;
        let stored = stored.expect("it can be read").expect("it is there");
        let addresses = stored.metadata.redirect_uris.join("\n");
        let after_logout = stored.metadata.post_logout_redirect_uris.join("\n");
        let fields = |name| [
            ("name", name), ("redirect_uris", addresses.as_str()),
            ("post_logout_redirect_uris", after_logout.as_str()),
        ];
        let saved = root.save(&app.id, "addresses", &fields(&stored.name)).await;
        assert_eq!(saved.status, 200, "{}", saved.body);
        assert_eq!(root.get(updates).await.body, "[]");
        root.save(&app.id, "addresses", &fields("Another")).await;
        assert!(root.get(updates).await.body.contains("changed: client_name"));
    }

    async fn an_app_that_wants_only_a_sign_in_says_so(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let login = app.authorize(&[("scope", "openid")]).await;
        let consent = app.agent.log_in(&login, "ada").await;
        consent.expect_consent();
        assert!(consent.body.contains("Know that it is you"), "{}", consent.body);
        let login = app.in_another_browser();
        let page = login.authorize(&[("scope", "openid email")]).await;
        let consent = login.agent.log_in(&page, "ada").await;
        assert!(!consent.body.contains("Know that it is you"), "{}", consent.body);
    }
}
