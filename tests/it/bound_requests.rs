//! Requests that are pushed in a request object (RFC 9126 §3) and bound to a DPoP key (RFC 9449
//! §10.1): by the object, or by the proof beside it.

use crate::support::dpop::Prover;
use crate::support::requests::{Signer, open, reference, with};
use crate::support::{Code, Reply, TestServer, VERIFIER, both};
use serde_json::json;

fn proof(server: &TestServer, prover: &Prover) -> String {
    prover.sign(&Prover::claims(server, "POST", "/par", &json!({})))
}

async fn push(signer: &Signer, form: &[(&str, &str)], proofs: &[&str]) -> Reply {
    let headers: Vec<_> = proofs.iter().map(|proof| ("dpop", *proof)).collect();
    signer.app.call_with("/par", form, &headers).await
}

/// A code for what was pushed.
async fn code(signer: &Signer, pushed: &Reply) -> Code {
    let page = open(&signer.app, &reference(pushed)).await;
    let value = signer.app.finish("ada", page).await.get("code").to_owned();
    Code { value, verifier: VERIFIER.into() }
}

/// The code is good with one key, and with no other.
async fn is_bound(server: &TestServer, signer: &Signer, code: &Code, own: &Prover) {
    signer.app.redeem(code).await.expect(400, "invalid_dpop_proof");
    let other = Prover::new().for_token(server);
    signer.app.redeem_with(code, &other).await.expect(400, "invalid_grant");
    signer.app.redeem_with(code, &own.for_token(server)).await.expect_dpop();
}

both! {
    async fn s21_a_proof_beside_a_request_object_binds_the_code(server: TestServer) {
        server.user("ada").await;
        let (signer, own) = (Signer::register(&server, |_| {}).await, Prover::new());
        let object = signer.object(&[]);
        let pushed = push(&signer, &[("request", &object)], &[&proof(&server, &own)]).await;
        is_bound(&server, &signer, &code(&signer, &pushed).await, &own).await;
    }

    async fn s21_dpop_jkt_in_a_request_object_binds_the_code(server: TestServer) {
        server.user("ada").await;
        let (signer, own) = (Signer::register(&server, |_| {}).await, Prover::new());
        let object = signer.object(&[("dpop_jkt", own.jkt())]);
        let pushed = push(&signer, &[("request", &object)], &[]).await;
        is_bound(&server, &signer, &code(&signer, &pushed).await, &own).await;
        let pushed = push(&signer, &[("request", &object)], &[&proof(&server, &own)]).await;
        is_bound(&server, &signer, &code(&signer, &pushed).await, &own).await;
    }

    async fn s21_a_proof_by_another_key_than_the_object_names_is_refused(server: TestServer) {
        let (signer, own) = (Signer::register(&server, |_| {}).await, Prover::new());
        let object = signer.object(&[("dpop_jkt", own.jkt())]);
        let form = [("request", &*object)];
        let other = proof(&server, &Prover::new());
        push(&signer, &form, &[&other]).await.expect(400, "invalid_dpop_proof");
        let twice = [&*proof(&server, &own), &proof(&server, &own)];
        push(&signer, &form, &twice).await.expect(400, "invalid_dpop_proof");
        let elsewhere = own.sign(&Prover::claims(&server, "POST", "/token", &json!({})));
        push(&signer, &form, &[&elsewhere]).await.expect(400, "invalid_dpop_proof");
        let broken = signer.sign(&with(&signer.claims(&[]), "dpop_jkt", json!("x")));
        push(&signer, &[("request", &broken)], &[]).await.expect(400, "invalid_request");
    }

    async fn x3_dpop_jkt_beside_a_request_object_does_not_count(server: TestServer) {
        server.user("ada").await;
        let (signer, other) = (Signer::register(&server, |_| {}).await, Prover::new());
        let object = signer.object(&[]);
        let form = [("request", &*object), ("dpop_jkt", other.jkt())];
        let pushed = push(&signer, &form, &[]).await;
        let code = code(&signer, &pushed).await;
        signer.app.redeem(&code).await.expect_tokens();
    }

    async fn dp_06_a_proof_for_a_push_works_once(server: TestServer) {
        let (signer, own) = (Signer::register(&server, |_| {}).await, Prover::new());
        let (object, proof) = (signer.object(&[]), proof(&server, &own));
        let form = [("request", &*object)];
        assert_eq!(push(&signer, &form, &[&proof]).await.status, 201);
        push(&signer, &form, &[&proof]).await.expect(400, "invalid_dpop_proof");
    }
}
