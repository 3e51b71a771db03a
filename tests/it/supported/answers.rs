//! What is listed about answers: what they carry, how they travel, how they are protected.

use super::{Stage, code};
use crate::support::crypto::{claims, header};
use crate::support::{Place, Reply, TestServer, WebApp};
use countersign::jose::{DecryptionKey, Expected, KeyManagement, SigningAlgorithm, gate};
use countersign::protocol::client::GrantType;
use serde_json::{Value, json};

/// The claims of a token that one of our published keys signed by an algorithm.
#[track_caller]
fn signed(server: &TestServer, token: &str, alg: &str) -> Value {
    assert_eq!(header(token)["alg"], alg);
    let expected =
        Expected::new(&["JWT", "token-introspection+jwt"], &SigningAlgorithm::ALL).or_absent();
    let unverified = gate(token, &expected).expect("a signed token");
    let keys = server.provider.keys.current();
    let kid = unverified.kid().expect("it names its key");
    unverified.verify(keys.verifying(kid).expect("a key of ours")).expect("it verifies");
    claims(token)
}

pub async fn response_type(stage: &Stage, response_type: &str) {
    let app = stage
        .client(|draft| {
            draft.metadata.response_types = vec!["code".into(), response_type.into()];
            draft.metadata.response_types.dedup();
            if response_type != "code" {
                draft.metadata.grant_types.push(GrantType::Implicit);
            }
        })
        .await;
    let asked = [("response_type", response_type), ("nonce", "n")];
    let answer = app.pass("ada", &asked).await;
    let has = |part: &str| response_type.split(' ').any(|word| word == part);
    assert_eq!(answer.has("code"), has("code"), "{answer:?}");
    assert_eq!(answer.has("id_token"), has("id_token"), "{answer:?}");
    assert_eq!(answer.has("access_token"), has("token"), "{answer:?}");
    if has("id_token") {
        assert_eq!(signed(stage.server(), answer.get("id_token"), "RS256")["nonce"], "n");
    }
    if has("token") {
        assert_eq!(app.userinfo(answer.get("access_token")).await.status, 200);
    }
    if has("code") {
        app.redeem(&code(answer.get("code"))).await.expect_tokens();
    }
}

pub async fn response_mode(stage: &Stage, mode: &str) {
    let app = &stage.app;
    let answer = app.pass("ada", &[("response_mode", mode)]).await;
    let (carrier, is_token) = match mode {
        "jwt" => ("query", true),
        other => (other.trim_end_matches(".jwt"), other.ends_with(".jwt")),
    };
    let place = match carrier {
        "query" => Place::Query,
        "fragment" => Place::Fragment,
        "form_post" => Place::Form,
        other => panic!("no case covers {other}"),
    };
    assert_eq!(answer.place, place, "{mode}");
    let value = match is_token {
        true => claims(answer.get("response"))["code"].as_str().unwrap_or_default().to_owned(),
        false => answer.get("code").to_owned(),
    };
    app.redeem(&code(&value)).await.expect_tokens();
}

pub async fn id_token_alg(stage: &Stage, alg: &str) {
    let app =
        stage.client(|draft| draft.metadata.id_token_signed_response_alg = Some(alg.into())).await;
    let tokens = app.tokens("ada", "openid").await;
    assert_eq!(signed(stage.server(), &tokens.id_token, alg)["aud"], *app.id);
}

pub async fn userinfo_alg(stage: &Stage, alg: &str) {
    let app =
        stage.client(|draft| draft.metadata.userinfo_signed_response_alg = Some(alg.into())).await;
    let tokens = app.tokens("ada", "openid").await;
    let reply = app.userinfo(&tokens.access_token).await;
    assert_eq!(reply.header("content-type"), "application/jwt");
    assert_eq!(signed(stage.server(), &reply.text, alg)["aud"], *app.id);
}

pub async fn jarm_alg(stage: &Stage, alg: &str) {
    let app = stage
        .client(|draft| {
            draft.metadata.requests.authorization_signed_response_alg = Some(alg.into());
        })
        .await;
    let answer = app.pass("ada", &[("response_mode", "jwt")]).await;
    assert!(signed(stage.server(), answer.get("response"), alg)["code"].is_string());
}

pub async fn introspection_alg(stage: &Stage, alg: &str) {
    let app = stage
        .client(|draft| {
            draft.metadata.introspection.introspection_signed_response_alg = Some(alg.into());
        })
        .await;
    let told = signed(stage.server(), &introspected(&app).await, alg);
    assert_eq!(told["token_introspection"]["active"], true);
}

/// What the client is told, by token (RFC 9701 §5), of an access token of its own.
async fn introspected(app: &WebApp) -> String {
    let accept = ("accept", "application/token-introspection+jwt");
    let token = app.tokens("ada", "openid").await.access_token;
    app.call_with("/introspect", &[("token", &token)], &[accept]).await.text
}

/// A token that comes encrypted, in the place that a member is about.
pub async fn encrypted(stage: &Stage, about: &str, alg: &str, enc: &str) {
    let alg: KeyManagement = alg.parse().expect("an algorithm");
    let own = DecryptionKey::generate(alg).expect("a key");
    let set = json!({ "keys": [own.public_jwk()] });
    let (named, by) = (Some(alg.as_str().to_owned()), Some(enc.to_owned()));
    let app = stage
        .client(|draft| {
            let metadata = &mut draft.metadata;
            metadata.jwks = Some(set);
            let place = match about {
                "id" => (
                    &mut metadata.id_token_encrypted_response_alg,
                    &mut metadata.id_token_encrypted_response_enc,
                ),
                "userinfo" => (
                    &mut metadata.userinfo_encrypted_response_alg,
                    &mut metadata.userinfo_encrypted_response_enc,
                ),
                "authorization" => (
                    &mut metadata.requests.authorization_encrypted_response_alg,
                    &mut metadata.requests.authorization_encrypted_response_enc,
                ),
                "introspection" => (
                    &mut metadata.introspection.introspection_encrypted_response_alg,
                    &mut metadata.introspection.introspection_encrypted_response_enc,
                ),
                other => panic!("no case covers the encryption of {other}"),
            };
            (*place.0, *place.1) = (named, by);
        })
        .await;
    let token = received(&app, about).await;
    let outer = header(&token);
    assert_eq!((&outer["alg"], &outer["enc"]), (&json!(alg.as_str()), &json!(enc)), "{about}");
    let opened = own.decrypt(&token, &[alg]).expect("it opens");
    let inside = std::str::from_utf8(&opened.plaintext).expect("text");
    let told = serde_json::from_str(inside).unwrap_or_else(|_| claims(inside));
    let told_of = match about {
        "authorization" => &told["code"],
        "introspection" => &told["token_introspection"]["sub"],
        _ => &told["sub"],
    };
    assert!(told_of.is_string(), "{about}: {told}");
}

/// The token of a place, as the client receives it.
async fn received(app: &WebApp, about: &str) -> String {
    if about == "authorization" {
        let answer = app.pass("ada", &[("response_mode", "jwt")]).await;
        return answer.get("response").to_owned();
    }
    if about == "introspection" {
        return introspected(app).await;
    }
    let tokens = app.tokens("ada", "openid").await;
    if about == "id" {
        return tokens.id_token;
    }
    let reply: Reply = app.userinfo(&tokens.access_token).await;
    assert_eq!(reply.header("content-type"), "application/jwt");
    reply.text
}
