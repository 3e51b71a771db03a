//! J: DPoP proofs that are not what they should be (RFC 9449 §4.3, §11.1).

use crate::support::crypto::{encode, key};
use crate::support::dpop::{Prover, ath};
use crate::support::{Reply, TestServer, Tokens, WebApp, both};
use countersign::jose::{SigningAlgorithm, SigningKey};
use countersign::protocol::client::GrantType;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const FORM: [(&str, &str); 1] = [("grant_type", "client_credentials")];

async fn service(server: &TestServer) -> WebApp {
    WebApp::register_as(server, |draft| {
        draft.metadata.grant_types = vec![GrantType::ClientCredentials];
        draft.metadata.redirect_uris.clear();
    })
    .await
}

async fn send(app: &WebApp, proof: &str) -> Reply {
    app.token_with(&FORM, &[proof]).await
}

/// Signs good claims with these changes for the token endpoint.
fn changed(server: &TestServer, prover: &Prover, changes: Value) -> String {
    prover.sign(&Prover::claims(server, "POST", "/token", &changes))
}

/// A token of Ada's that is bound to a key.
async fn bound_token(server: &TestServer, app: &WebApp, prover: &Prover) -> Tokens {
    let code = app.log_in_and_consent("ada", "openid").await;
    app.redeem_with(&code, &prover.for_token(server)).await.expect_dpop()
}

both! {
    async fn dp_01_there_is_one_proof_and_it_is_a_token(server: TestServer) {
        let app = service(&server).await;
        let prover = Prover::new();
        let (one, two) = (prover.for_token(&server), prover.for_token(&server));
        app.token_with(&FORM, &[&one, &two]).await.expect(400, "invalid_dpop_proof");
        app.token_with(&FORM, &[&one, ""]).await.expect(400, "invalid_dpop_proof");
        for text in ["", "x", "a.b.c", "....", &format!("{one},{two}"), &format!("{one} {two}")] {
            send(&app, text).await.expect(400, "invalid_dpop_proof");
        }
        let long = send(&app, &"x".repeat(100_000)).await;
        assert!(matches!(long.status, 400 | 431), "{}", long.status);
        let bytes = reqwest::header::HeaderValue::from_bytes(b"\xff\xfe").expect("a header");
        let request = app.http.post(server.url("/token")).basic_auth(&app.id, Some(&app.secret));
        let reply = request.header("dpop", bytes).form(&FORM).send().await.expect("an answer");
        Reply::read(reply).await.expect(400, "invalid_dpop_proof");
        send(&app, &one).await.expect_dpop();
    }

    async fn dp_02_a_proof_says_what_it_is_and_is_signed_well(server: TestServer) {
        let app = service(&server).await;
        let prover = Prover::new();
        let claims = || Prover::claims(&server, "POST", "/token", &json!({}));
        for typ in [json!("JWT"), json!("at+jwt"), json!(""), json!(1), Value::Null] {
            let mut header = prover.header();
            header["typ"] = typ;
            send(&app, &prover.sign_as(&header, &claims())).await.expect(400, "invalid_dpop_proof");
        }
        for alg in ["none", "None", "HS256", "RS256", "ES384", ""] {
            let mut header = prover.header();
            header["alg"] = json!(alg);
            let signed = prover.sign_as(&header, &claims());
            let bare = format!("{}.{}.", encode(&header.to_string()), encode(&claims().to_string()));
            for proof in [signed, bare] {
                send(&app, &proof).await.expect(400, "invalid_dpop_proof");
            }
        }
        let rsa = Prover::with(SigningAlgorithm::RS256);
        send(&app, &rsa.for_token(&server)).await.expect(400, "invalid_dpop_proof");
        let public = prover.0.public_jwk().to_string();
        let hmac = SigningKey::from_secret(SigningAlgorithm::HS256, public.as_bytes()).expect("a key");
        let mut header = prover.header();
        header["alg"] = json!("HS256");
        let proof = hmac.sign_text(&encode(&header.to_string()), claims().to_string().as_bytes());
        send(&app, &proof.expect("signed")).await.expect(400, "invalid_dpop_proof");
        let mut header = prover.header();
        header["typ"] = json!("DPOP+JWT");
        send(&app, &prover.sign_as(&header, &claims())).await.expect_dpop();
    }

    async fn dp_03_the_key_in_a_proof_is_public_and_sound(server: TestServer) {
        let app = service(&server).await;
        let prover = Prover::new();
        let own = prover.0.public_jwk();
        let mut private = own.clone();
        private["d"] = json!("AAAA");
        let mut off_curve = own.clone();
        off_curve["y"] = own["x"].clone();
        let mut for_encryption = own.clone();
        for_encryption["use"] = json!("enc");
        let large = json!({ "kty": "RSA", "e": "AQAB", "n": "_".repeat(2731) });
        for jwk in [
            private, off_curve, for_encryption, large,
            key(SigningAlgorithm::ES256).public_jwk(),
            json!({ "kty": "oct", "k": "AAAA" }),
            json!({ "kty": "EC", "crv": "P-256" }),
            json!("key"), json!([]), Value::Null,
        ] {
            let mut header = prover.header();
            header["jwk"] = jwk.clone();
            let claims = Prover::claims(&server, "POST", "/token", &json!({}));
            let reply = send(&app, &prover.sign_as(&header, &claims)).await;
            assert_eq!((reply.status, &reply.json["error"]), (400, &json!("invalid_dpop_proof")), "{jwk}");
        }
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "kid": prover.jkt() });
        let claims = Prover::claims(&server, "POST", "/token", &json!({}));
        send(&app, &prover.sign_as(&header, &claims)).await.expect(400, "invalid_dpop_proof");
    }

    async fn dp_04_s19_a_proof_is_for_this_request(server: TestServer) {
        let app = service(&server).await;
        let prover = Prover::new();
        for htm in [json!("GET"), json!("post"), json!(""), json!(1), Value::Null] {
            let proof = changed(&server, &prover, json!({ "htm": htm }));
            send(&app, &proof).await.expect(400, "invalid_dpop_proof");
        }
        let issuer = server.issuer();
        for htu in [
            json!(format!("{issuer}/userinfo")), json!(format!("{issuer}/token/")),
            json!("https://evil.example/token"), json!("/token"), json!(""), json!(1), Value::Null,
            json!(format!("https{}/token", issuer.trim_start_matches("http"))),
        ] {
            let proof = changed(&server, &prover, json!({ "htu": htu }));
            send(&app, &proof).await.expect(400, "invalid_dpop_proof");
        }
        // The name in Host proves nothing.
        let proof = changed(&server, &prover, json!({ "htu": "http://localhost/token" }));
        let reply = app.call_with("/token", &FORM, &[("dpop", &proof), ("host", "localhost")]).await;
        reply.expect(400, "invalid_dpop_proof");
        for same in [
            format!("{issuer}/token?a=b#c"),
            format!("{issuer}/%74oken"),
            format!("HTTP{}/token", issuer.trim_start_matches("http")),
        ] {
            let proof = changed(&server, &prover, json!({ "htu": same }));
            send(&app, &proof).await.expect_dpop();
        }
    }

    async fn dp_05_s19_a_proof_is_of_now(server: TestServer) {
        let app = service(&server).await;
        let prover = Prover::new();
        let now = server.provider.now().as_unix();
        for iat in [
            json!(now - 360), json!(now + 360), json!(now - 3600), json!(now + 3600), Value::Null,
            json!("1763765000"), json!(1_763_765_000_000_i64), json!(1e300), json!(-1),
            json!(253_402_300_800_i64), json!(9_007_199_254_740_993_i64), json!([now]),
        ] {
            let proof = changed(&server, &prover, json!({ "iat": iat }));
            send(&app, &proof).await.expect(400, "invalid_dpop_proof");
        }
        for iat in [now - 10, now, now + 10] {
            let more = json!({ "iat": iat, "nbf": now, "exp": now + 5, "x": { "y": 1 } });
            send(&app, &changed(&server, &prover, more)).await.expect_dpop();
        }
    }

    async fn t_04_dp_05_a_proof_is_taken_from_a_clock_that_is_a_minute_off(server: TestServer) {
        let app = service(&server).await;
        let prover = Prover::new();
        let now = server.provider.now().as_unix();
        // Behind, the age of a proof counts, which may be five minutes.
        for (off, taken) in [(-60, true), (60, true), (61, false), (3600, false), (-301, false)] {
            let reply = send(&app, &changed(&server, &prover, json!({ "iat": now + off }))).await;
            match taken {
                true => drop(reply.expect_dpop()),
                false => reply.expect(400, "invalid_dpop_proof"),
            }
        }
    }

    async fn dp_06_a_proof_works_once_on_whatever_instance(server: TestServer) {
        let app = service(&server).await;
        let beside = server.beside_if_possible().await;
        let other = app.turned_to_other(beside.as_ref());
        let prover = Prover::new();
        let ahead = server.provider.now().as_unix() + 50;
        let proof = changed(&server, &prover, json!({ "iat": ahead }));
        send(&app, &proof).await.expect_dpop();
        for _ in 0..4 {
            send(&other, &proof).await.expect(400, "invalid_dpop_proof");
            send(&app, &proof).await.expect(400, "invalid_dpop_proof");
            server.clock.advance_seconds(100);
        }
    }

    async fn c_04_dp_06_of_two_hundred_replays_on_two_instances_one_is_taken(server: TestServer) {
        let app = service(&server).await;
        let beside = server.beside_if_possible().await;
        let other = app.turned_to_other(beside.as_ref());
        let proof = Prover::new().for_token(&server);
        let tasks = (0..200).map(|index| {
            let app = if index % 2 == 0 { app.clone() } else { other.clone() };
            let proof = proof.clone();
            async move { send(&app, &proof).await }
        });
        let replies = tasks.collect::<JoinSet<_>>().join_all().await;
        let winners = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(winners, 1);
        for reply in replies.iter().filter(|reply| reply.status != 200) {
            reply.expect(400, "invalid_dpop_proof");
        }
    }

    async fn dp_06_a_proof_for_a_resource_works_once(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let prover = Prover::new();
        let token = bound_token(&server, &app, &prover).await.access_token;
        let authorization = format!("DPoP {token}");
        let proof = prover.for_userinfo(&server, &token);
        assert_eq!(app.userinfo_with(&authorization, &[&proof]).await.status, 200);
        let reply = app.userinfo_with(&authorization, &[&proof]).await;
        reply.expect(401, "invalid_dpop_proof");
    }

    async fn dp_07_a_proof_has_a_jti_of_its_own_key(server: TestServer) {
        let app = service(&server).await;
        let (one, two) = (Prover::new(), Prover::new());
        for jti in [Value::Null, json!(""), json!(1), json!("x".repeat(257)), json!("x".repeat(8000))] {
            let proof = changed(&server, &one, json!({ "jti": jti }));
            let reply = send(&app, &proof).await;
            assert!(matches!(reply.status, 400 | 431), "{}", reply.text);
        }
        for prover in [&one, &two] {
            send(&app, &changed(&server, prover, json!({ "jti": "same" }))).await.expect_dpop();
        }
        let proof = changed(&server, &one, json!({ "jti": "same" }));
        send(&app, &proof).await.expect(400, "invalid_dpop_proof");
    }

    async fn dp_09_s17_s20_a_bound_token_is_good_with_its_key_alone(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let (own, other) = (Prover::new(), Prover::new());
        let token = bound_token(&server, &app, &own).await.access_token;
        let authorization = format!("DPoP {token}");
        let good = || own.for_userinfo(&server, &token);

        let downgraded = app.userinfo(&token).await;
        downgraded.expect(401, "invalid_token");
        let challenges: Vec<_> = downgraded.headers.get_all("www-authenticate").iter().collect();
        assert!(challenges.iter().any(|value| value.as_bytes().starts_with(b"DPoP")));
        let with_proof = app.userinfo_with(&format!("Bearer {token}"), &[&good()]).await;
        with_proof.expect(401, "invalid_token");
        let bare = app.userinfo_with(&authorization, &[]).await;
        bare.expect(401, "invalid_dpop_proof");
        assert!(bare.header("www-authenticate").contains(r#"algs="ES256 PS256 EdDSA""#));
        let twice = app.userinfo_with(&authorization, &[&good(), &good()]).await;
        twice.expect(401, "invalid_dpop_proof");
        let foreign = app.userinfo_with(&authorization, &[&other.for_userinfo(&server, &token)]).await;
        foreign.expect(401, "invalid_token");
        for ath in [Value::Null, json!(""), json!(ath("another")), json!(token), json!(1)] {
            let proof = own.sign(&Prover::claims(&server, "GET", "/userinfo", &json!({ "ath": ath })));
            app.userinfo_with(&authorization, &[&proof]).await.expect(401, "invalid_dpop_proof");
        }
        let for_token = own.for_token(&server);
        app.userinfo_with(&authorization, &[&for_token]).await.expect(401, "invalid_dpop_proof");
        let in_query = app.http.get(server.url(&format!("/userinfo?access_token={token}")));
        let reply = in_query.header("dpop", good()).send().await.expect("an answer");
        assert_eq!(reply.status().as_u16(), 401);
        let form = [("access_token", token.as_str())];
        let in_form = app.http.post(server.url("/userinfo")).header("dpop", good()).form(&form);
        assert_eq!(in_form.send().await.expect("an answer").status().as_u16(), 401);
        assert_eq!(app.userinfo_with(&authorization, &[&good()]).await.status, 200);
    }

    async fn dp_11_a_bad_proof_never_yields_a_bearer_token(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.log_in_and_consent("ada", "openid").await;
        app.redeem_with(&code, "nonsense").await.expect(400, "invalid_dpop_proof");
        let prover = Prover::new();
        let proof = prover.for_token(&server);
        // A proof with a wrong code is not used up, nor is the code by a bad proof.
        let wrong = crate::support::Code { value: "wrong".into(), ..code.clone() };
        app.redeem_with(&wrong, &proof).await.expect(400, "invalid_grant");
        app.redeem_with(&code, &proof).await.expect_dpop();
    }
}
