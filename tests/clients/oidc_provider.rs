//! `oidc-provider` 9 on Node, as a provider at which people sign in instead of here.

use crate::stage::Stage;
use crate::support::ports;
use crate::support::test_server::{PASSWORD, system};
use countersign::domain::federation::management::{self, UpstreamDraft};
use countersign::protocol::upstream::UpstreamSettings;
use serde_json::json;

const SECRET: &str = "a-secret-of-the-test-0123456789abcdef";

#[tokio::test]
async fn a_person_signs_in_at_oidc_provider_and_is_signed_out_from_there() {
    let stage = Stage::with(|config| {
        config.outbound.allow = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await;
    let upstream = format!("http://127.0.0.1:{}", ports::free_port());
    let settings = UpstreamSettings {
        issuer: upstream.clone(),
        client_id: "countersign".into(),
        ..UpstreamSettings::default()
    };
    let draft = UpstreamDraft {
        slug: "npm".into(),
        name: "Elsewhere".into(),
        settings,
        client_secret: Some(SECRET.into()),
    };
    let provider = &stage.server.provider;
    let (ground, seal) = (provider.ground(), Some(provider.upstreams.seal()));
    management::create(&ground, draft, seal, system()).await.expect("it can be made");
    provider.upstreams.reload(&provider.db).await.expect("it can be read");
    let brief = json!({
        "issuer": stage.server.issuer(),
        "upstream": upstream,
        "upstream_secret": SECRET,
        "user": { "username": "ada", "password": PASSWORD },
    });
    let flow = "sign in, link, sign in again, sign out there";
    stage.node_briefed("oidc_provider.mjs", flow, brief).await;
}
