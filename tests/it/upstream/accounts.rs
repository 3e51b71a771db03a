//! Whose account it is, and what an answer must be to be believed (OpenID Connect Core §5.7).

use super::{Two, both_of_two, is_signed_in, path_of};
use crate::support::crypto::claims;
use crate::support::test_server::{PASSWORD, system};
use crate::support::{Agent, Store, WebApp};
use countersign::domain::identity::users;
use serde_json::json;

both_of_two! { |_| {};
    async fn lg_16_an_account_there_is_linked_only_by_proof_of_the_account_here(two: Two) {
        let here = two.here.user("ada").await;
        // The same email address at both: it ties nothing.
        two.there.user("ada").await;
        let agent = Agent::new(&two.here);
        let back = two.back_from_there(&agent, "ada").await;
        let page = agent.open(&path_of(&back)).await;
        assert!(page.has_id("link-submit"), "{}", page.body);
        assert!(!page.has_id("link-create"), "nobody may sign up");
        assert!(!is_signed_in(&agent).await);
        let wrong = [("username", "ada"), ("password", "wrong"), ("decision", "link")];
        let refused = agent.submit(&page, "/login/upstream/other/link", &wrong).await;
        assert_eq!(refused.status, 422);
        assert!(!is_signed_in(&agent).await);
        let create = [("decision", "create")];
        let refused = agent.submit(&page, "/login/upstream/other/link", &create).await;
        assert_eq!(refused.status, 400);
        let right = [("username", "ada"), ("password", PASSWORD), ("decision", "link")];
        agent.submit(&page, "/login/upstream/other/link", &right).await;
        assert!(is_signed_in(&agent).await);
        // From now on the provider alone signs in, in any browser.
        let other = Agent::new(&two.here);
        let back = two.back_from_there(&other, "ada").await;
        other.open(&path_of(&back)).await;
        assert!(is_signed_in(&other).await);
        let app = WebApp { agent: other, ..WebApp::register(&two.here).await };
        let tokens = app.tokens("ada", "openid").await;
        assert_eq!(claims(&tokens.id_token)["sub"], *here.user.id);
        assert_eq!(claims(&tokens.id_token)["amr"], json!(["fed"]));
    }

    async fn a_sign_in_elsewhere_ends_at_the_app_that_asked(two: Two) {
        two.here.user("ada").await;
        two.there.user("ada").await;
        let app = WebApp::register(&two.here).await;
        let login = app.authorize(&[]).await;
        let link = login.body.split("href=\"/login/upstream/other?").nth(1).expect("it is offered");
        let link = crate::support::agent::unescape(link.split('"').next().expect("it ends"));
        let away = app.agent.get(&format!("/login/upstream/other?{link}")).await;
        let there = away.location().expect("it leads there").to_owned();
        let back = two.back_from(&there, "ada").await;
        let page = app.agent.open(&path_of(&back)).await;
        let form = [("username", "ada"), ("password", PASSWORD), ("decision", "link")];
        let page = app.agent.submit(&page, "/login/upstream/other/link", &form).await;
        let answer = app.agent.decide(&page, "allow").await.expect_answer();
        assert_eq!(answer.to, "https://app.example/cb");
        assert!(answer.has("code"));
    }

    async fn lg_16_an_answer_is_of_this_browser_and_taken_once(two: Two) {
        two.here.user("ada").await;
        two.there.user("ada").await;
        let agent = Agent::new(&two.here);
        two.link(&agent, "ada", "ada").await;
        // Somebody else's browser brings the answer.
        let (mine, theirs) = (Agent::new(&two.here), Agent::new(&two.here));
        let back = path_of(&two.back_from_there(&mine, "ada").await);
        two.back_from_there(&theirs, "ada").await;
        assert_eq!(theirs.open(&back).await.status, 400);
        assert!(!is_signed_in(&theirs).await);
        assert_eq!(Agent::new(&two.here).open(&back).await.status, 400);
        // Another state, and none.
        let (path, query) = back.split_once('?').expect("a query");
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        for state in [Some("other"), Some(""), None] {
            let pairs = pairs.iter().filter(|(name, _)| name != "state").cloned();
            let pairs = pairs.chain(state.map(|state| ("state".to_owned(), state.to_owned())));
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            let query = query.extend_pairs(pairs).finish();
            assert_eq!(mine.open(&format!("{path}?{query}")).await.status, 400, "{state:?}");
        }
        assert!(!is_signed_in(&mine).await);
        assert_eq!(mine.open(&back).await.status, 200);
        assert!(is_signed_in(&mine).await);
        // And never again.
        assert_eq!(mine.open(&back).await.status, 400);
    }

    async fn lg_16_an_answer_of_another_provider_is_refused(two: Two) {
        two.here.user("ada").await;
        two.there.user("ada").await;
        let agent = Agent::new(&two.here);
        let back = two.back_from_there(&agent, "ada").await;
        let issuer: String =
            url::form_urlencoded::byte_serialize(two.there.issuer().as_bytes()).collect();
        assert!(back.contains(&format!("iss={issuer}")));
        let mixed = back.replace(&issuer, "https%3A%2F%2Fevil.example");
        assert_eq!(agent.open(&path_of(&mixed)).await.status, 422);
        let agent = Agent::new(&two.here);
        let back = two.back_from_there(&agent, "ada").await;
        let without = back.replace(&format!("iss={issuer}"), "x=y");
        assert_eq!(agent.open(&path_of(&without)).await.status, 422);
        assert!(!is_signed_in(&agent).await);
    }

    async fn lg_16_the_link_is_by_issuer_and_subject_and_not_by_address(two: Two) {
        two.here.user("ada").await;
        two.here.user("grace").await;
        let there = two.there.user("ada").await;
        let agent = Agent::new(&two.here);
        two.link(&agent, "ada", "grace").await;
        // The address changes there; the person stays who they are here.
        let profile = users::Profile {
            email: "new@example.org".into(),
            ..users::Profile::of(&there.user)
        };
        let ground = two.there.provider.ground();
        users::update_profile(&ground, &there.user, profile, system()).await.expect("changed");
        let other = Agent::new(&two.here);
        let back = two.back_from_there(&other, "ada").await;
        other.open(&path_of(&back)).await;
        let account = other.get("/account").await;
        assert!(account.body.contains("grace@example.org"), "{}", account.body);
    }

    async fn lg_16_what_belongs_to_somebody_cannot_be_linked_by_another(two: Two) {
        two.here.user("ada").await;
        two.here.user("grace").await;
        two.there.user("ada").await;
        two.link(&Agent::new(&two.here), "ada", "ada").await;
        let grace = Agent::new(&two.here);
        grace.sign_in("grace").await;
        let page = grace.get("/account/security").await;
        let csrf = page.hidden("csrf");
        let away = grace.post("/account/linked/new/other", &[("csrf", &csrf)]).await;
        assert_eq!(away.status, 200, "{}", away.body);
        let there = away.header("refresh").split_once("url=").expect("it leads on").1.to_owned();
        let back = two.back_from(&there, "ada").await;
        let page = grace.open(&path_of(&back)).await;
        assert!(page.body.contains("Another person here uses that account"), "{}", page.body);
        assert!(!page.has_id("linked"));
    }

    async fn a_person_links_and_unlinks_on_the_security_page(two: Two) {
        two.here.user("ada").await;
        two.there.user("lovelace").await;
        let ada = Agent::new(&two.here);
        ada.sign_in("ada").await;
        let start = async || {
            let csrf = ada.get("/account/security").await.hidden("csrf");
            ada.post("/account/linked/new/other", &[("csrf", &csrf)]).await
        };
        let forged = ada.post("/account/linked/new/other", &[]).await;
        assert_eq!(forged.status, 403);
        let away = start().await;
        let there = away.header("refresh").split_once("url=").expect("it leads on").1.to_owned();
        let back = two.back_from(&there, "lovelace").await;
        let page = ada.open(&path_of(&back)).await;
        assert!(page.has_id("linked") && page.body.contains("lovelace@example.org"));
        let remove = page.body.split("href=\"/account/linked/").nth(1).expect("a way to undo it");
        let remove = format!("/account/linked/{}", remove.split('"').next().expect("it ends"));
        // Somebody else's link is not there for others.
        two.here.user("grace").await;
        let grace = Agent::new(&two.here);
        grace.sign_in("grace").await;
        assert_eq!(grace.get(&remove).await.status, 404);
        let csrf = grace.get("/account/security").await.hidden("csrf");
        assert_eq!(grace.post(&remove, &[("csrf", &csrf)]).await.status, 404);
        let asked = ada.get(&remove).await;
        let page = ada.submit(&asked, &remove, &[]).await;
        assert!(!page.has_id("linked"), "{}", page.body);
        // A sensitive act: not after a while without a fresh sign-in.
        two.here.clock.advance_seconds(11 * 60);
        two.there.clock.advance_seconds(11 * 60);
        let again = start().await;
        assert!(again.location().is_some_and(|to| to.starts_with("/login?")), "{:?}", again.headers);
    }

    async fn a_sign_in_there_is_as_old_as_it_was_there(two: Two) {
        two.here.user("ada").await;
        two.there.user("ada").await;
        two.link(&Agent::new(&two.here), "ada", "ada").await;
        let agent = Agent::new(&two.here);
        let other = Agent::at(&two.there.base);
        other.sign_in("ada").await;
        two.there.clock.advance_seconds(20 * 60);
        two.here.clock.advance_seconds(20 * 60);
        let away = agent.get("/login/upstream/other").await;
        let there = away.location().expect("it leads there").to_owned();
        assert!(!there.contains("prompt="), "{there}");
        let answer = other.open(&there).await.expect_answer();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(&answer.params).finish();
        agent.open(&format!("/login/upstream/other/callback?{query}")).await;
        assert!(is_signed_in(&agent).await);
        // What is sensitive asks for more, and then the provider is asked for a fresh sign-in.
        let csrf = agent.get("/account/security").await.hidden("csrf");
        let again = agent.post("/account/linked/new/other", &[("csrf", &csrf)]).await;
        assert!(again.location().is_some_and(|to| to.starts_with("/login?")), "{:?}", again.headers);
        let away = agent.get("/login/upstream/other").await;
        let there = away.location().expect("it leads there");
        assert!(there.contains("prompt=login"), "{there}");
    }

    async fn i4_a_provider_that_does_not_ask_anew_makes_no_sign_in_fresh(two: Two) {
        two.here.user("ada").await;
        two.there.user("ada").await;
        two.link(&Agent::new(&two.here), "ada", "ada").await;
        let app = WebApp::register(&two.here).await;
        let other = Agent::at(&two.there.base);
        other.sign_in("ada").await;
        two.there.clock.advance_seconds(20 * 60);
        two.here.clock.advance_seconds(20 * 60);
        for asked in [("max_age", "60"), ("prompt", "login")] {
            let login = app.authorize(&[asked]).await;
            let txn = login.expect_login().hidden("txn");
            let away = app.agent.get(&format!("/login/upstream/other?txn={txn}")).await;
            let mut there = url::Url::parse(away.location().expect("it leads there")).expect("one");
            let kept: Vec<(String, String)> = there
                .query_pairs()
                .filter(|(name, _)| !["prompt", "max_age"].contains(&&**name))
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect();
            there.query_pairs_mut().clear().extend_pairs(kept);
            let answer = other.open(there.as_str()).await.expect_answer();
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            let query = query.extend_pairs(&answer.params).finish();
            let page =
                app.agent.open(&format!("/login/upstream/other/callback?{query}")).await;
            page.expect_login();
        }
    }

    async fn a_blocked_person_is_not_let_in_by_others(two: Two) {
        let ada = two.here.user("ada").await;
        two.there.user("ada").await;
        two.link(&Agent::new(&two.here), "ada", "ada").await;
        two.here.block(&ada).await;
        let agent = Agent::new(&two.here);
        let back = two.back_from_there(&agent, "ada").await;
        let page = agent.open(&path_of(&back)).await;
        assert_eq!(page.status, 403);
        assert!(page.body.contains("blocked"));
        assert!(!is_signed_in(&agent).await);
    }

    async fn whoever_gives_up_there_is_back_at_the_sign_in_here(two: Two) {
        two.here.user("ada").await;
        let agent = Agent::new(&two.here);
        let away = agent.get("/login/upstream/other").await;
        let there = url::Url::parse(away.location().expect("it leads there")).expect("an address");
        let state = there.query_pairs().find(|(name, _)| name == "state").expect("a state").1;
        let issuer: String =
            url::form_urlencoded::byte_serialize(two.there.issuer().as_bytes()).collect();
        let refused = format!("error=access_denied&state={state}&iss={issuer}");
        let page = agent.open(&format!("/login/upstream/other/callback?{refused}")).await;
        assert_eq!(page.status, 422);
        assert!(page.has_id("login-submit") && page.body.contains("Other"));
        agent.log_in(&page, "ada").await;
        assert!(is_signed_in(&agent).await);
    }

    async fn a_provider_that_is_switched_off_is_not_there(two: Two) {
        let provider = &two.here.provider;
        let disabled = ["upstream", "update", "other", "--disabled", "--json"];
        assert_eq!(two.here.command(&disabled).await.expect_json()["disabled"], true);
        provider.upstreams.reload(&provider.db).await.expect("it can be read");
        let agent = Agent::new(&two.here);
        assert!(!agent.get("/login").await.body.contains("/login/upstream/"));
        for path in ["", "/callback?code=x&state=y"] {
            assert_eq!(agent.get(&format!("/login/upstream/other{path}")).await.status, 404);
        }
        assert_eq!(agent.get("/login/upstream/unknown").await.status, 404);
    }
}

both_of_two! { |settings| { settings.trust_email = true; settings.allow_sign_up = true; };
    async fn people_may_sign_up_through_a_provider_that_is_trusted(two: Two) {
        two.there.user("ada").await;
        let agent = Agent::new(&two.here);
        let back = two.back_from_there(&agent, "ada").await;
        let page = agent.open(&path_of(&back)).await;
        assert!(page.has_id("link-create"), "{}", page.body);
        let create = [("decision", "create")];
        agent.submit(&page, "/login/upstream/other/link", &create).await;
        let account = agent.get("/account").await;
        assert!(account.body.contains("ada@example.org"), "{}", account.body);
        // A second press makes no second account.
        let again = agent.submit(&page, "/login/upstream/other/link", &create).await;
        assert_eq!(again.status, 400);
        // The only way in stays.
        let security = agent.get("/account/security").await;
        let remove = security.body.split("href=\"/account/linked/").nth(1).expect("it is there");
        let remove = format!("/account/linked/{}", remove.split('"').next().expect("it ends"));
        let asked = agent.get(&remove).await;
        assert_eq!(agent.submit(&asked, &remove, &[]).await.status, 409);
    }

    async fn lg_16_nobody_signs_up_with_the_address_of_an_account(two: Two) {
        two.here.user("ada").await;
        two.there.user("ada").await;
        let agent = Agent::new(&two.here);
        let back = two.back_from_there(&agent, "ada").await;
        let page = agent.open(&path_of(&back)).await;
        let refused =
            agent.submit(&page, "/login/upstream/other/link", &[("decision", "create")]).await;
        assert_eq!(refused.status, 422);
        assert!(!is_signed_in(&agent).await);
    }

    async fn lg_16_an_address_that_is_not_verified_there_makes_no_account(two: Two) {
        two.there.user_with("ada", |new| new.email_verified = false).await;
        let agent = Agent::new(&two.here);
        let back = two.back_from_there(&agent, "ada").await;
        let page = agent.open(&path_of(&back)).await;
        assert!(page.has_id("link-submit") && !page.has_id("link-create"));
        let create = [("decision", "create")];
        assert_eq!(agent.submit(&page, "/login/upstream/other/link", &create).await.status, 400);
    }
}
