//! `idpyoidc` on Python: an OpenID relying party that registers itself.

use crate::stage::Stage;
use crate::support::registration::open;
use crate::support::test_server::PASSWORD;
use serde_json::json;

#[tokio::test]
async fn idpyoidc_registers_and_signs_a_person_in() {
    let stage = Stage::with(|config| {
        open(config);
        // It takes the scope that it is told for one word.
        config.registration.scope = "openid".parse().expect("a scope");
    })
    .await;
    let brief = json!({
        "issuer": stage.server.issuer(),
        "redirect_uri": "https://app.example/cb",
        "user": { "username": "ada", "password": PASSWORD },
    });
    stage.python_briefed("idpyoidc_flows.py", "register", brief).await;
}
