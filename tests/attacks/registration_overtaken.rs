//! A client that writes its registration while somebody else decides about it (RFC 7592 §2.2).

use crate::support::registration::{Registered, open, registered, web, web_with};
use crate::support::test_server::system;
use crate::support::{Reply, TestServer, both_with, ports};
use countersign::domain::clients::management::{self, ClientDraft};
use countersign::protocol::client::ClientPolicy;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// A document that is given only when the test says so.
struct Gate {
    uri: String,
    asked: Arc<Notify>,
    open: Arc<Notify>,
}

impl Gate {
    async fn before(document: &Value) -> Self {
        let port = ports::free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let (asked, open) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (tell, wait, body) = (asked.clone(), open.clone(), document.to_string());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                drop(stream.read(&mut [0; 8192]).await);
                tell.notify_one();
                wait.notified().await;
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                     Connection: close\r\n\r\n{body}",
                    body.len()
                );
                drop(stream.write_all(answer.as_bytes()).await);
            }
        });
        Self { uri: format!("http://127.0.0.1:{port}/sector"), asked, open }
    }
}

/// A client that is writing its registration, and has come as far as the document of its sector.
async fn writing(client: &Registered) -> (Gate, JoinHandle<Reply>) {
    let gate = Gate::before(&client.json["redirect_uris"]).await;
    let mut body = client.body();
    body["client_name"] = json!("Written late");
    body["sector_identifier_uri"] = json!(gate.uri);
    let (uri, token, json) = (client.uri.clone(), client.token.clone(), client.json.clone());
    let same = Registered { json, id: client.id.clone(), uri, token };
    let write = tokio::spawn(async move { same.write(&body).await });
    gate.asked.notified().await;
    (gate, write)
}

async fn decide(server: &TestServer, id: &str, change: impl FnOnce(&mut ClientPolicy)) {
    let stored = server.stored(id).await;
    let mut draft = ClientDraft {
        id: None,
        name: stored.name,
        metadata: stored.metadata,
        policy: stored.policy,
    };
    change(&mut draft.policy);
    let updated = management::update(&server.provider.ground(), id, draft, system()).await;
    assert!(updated.is_ok());
}

both_with! { open;
    async fn rg_07_what_an_administrator_takes_away_meanwhile_does_not_come_back(server: TestServer) {
        let client = registered(&server, &web()).await;
        decide(&server, &client.id, |policy| {
            policy.skip_consent = true;
            policy.access_token_lifetime = Some(3600);
        })
        .await;
        let (gate, write) = writing(&client).await;
        decide(&server, &client.id, |policy| {
            policy.skip_consent = false;
            policy.require_pkce = true;
            policy.access_token_lifetime = Some(60);
        })
        .await;
        gate.open.notify_one();
        let reply = write.await.expect("an answer");
        assert_eq!(reply.status, 200, "{}", reply.text);
        let stored = server.stored(&client.id).await;
        assert_eq!(stored.name, "Written late");
        let ClientPolicy { skip_consent, require_pkce, access_token_lifetime, .. } = stored.policy;
        assert_eq!((skip_consent, require_pkce, access_token_lifetime), (false, true, Some(60)));
    }

    async fn rg_08_a_client_that_is_switched_off_meanwhile_writes_nothing(server: TestServer) {
        let client = registered(&server, &web()).await;
        let (gate, write) = writing(&client).await;
        let ground = server.provider.ground();
        management::disable(&ground, &client.id, system()).await.expect("it is switched off");
        gate.open.notify_one();
        write.await.expect("an answer").expect(401, "invalid_token");
        let stored = server.stored(&client.id).await;
        assert_eq!((stored.disabled, stored.name.as_str()), (true, "Shop"));
    }

    async fn rg_08_a_client_that_writes_itself_all_the_time_stays_off(server: TestServer) {
        let second = server.beside_if_possible().await;
        for round in 0..4_u64 {
            let public = web_with(&json!({ "token_endpoint_auth_method": "none" }));
            let client = registered(&server, &public).await;
            let mut writers = JoinSet::new();
            for number in 0..6 {
                let on = second.as_ref().filter(|_| number % 2 == 1).unwrap_or(&server);
                let same = Registered {
                    uri: format!("{}/register/{}", on.base, client.id),
                    json: client.json.clone(),
                    id: client.id.clone(),
                    token: client.token.clone(),
                };
                writers.spawn(async move {
                    let mut body = same.body();
                    for write in 0.. {
                        body["client_name"] = json!(format!("Shop {number} {write}"));
                        let reply = same.write(&body).await;
                        if reply.status != 200 {
                            return reply.status;
                        }
                    }
                    0
                });
            }
            tokio::time::sleep(Duration::from_millis(40 + 15 * round)).await;
            let ground = server.provider.ground();
            let off = management::disable(&ground, &client.id, system()).await;
            assert!(off.expect("it is switched off"));
            let ends = writers.join_all().await;
            assert!(ends.iter().all(|status| matches!(status, 401 | 429)), "{ends:?}");
            assert!(server.stored(&client.id).await.disabled, "round {round}: {ends:?}");
        }
    }

    async fn rg_11_a_client_does_not_write_itself_without_end(server: TestServer) {
        let client = registered(&server, &web()).await;
        let other = registered(&server, &web()).await;
        let body = client.body();
        for _ in 0..60 {
            assert_eq!(client.write(&body).await.status, 200);
        }
        let refused = client.write(&body).await;
        assert_eq!(refused.status, 429, "{}", refused.text);
        let wait: u32 = refused.header("retry-after").parse().expect("seconds");
        assert!((1..=3600).contains(&wait), "{wait}");
        assert_eq!(client.read().await.status, 200);
        assert_eq!(other.write(&other.body()).await.status, 200);
        server.clock.advance_seconds(i64::from(wait));
        assert_eq!(client.write(&body).await.status, 200);
    }
}
