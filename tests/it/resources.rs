//! Resource indicators (RFC 8707): whom tokens are for, and what they look like then.

use crate::support::crypto::{claims, header};
use crate::support::test_server::system;
use crate::support::{Code, TestServer, WebApp, both};
use countersign::domain::resources::management::{self, Created, ResourceDraft};
use countersign::jose::{DecryptionKey, Expected, KeyManagement, SigningAlgorithm};
use countersign::jose::{SigningKey, gate};
use countersign::protocol::client::AccessTokenFormat::{Jwe, Jwt, Opaque};
use countersign::protocol::client::GrantType;
use countersign::protocol::resource::ResourceSettings;
use serde_json::{Value, json};

pub const ORDERS: &str = "https://orders.example";
pub const BILLS: &str = "https://bills.example/v1";

/// Makes a resource with these scopes.
pub async fn resource(
    server: &TestServer,
    identifier: &str,
    scopes: &[&str],
    change: impl FnOnce(&mut ResourceSettings),
) -> Created {
    let scope = |scope: &&str| ((*scope).to_owned(), format!("Words for {scope}"));
    let mut settings = ResourceSettings {
        scopes: scopes.iter().map(scope).collect(),
        ..ResourceSettings::default()
    };
    change(&mut settings);
    let draft = ResourceDraft { identifier: identifier.into(), name: "An API".into(), settings };
    let seal = server.provider.resources.seal();
    let made = management::create(&server.provider.ground(), draft, Some(seal), system()).await;
    made.expect("the resource can be made")
}

/// Orders and bills, and an app that may use both.
async fn shop(server: &TestServer) -> WebApp {
    server.user("ada").await;
    resource(server, ORDERS, &["orders:read", "orders:write"], |_| {}).await;
    resource(server, BILLS, &["bills:read"], |_| {}).await;
    WebApp::register_as(server, |draft| {
        let scope = "openid offline_access orders:read orders:write bills:read other:read";
        draft.metadata.scope = scope.parse().expect("a scope");
    })
    .await
}

const SCOPE: (&str, &str) =
    ("scope", "openid offline_access orders:read orders:write bills:read other:read");

/// A code for these resources.
async fn code(app: &WebApp, resources: &[&str]) -> Code {
    let mut extra = vec![SCOPE, ("prompt", "consent")];
    extra.extend(resources.iter().map(|resource| ("resource", *resource)));
    app.code("ada", &extra).await
}

both! {
    async fn a_scope_reads_alike_where_it_is_allowed_and_where_it_is_listed(server: TestServer) {
        let app = shop(&server).await;
        let login = app.authorize(&[SCOPE, ("claims", r#"{"userinfo":{"birthdate":null}}"#)]).await;
        let consent = app.agent.log_in(&login, "ada").await;
        app.agent.decide(&consent, "allow").await;
        let listed = app.agent.get("/account/apps").await;
        let words = ["Words for orders:read", "Words for bills:read", "“other:read”", "your birthdate"];
        for page in [&consent, &listed] {
            words.iter().for_each(|words| assert!(page.body.contains(words), "{}", page.body));
            assert!(!page.body.contains("“orders:read”"), "{}", page.body);
            assert!(!page.body.contains("claim:"), "{}", page.body);
        }
    }

    async fn tk_12_a_token_is_for_the_resource_and_has_its_scopes_alone(server: TestServer) {
        let app = shop(&server).await;
        let code = code(&app, &[ORDERS]).await;
        let tokens = app.redeem_for(&code, &[]).await.expect_tokens();
        let token = claims(&tokens.access_token);
        assert_eq!(token["aud"], ORDERS);
        assert_eq!(token["scope"], "orders:read orders:write");
        assert_eq!(tokens.scope, "orders:read orders:write");
        assert!(!tokens.id_token.is_empty(), "the sign-in was asked for all the same");
        assert_eq!(app.userinfo(&tokens.access_token).await.status, 401, "it is not for us");
        assert!(app.is_active(&tokens.access_token).await);
    }

    async fn tk_12_without_the_parameter_a_token_is_for_the_default_audience(server: TestServer) {
        let app = shop(&server).await;
        let code = code(&app, &[]).await;
        let tokens = app.redeem_for(&code, &[]).await.expect_tokens();
        assert_eq!(claims(&tokens.access_token)["aud"], server.issuer());
        assert!(tokens.scope.contains("orders:read") && tokens.scope.contains("openid"));
        assert_eq!(app.userinfo(&tokens.access_token).await.status, 200);
    }

    async fn tk_12_a_token_request_narrows_to_one_of_the_resources(server: TestServer) {
        let app = shop(&server).await;
        let code = code(&app, &[ORDERS, BILLS, server.issuer()]).await;
        let first = app.redeem_for(&code, &[("resource", BILLS)]).await.expect_tokens();
        let token = claims(&first.access_token);
        assert_eq!((&token["aud"], &token["scope"]), (&json!(BILLS), &json!("bills:read")));

        let narrow = [("resource", ORDERS), ("scope", "openid orders:read")];
        let second = app.refresh_for(&first.refresh_token, &narrow).await.expect_tokens();
        let token = claims(&second.access_token);
        assert_eq!((&token["aud"], &token["scope"]), (&json!(ORDERS), &json!("orders:read")));

        let all = app.refresh_for(&second.refresh_token, &[]).await.expect_tokens();
        let audience = json!([server.issuer(), ORDERS, BILLS]);
        assert_eq!(claims(&all.access_token)["aud"], audience, "the ceiling stays");
        assert_eq!(app.userinfo(&all.access_token).await.status, 200);
        let issuer = [("resource", server.issuer())];
        let ours = app.refresh_for(&all.refresh_token, &issuer).await.expect_tokens();
        assert_eq!(claims(&ours.access_token)["aud"], server.issuer());
    }

    async fn tk_12_a_resource_that_was_not_granted_is_no_target(server: TestServer) {
        let app = shop(&server).await;
        let code = code(&app, &[ORDERS]).await;
        for other in [BILLS, server.issuer(), "https://orders.example/", "https://ORDERS.example"] {
            let both = [("resource", ORDERS), ("resource", other)];
            app.redeem_for(&code, &[("resource", other)]).await.expect(400, "invalid_target");
            app.redeem_for(&code, &both).await.expect(400, "invalid_target");
        }
        let tokens = app.redeem_for(&code, &[]).await.expect_tokens();
        let again = app.refresh_for(&tokens.refresh_token, &[("resource", BILLS)]).await;
        again.expect(400, "invalid_target");
        app.refresh_for(&tokens.refresh_token, &[]).await.expect_tokens();
    }

    async fn az_20_only_resources_of_the_client_are_targets(server: TestServer) {
        let app = shop(&server).await;
        resource(&server, "https://secret.example", &["secret:read"], |_| {}).await;
        let many: Vec<String> = (0..11).map(|n| format!("https://orders.example/{n}")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|one| ("resource", one.as_str())).collect();
        for other in
            ["https://secret.example", "relative", "https://orders.example#f", "//orders.example", " "]
        {
            app.authorize(&[("resource", other)]).await.expect_refusal("invalid_target");
            let both = [("resource", ORDERS), ("resource", other)];
            app.authorize(&both).await.expect_refusal("invalid_target");
        }
        app.authorize(&many).await.expect_refusal("invalid_target");
        app.authorize(&[("resource", ORDERS)]).await.expect_login();
    }

    async fn az_20_a_list_of_the_client_stands_above_its_scopes(server: TestServer) {
        shop(&server).await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.scope = "openid orders:read bills:read".parse().expect("a scope");
            draft.policy.allowed_resources = vec![BILLS.into()];
        })
        .await;
        app.authorize(&[("resource", ORDERS)]).await.expect_refusal("invalid_target");
        app.authorize(&[("resource", BILLS)]).await.expect_login();
    }

    async fn tk_12_a_service_names_the_resource_it_calls(server: TestServer) {
        shop(&server).await;
        let service = WebApp::register_service(&server).await;
        let form = [("grant_type", "client_credentials"), ("resource", ORDERS)];
        let tokens = service.token(&form).await.expect_tokens();
        assert_eq!(claims(&tokens.access_token)["aud"], ORDERS);
        let form = [("grant_type", "client_credentials"), ("resource", BILLS)];
        service.token(&form).await.expect(400, "invalid_target");
    }

    async fn a_resource_decides_the_format_and_life_of_its_tokens(server: TestServer) {
        let app = shop(&server).await;
        let ground = server.provider.ground();
        let read = DecryptionKey::generate(KeyManagement::EcdhEs).expect("a key");
        for (format, alg, life) in [(Jwt, "PS256", 60), (Opaque, "ES256", 90), (Jwe, "EdDSA", 120)] {
            let found = management::find(&ground, ORDERS).await.expect("a database");
            let before = found.expect("a resource");
            let settings = ResourceSettings {
                token_format: format,
                token_signed_alg: Some(alg.into()),
                token_lifetime: Some(life),
                token_encryption_jwk: Some(read.public_jwk()),
                token_encryption_enc: Some("A128GCM".into()),
                ..before.settings.clone()
            };
            let draft = ResourceDraft { settings, name: before.name.clone(), ..Default::default() };
            let done = management::update(&ground, &before.id, draft, None, system()).await;
            done.expect("it can be changed");
            server.settle().await;
            let code = code(&app, &[ORDERS]).await;
            let tokens = app.redeem_for(&code, &[]).await.expect_tokens();
            assert_eq!(tokens.expires_in, u64::from(life));
            let about = app.introspect(&tokens.access_token).await;
            assert_eq!((&about["active"], &about["aud"]), (&json!(true), &json!(ORDERS)));
            let signed = match format {
                Jwt => tokens.access_token,
                Jwe => {
                    assert_eq!(header(&tokens.access_token)["enc"], "A128GCM");
                    let opened = read.decrypt(&tokens.access_token, &KeyManagement::PUBLIC);
                    opened.expect("it opens").jwt().expect("signed").to_owned()
                }
                Opaque => continue,
            };
            assert_eq!((&header(&signed)["alg"], &claims(&signed)["aud"]), (&json!(alg), &json!(ORDERS)));
        }
    }

    async fn a_shared_secret_signs_and_encrypts_for_its_resource_alone(server: TestServer) {
        let app = shop(&server).await;
        let vault = "https://vault.example";
        let made = resource(&server, vault, &["other:read"], |settings| {
            settings.token_format = Jwe;
            settings.token_signed_alg = Some("HS256".into());
            settings.token_encryption_alg = Some("A256KW".into());
        })
        .await;
        let secret = made.secret.expect("it is shown once");
        let code = code(&app, &[vault]).await;
        let tokens = app.redeem_for(&code, &[]).await.expect_tokens();
        let enc = countersign::jose::ContentEncryption::A256Gcm;
        let key = DecryptionKey::from_secret(secret.as_bytes(), KeyManagement::A256Kw, enc);
        let opened = key.expect("a key").decrypt(&tokens.access_token, &[KeyManagement::A256Kw]);
        let signed = opened.expect("it opens").jwt().expect("signed").to_owned();
        let key = SigningKey::from_secret(SigningAlgorithm::HS256, secret.as_bytes());
        let expected = Expected::new(&["at+jwt"], &[SigningAlgorithm::HS256]);
        let read = gate(&signed, &expected).expect("a token");
        read.verify(&key.expect("a key").verifier()).expect("signed with the secret");
        assert!(app.is_active(&tokens.access_token).await);
        assert_eq!(app.revoke(&tokens.access_token).await.status, 200);
        assert!(!app.is_active(&tokens.access_token).await);
    }

    async fn a_token_under_a_shared_secret_is_known_by_its_hash_alone(server: TestServer) {
        let app = shop(&server).await;
        let vault = "https://vault.example";
        let made = resource(&server, vault, &["other:read"], |settings| {
            settings.token_signed_alg = Some("HS256".into());
        })
        .await;
        let code = code(&app, &[vault]).await;
        let token = app.redeem_for(&code, &[]).await.expect_tokens().access_token;
        assert_eq!(app.introspect(&token).await["aud"], vault);
        // Whoever has the secret can sign, but what they sign is nothing to us.
        let secret = made.secret.expect("it is shown once");
        let key = SigningKey::from_secret(SigningAlgorithm::HS256, secret.as_bytes());
        let mut forged = claims(&token);
        forged["aud"] = json!(server.issuer());
        forged["scope"] = json!("openid");
        let forged = key.expect("a key").sign(countersign::jose::Typ::AccessToken, &forged);
        let forged = forged.expect("it can be signed");
        assert!(!app.is_active(&forged).await);
        assert_eq!(app.userinfo(&forged).await.status, 401);
    }

    async fn tk_12_tokens_that_differ_are_asked_for_one_at_a_time(server: TestServer) {
        let app = shop(&server).await;
        let vault = "https://vault.example";
        resource(&server, vault, &["other:read"], |settings| settings.token_format = Opaque).await;
        let code = code(&app, &[ORDERS, vault]).await;
        app.redeem_for(&code, &[]).await.expect(400, "invalid_target");
        let tokens = app.redeem_for(&code, &[("resource", vault)]).await.expect_tokens();
        assert_eq!(tokens.access_token.len(), 43);
        let orders = app.refresh_for(&tokens.refresh_token, &[("resource", ORDERS)]).await;
        assert_eq!(claims(&orders.expect_tokens().access_token)["aud"], ORDERS);
    }

    async fn in_01_the_server_of_a_resource_sees_its_tokens_alone(server: TestServer) {
        let app = shop(&server).await;
        let serving = |resources: &'static [&'static str]| {
            WebApp::register_as(&server, move |draft| {
                draft.metadata.grant_types = vec![GrantType::ClientCredentials];
                draft.metadata.redirect_uris.clear();
                draft.metadata.scope = Default::default();
                draft.policy.resource_server_of =
                    resources.iter().map(|&resource| resource.to_owned()).collect();
            })
        };
        let (orders, bills) = (serving(&[ORDERS]).await, serving(&[BILLS]).await);
        let service = serving(&[]).await;
        let code_for_orders = code(&app, &[ORDERS]).await;
        let token = app.redeem_for(&code_for_orders, &[]).await.expect_tokens().access_token;
        assert_eq!(orders.introspect(&token).await["aud"], ORDERS);
        for other in [&bills, &service] {
            assert_eq!(other.introspect(&token).await, json!({"active": false}));
        }
        let default_code = code(&app, &[]).await;
        let token = app.redeem_for(&default_code, &[]).await.expect_tokens().access_token;
        assert!(service.is_active(&token).await);
        for other in [&orders, &bills] {
            assert!(!other.is_active(&token).await);
        }
    }

    async fn a_change_of_a_resource_holds_at_once_and_everywhere(server: TestServer) {
        let app = shop(&server).await;
        let other = server.beside_if_possible().await;
        let there = app.turned_to_other(other.as_ref());
        let first = code(&app, &[ORDERS]).await;
        let tokens = there.redeem_for(&first, &[]).await.expect_tokens();
        let ground = server.provider.ground();
        let found = management::find(&ground, ORDERS).await.expect("a database");
        let gone = management::delete(&ground, &found.expect("it is there").id, system()).await;
        gone.expect("it can be deleted");
        server.settle().await;
        for app in [&app, &there] {
            app.authorize(&[("resource", ORDERS)]).await.expect_refusal("invalid_target");
            let reply = app.refresh(&tokens.refresh_token).await;
            reply.expect(400, "invalid_target");
        }
    }

    async fn the_consent_page_says_what_a_scope_means(server: TestServer) {
        let app = shop(&server).await;
        let page = app.authorize(&[SCOPE, ("resource", ORDERS)]).await;
        let page = app.agent.log_in(&page, "ada").await;
        page.expect_consent();
        assert!(page.body.contains("Words for orders:read"), "{}", page.body);
        assert!(page.body.contains("other:read"), "a scope without words is named as it is");
    }

    async fn the_consent_page_says_it_in_the_language_of_the_person(server: TestServer) {
        server.user("ada").await;
        let settings = |settings: &mut ResourceSettings| {
            let written = [("orders:read", "See your orders"), ("orders:read#de", "Ihre Käufe sehen")];
            let words = |(name, words): (&str, &str)| (name.to_owned(), words.to_owned());
            settings.set_scopes(written.map(words).into_iter().chain([words(("orders:write", "Buy"))]));
        };
        resource(&server, ORDERS, &[], settings).await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.scope = "openid orders:read orders:write".parse().expect("a scope");
        })
        .await;
        let languages = [("de", "Ihre Käufe sehen", "See your orders"), ("fr en", "See your orders", "Käufe")];
        for (locale, said, not_said) in languages {
            let app = app.in_another_browser();
            let scope = ("scope", "openid orders:read orders:write");
            let asked = [scope, ("resource", ORDERS), ("ui_locales", locale)];
            let page = app.agent.log_in(&app.authorize(&asked).await, "ada").await;
            page.expect_consent();
            assert!(page.body.contains(said) && page.body.contains("Buy"), "{locale}: {}", page.body);
            assert!(!page.body.contains(not_said) && !page.body.contains("#de"), "{locale}");
        }
        let document = app.http.get(format!("{}/.well-known/openid-configuration", app.base)).send();
        let document = document.await.expect("an answer").text().await.expect("text");
        assert!(!document.contains("#de"), "{document}");
    }
}

/// What the metadata says of audiences nobody has to guess: the default one is the issuer.
#[tokio::test]
async fn a_default_audience_of_ones_own_is_a_target_too() {
    let server = TestServer::with(|config| {
        config.tokens.default_audience = Some("https://api.example".into());
    })
    .await;
    let service = WebApp::register_service(&server).await;
    let form = [("grant_type", "client_credentials"), ("resource", "https://api.example")];
    let tokens = service.token(&form).await.expect_tokens();
    let claims: Value = claims(&tokens.access_token);
    assert_eq!(claims["aud"], "https://api.example");
    let form = [("grant_type", "client_credentials"), ("resource", server.issuer())];
    service.token(&form).await.expect(400, "invalid_target");
}
