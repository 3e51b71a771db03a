//! Two administrators at the same page: one undoes nothing that the other has saved meanwhile.

use crate::support::landscape::ORDERS;
use crate::support::{Agent, TestServer, WebApp, both, form};
use countersign::domain::clients::management;
use countersign::domain::identity::users;
use countersign::domain::issuers::management as issuers;
use countersign::domain::resources::management as resources;
use serde_json::Value;

const PARTNER: &str = "https://partner.example";
const KEYS: &str = "https://partner.example/jwks";
const CALLBACK: &str = "https://app.example/new";

/// A form, a field that one changes in it and one that the other changes.
type Page<'a> = (String, (&'a str, &'a str), (&'a str, &'a str));

/// Makes one of each that has a form, by the command line, and says where the forms are.
async fn pages(server: &TestServer) -> Vec<Page<'static>> {
    let app = format!("/admin/clients/{}", WebApp::register(server).await.id);
    for made in [
        &["resource", "create", "--identifier", ORDERS, "--name", "Orders"][..],
        &[
            "issuer",
            "create",
            "--issuer",
            PARTNER,
            "--name",
            "P",
            "--jwks-uri",
            KEYS,
            "--client",
            "import",
        ],
        &["upstream", "create", "corp", "--name", "Corp", "--issuer", PARTNER, "--client-id", "x"],
    ] {
        server.command(&[made, &["--json"]].concat()).await.expect_json();
    }
    let ground = server.provider.ground();
    let resource = resources::find(&ground, ORDERS).await.expect("a database").expect("made").id;
    let issuer = issuers::find(&ground, PARTNER).await.expect("a database").expect("made").id;
    let person = server.user("ada").await.user.id;
    vec![
        (app.clone(), ("scope", "email openid"), ("redirect_uris", CALLBACK)),
        (
            format!("{app}/settings"),
            ("policy_uri", "https://app.example/mine"),
            ("tos_uri", CALLBACK),
        ),
        (format!("/admin/users/{person}"), ("name", "Ada L."), ("groups", "staff")),
        (format!("/admin/resources/{resource}"), ("token_lifetime", "120"), ("name", "Theirs")),
        (format!("/admin/issuers/{issuer}"), ("clients", "import\nexport"), ("name", "Theirs")),
        ("/admin/upstreams/corp".to_owned(), ("scope", "openid mine"), ("name", "Theirs")),
    ]
}

both! {
    async fn what_was_saved_after_a_form_was_opened_is_not_undone_unawares(server: TestServer) {
        let root = Agent::administrator(&server).await;
        for (path, mine, theirs) in pages(&server).await {
            let opened = root.open(&path).await;
            let first = root.change(&opened, &path, &[theirs]).await;
            assert_eq!(first.status, 303, "{path}: {}", first.body);
            let stored = form::fields(&root.open(&path).await.body, &path, "");
            let late = root.change(&opened, &path, &[mine]).await;
            assert_eq!(late.status, 422, "{path}: {}", late.body);
            assert!(late.body.contains("Something else was saved"), "{path}: {}", late.body);
            let typed = form::fields(&late.body, &path, "");
            assert!(typed.contains(&(mine.0.into(), mine.1.into())), "{path}: {typed:?}");
            let now = form::fields(&root.open(&path).await.body, &path, "");
            assert_eq!(now, stored, "{path}: nothing is undone");
            // Who was told, and saves all the same, means it.
            assert_eq!(root.change(&late, &path, &[]).await.status, 303, "{path}");
            let now = form::fields(&root.open(&path).await.body, &path, "");
            assert!(now.contains(&(mine.0.into(), mine.1.into())), "{path}: {now:?}");
        }
    }

    async fn a_role_that_was_taken_away_does_not_come_back_with_a_page_that_was_open(server: TestServer) {
        let root = Agent::administrator(&server).await;
        let ground = server.provider.ground();
        let person = server.user_with("mallory", |new| new.roles = vec!["editor".into()]).await;
        let path = format!("/admin/users/{}", person.user.id);
        let opened = root.open(&path).await;
        let taken = root.change(&root.open(&path).await, &path, &[("roles", "")]).await;
        assert_eq!(taken.status, 303);
        assert_eq!(root.change(&opened, &path, &[("name", "M.")]).await.status, 422);
        let stored = users::find(&ground, &person.user.id).await.expect("a database").expect("there");
        assert!(stored.roles.is_empty(), "{:?}", stored.roles);
    }

    async fn settings_saved_on_one_page_are_no_reason_to_refuse_the_other(server: TestServer) {
        let root = Agent::administrator(&server).await;
        let app = WebApp::register(&server).await;
        let page = format!("/admin/clients/{}", app.id);
        let opened = root.open(&page).await;
        let settings = format!("{page}/settings");
        let shown = root.open(&settings).await;
        let terms = [("tos_uri", "https://app.example/t")];
        assert_eq!(root.change(&shown, &settings, &terms).await.status, 303);
        assert_eq!(root.change(&opened, &page, &[("name", "Renamed")]).await.status, 303);
        let stored = server.stored(&app.id).await;
        assert_eq!(stored.name, "Renamed");
        let members = management::members(&stored);
        assert_eq!(members.get("tos_uri").and_then(Value::as_str), Some(terms[0].1));
    }

    async fn of_two_who_save_the_same_page_at_once_one_is_told(server: TestServer) {
        let root = Agent::administrator(&server).await;
        let app = WebApp::register(&server).await;
        let path = format!("/admin/clients/{}", app.id);
        for round in 0..10 {
            let opened = root.open(&path).await;
            let (name, scope) = (format!("Name {round}"), format!("openid s{round}"));
            let (named, scoped) = ([("name", name.as_str())], [("scope", scope.as_str())]);
            let (one, other) =
                tokio::join!(root.change(&opened, &path, &named), root.change(&opened, &path, &scoped));
            let mut saved = [one, other];
            saved.sort_unstable_by_key(|page| page.status);
            assert_eq!(saved.each_ref().map(|page| page.status), [303, 422], "round {round}");
            let stored = server.stored(&app.id).await;
            // Whoever was told has seen what is stored, and needs no third attempt.
            let form = form::fields(&root.open(&path).await.body, &path, "");
            assert!(form.contains(&("version".into(), saved[1].hidden("version"))), "{round}");
            let kept = [stored.name == name, stored.metadata.scope.to_string() == scope];
            assert_eq!(kept.iter().filter(|kept| **kept).count(), 1, "round {round}");
        }
    }
}
