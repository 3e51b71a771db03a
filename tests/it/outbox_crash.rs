//! What was answered is delivered, also when the process is killed right after the answer.

use crate::support::crypto::claims;
use crate::support::{Inbox, Store, TestServer, WebApp, command, ports};
use std::process::{Child, Stdio};
use std::time::Duration;

const BACK: (&str, &str) = ("post_logout_redirect_uri", "https://app.example/out");

/// The program, killed when this is dropped.
struct Process(Child);

impl Process {
    async fn serve(variables: &[(&str, &str)], listen: &str) -> Self {
        let mut program = command::program(variables);
        program.arg("serve").stdout(Stdio::null()).stderr(Stdio::null());
        let serving = Self(program.spawn().expect("it starts"));
        for _ in 0..400 {
            if tokio::net::TcpStream::connect(listen).await.is_ok() {
                return serving;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it does not listen on {listen}");
    }

    /// SIGKILL: nothing is finished, nothing is said.
    fn kill(mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it is our child");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

async fn nothing_is_lost(store: Store) {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let file = format!("sqlite://{}", directory.path().join("crash.db").display());
    let server = TestServer::with_on(store, |config| {
        if store == Store::Sqlite {
            config.database_url = file;
        }
    })
    .await;
    server.user("ada").await;
    let inbox_port = ports::free_port();
    let uri = format!("http://127.0.0.1:{inbox_port}/out");
    let app = WebApp::register_as(&server, |draft| {
        draft.metadata.logout.backchannel_logout_uri = Some(uri);
    })
    .await;
    let id_token = app.tokens("ada", "openid").await.id_token;
    let (database, issuer) = (server.database_url().to_owned(), server.issuer().to_owned());
    let (key, listen) =
        (server.master_key().expect("it has one").to_owned(), issuer[7..].to_owned());
    drop(server);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let variables = [
        ("COUNTERSIGN_DATABASE_URL", database.as_str()),
        ("COUNTERSIGN_MASTER_KEY", &key),
        ("COUNTERSIGN_ISSUER", &issuer),
        ("COUNTERSIGN_LISTEN", &listen),
        ("COUNTERSIGN_OUTBOUND__ALLOW", "127.0.0.0/8"),
    ];
    let process = Process::serve(&variables, &listen).await;
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let query = query.extend_pairs([("id_token_hint", id_token.as_str()), BACK]).finish();
    app.agent.get(&format!("/logout?{query}")).await.expect_answer();
    process.kill();

    let inbox = Inbox::open_at(inbox_port).await;
    let _again = Process::serve(&variables, &listen).await;
    let posts = inbox.expect(1).await;
    let (_, token) = posts[0].form().remove(0);
    assert_eq!(claims(&token)["sid"], claims(&id_token)["sid"]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(inbox.posts().len(), 1);
}

#[tokio::test]
async fn lo_05_a_kill_after_the_answer_loses_no_message_on_sqlite() {
    nothing_is_lost(Store::Sqlite).await;
}

#[tokio::test]
async fn lo_05_a_kill_after_the_answer_loses_no_message_on_postgres() {
    nothing_is_lost(Store::Postgres).await;
}
