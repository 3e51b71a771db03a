//! Token Status Lists (draft-ietf-oauth-status-list): what a service reads that knows nothing else.

use crate::support::crypto::{claims, header};
use crate::support::test_server::system;
use crate::support::{Reply, TestServer, WebApp, both};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign::domain::clients::management as clients;
use countersign::domain::keys;
use countersign::domain::resources::management::{self, ResourceDraft};
use countersign::protocol::client::{AccessTokenFormat, GrantType};
use countersign::protocol::resource::ResourceSettings;
use serde_json::Value;
use std::io::Read;

const ORDERS: &str = "https://orders.example.com";

async fn resource(server: &TestServer, tells: bool, format: AccessTokenFormat) {
    let draft = ResourceDraft {
        identifier: ORDERS.into(),
        name: "Orders".into(),
        settings: ResourceSettings {
            scopes: [("orders:read".to_owned(), String::new())].into(),
            token_format: format,
            token_status_list: tells,
            ..ResourceSettings::default()
        },
    };
    let ground = server.provider.ground();
    management::create(&ground, draft, None, system()).await.expect("it can be made");
}

async fn app(server: &TestServer) -> WebApp {
    WebApp::register_as(server, |draft| {
        draft.metadata.grant_types.push(GrantType::ClientCredentials);
        draft.metadata.scope = "openid offline_access orders:read".parse().expect("a scope");
    })
    .await
}

async fn token_of_ada(app: &WebApp) -> String {
    let extra = [("resource", ORDERS), ("scope", "openid orders:read")];
    let code = app.code("ada", &extra).await;
    app.redeem(&code).await.expect_tokens().access_token
}

async fn token_of_app(app: &WebApp) -> String {
    let form = [("grant_type", "client_credentials"), ("resource", ORDERS)];
    app.token(&form).await.expect_tokens().access_token
}

async fn list(uri: &str) -> Reply {
    Reply::read(reqwest::get(uri).await.expect("it answers")).await
}

/// The bit of a token, as the draft says how to read it.
async fn is_revoked(token: &str) -> bool {
    let place = claims(token)["status"]["status_list"].clone();
    let uri = place["uri"].as_str().expect("a uri");
    let reply = list(uri).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.header("content-type"), "application/statuslist+jwt");
    assert_eq!(header(&reply.text)["typ"], "statuslist+jwt");
    let told = claims(&reply.text);
    assert_eq!((&told["sub"], &told["status_list"]["bits"]), (&Value::from(uri), &1.into()));
    let zipped = told["status_list"]["lst"].as_str().expect("a list");
    let zipped = BASE64_URL_SAFE_NO_PAD.decode(zipped).expect("base64url");
    let mut bits = Vec::new();
    flate2::read::ZlibDecoder::new(&zipped[..]).read_to_end(&mut bits).expect("zlib");
    let index = place["idx"].as_u64().expect("a place") as usize;
    bits[index / 8] >> (index % 8) & 1 == 1
}

both! {
    async fn a_block_sets_the_bits_of_the_persons_tokens_and_no_other(server: TestServer) {
        let ada = server.user("ada").await;
        resource(&server, true, AccessTokenFormat::Jwt).await;
        let app = app(&server).await;
        let tokens = [token_of_ada(&app).await, token_of_ada(&app).await];
        let machine = token_of_app(&app).await;
        for token in tokens.iter().chain([&machine]) {
            assert!(!is_revoked(token).await);
        }
        server.block(&ada).await;
        server.settle().await;
        assert!(is_revoked(&tokens[0]).await && is_revoked(&tokens[1]).await);
        assert!(!is_revoked(&machine).await);
        clients::disable(&server.provider.ground(), &app.id, system()).await.expect("disabled");
        server.settle().await;
        assert!(is_revoked(&machine).await);
    }

    async fn a_withdrawn_key_sets_the_bits_of_the_tokens_that_it_signed(server: TestServer) {
        server.user("ada").await;
        resource(&server, true, AccessTokenFormat::Jwt).await;
        let app = app(&server).await;
        let ended = [token_of_ada(&app).await, token_of_app(&app).await];
        let kid = header(&ended[0])["kid"].as_str().expect("a kid").to_owned();
        let withdrawn = keys::withdraw(&server.provider, &kid, system()).await;
        withdrawn.expect("the key can be withdrawn");
        let kept = token_of_ada(&app).await;
        server.settle().await;
        assert!(is_revoked(&ended[0]).await && is_revoked(&ended[1]).await);
        assert!(!is_revoked(&kept).await);
    }

    async fn a_single_token_is_revoked_alone(server: TestServer) {
        server.user("ada").await;
        resource(&server, true, AccessTokenFormat::Jwt).await;
        let app = app(&server).await;
        let (ended, kept) = (token_of_ada(&app).await, token_of_ada(&app).await);
        assert_eq!(app.revoke(&ended).await.status, 200);
        assert!(is_revoked(&ended).await);
        assert!(!is_revoked(&kept).await);
    }
}

#[tokio::test]
async fn tokens_tell_no_status_unless_their_resource_wants_it_and_opaque_ones_never() {
    for (tells, format) in [(false, AccessTokenFormat::Jwt), (true, AccessTokenFormat::Opaque)] {
        let server = TestServer::start().await;
        resource(&server, tells, format).await;
        let app = app(&server).await;
        let token = token_of_app(&app).await;
        match format {
            AccessTokenFormat::Opaque => {
                assert_eq!(app.introspect(&token).await.get("status"), None);
            }
            _ => assert_eq!(claims(&token).get("status"), None),
        }
    }
}

#[tokio::test]
async fn metadata_lead_to_every_list_that_a_living_token_can_be_in() {
    let server = TestServer::start().await;
    server.user("ada").await;
    resource(&server, true, AccessTokenFormat::Jwt).await;
    let app = app(&server).await;
    let metadata = list(&server.url("/.well-known/openid-configuration")).await.json;
    let uri = metadata["status_list_aggregation_endpoint"].as_str().expect("an address");
    let told = list(uri).await;
    assert_eq!((told.status, told.header("content-type")), (200, "application/json"));
    assert_eq!(told.header("cache-control"), "public, max-age=60");
    assert_eq!(told.header("access-control-allow-origin"), "*");
    let lists = told.json["status_lists"].clone();
    let of_token = claims(&token_of_ada(&app).await)["status"]["status_list"]["uri"].clone();
    let lists = lists.as_array().expect("a list");
    assert!(lists.contains(&of_token), "{lists:?}");
    for one in lists {
        let reply = list(one.as_str().expect("an address")).await;
        assert_eq!(reply.status, 200, "{one}");
        assert_eq!(claims(&reply.text)["status_list"]["aggregation_uri"], uri);
    }
}

#[tokio::test]
async fn a_list_in_which_no_living_token_can_be_is_not_there() {
    let server = TestServer::start().await;
    let now = server.provider.now().as_unix() / 3600;
    assert_eq!(list(&server.url(&format!("/status/{now}"))).await.status, 200);
    for other in [(now - 2).to_string(), (now + 9).to_string(), "x".into(), "-1".into()] {
        assert_eq!(list(&server.url(&format!("/status/{other}"))).await.status, 404, "{other}");
    }
    assert_eq!(list(&server.url(&format!("/status/{now}?time=1"))).await.status, 501);
}

#[tokio::test]
async fn a_list_may_be_kept_for_its_ttl_and_is_not_sent_twice() {
    let server = TestServer::start().await;
    let uri = server.url(&format!("/status/{}", server.provider.now().as_unix() / 3600));
    let first = list(&uri).await;
    assert_eq!(first.header("cache-control"), "public, max-age=5");
    assert_eq!(claims(&first.text)["ttl"], 5);
    assert!(first.text.len() < 20_000, "an empty list is short: {}", first.text.len());
    let again = reqwest::Client::new().get(&uri).header("if-none-match", first.header("etag"));
    assert_eq!(again.send().await.expect("it answers").status(), 304);
}
