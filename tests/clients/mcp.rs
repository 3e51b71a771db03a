//! `@modelcontextprotocol/sdk` on Node: a server with a tool behind our tokens, and a client that
//! finds its way to them from the address of the server alone.

use crate::stage::Stage;
use crate::support::ports::free_port;
use crate::support::test_server::system;
use crate::support::tls_site::TlsSite;
use countersign::config::{Config, RegistrationMode};
use countersign::domain::resources::management::{self, ResourceDraft};
use serde_json::{Value, json};

const SCRIPT: &str = "mcp.mjs";

/// What an operator sets for it: assistants register themselves, and may have the scope of the tools.
fn for_assistants(config: &mut Config) {
    config.registration.mode = RegistrationMode::Open;
    config.registration.scope = "openid offline_access tools:call".parse().expect("a scope");
}

/// A stage with an API for tools, and what the script is told.
async fn stage(change: impl FnOnce(&mut Config)) -> (Stage, Value) {
    let stage = Stage::with(change).await;
    let resource = format!("http://127.0.0.1:{}/mcp", free_port());
    let mut draft = ResourceDraft {
        identifier: resource.clone(),
        name: "Tools".into(),
        ..ResourceDraft::default()
    };
    draft.settings.scopes = [("tools:call".into(), "Use tools for you".into())].into();
    let made = management::create(&stage.server.provider.ground(), draft, None, system()).await;
    assert!(made.is_ok(), "an API can be made");
    let ada = stage
        .server
        .provider
        .db
        .read(|conn| countersign::storage::users::find_by_login_name(conn, "ada"));
    let ada = ada.await.expect("a database").expect("Ada is there");
    let client = stage.client(|_| {}).await;
    let mut brief = stage.brief(&client);
    brief["resource"] = resource.into();
    brief["sub"] = ada.id.into();
    (stage, brief)
}

#[tokio::test]
async fn an_mcp_client_registers_itself_and_calls_a_tool_for_a_person() {
    let (stage, brief) = stage(for_assistants).await;
    stage.node_briefed(SCRIPT, "mcp by registration", brief).await;
}

#[tokio::test]
async fn an_mcp_client_that_a_document_describes_calls_a_tool_for_a_person() {
    let site = TlsSite::start();
    let id = format!("{}/client.json", site.base);
    site.put(
        "/client.json",
        &json!({
            "client_id": id,
            "client_name": "Assistant",
            "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        }),
    );
    let by_document = |config: &mut Config| {
        for_assistants(config);
        config.registration.mode = RegistrationMode::Off;
        config.registration.document_hosts = vec!["localhost".into()];
        config.outbound.allow =
            ["127.0.0.0/8", "::1/128"].map(|net| net.parse().expect("a network")).into();
        config.outbound.ca = Some(site.ca.path().to_owned());
    };
    let (stage, mut brief) = stage(by_document).await;
    brief["document"] = id.into();
    stage.node_briefed(SCRIPT, "mcp by a document", brief).await;
    assert_eq!(site.asked(), 1);
}

#[tokio::test]
async fn an_mcp_client_with_a_secret_calls_a_tool_for_a_person() {
    let (stage, brief) = stage(for_assistants).await;
    stage.node_briefed(SCRIPT, "mcp with a secret", brief).await;
}
