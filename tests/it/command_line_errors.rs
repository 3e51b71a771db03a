//! What the command line says when something is wrong, and with which exit code: 2 for what was typed or
//! set, 1 for what was refused or failed.

use crate::support::redis::Redis;
use crate::support::{TestServer, both, command};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

const REDIRECT: &str = "https://app.example/cb";

both! {
    async fn a_wrong_value_is_wrong_usage_and_names_its_argument(server: TestServer) {
        server.user("ada").await;
        let (http, long) = ("http://shop.example.com/cb", "x".repeat(300));
        let app = ["client", "create", "--name", "App", "--redirect-uri", REDIRECT];
        let cases: [(&[&str], &str); 12] = [
            (&["client", "create", "--name", "App", "--redirect-uri", http], "--redirect-uri: "),
            (&[&app[..], &["--redirect-uri", http]].concat(), "--redirect-uri, value 2: "),
            (&[&app[..], &["--access-token-lifetime", "1"]].concat(), "--access-token-lifetime: "),
            (&["client", "create", "--name", &long, "--redirect-uri", REDIRECT], "--name: "),
            (&[&app[..], &["--client-id", "a b"]].concat(), "--client-id: "),
            (&["user", "create", "--email", "nowhere"], "--email: "),
            (&["user", "update", "ada", "--language", "a language"], "--language: "),
            (&["resource", "create", "--identifier", "x#y", "--name", "X"], "--identifier: "),
            (&["issuer", "create", "--issuer", "x", "--name", "X", "--jwks-uri", http], "--jwks-uri: "),
            (
                &["upstream", "create", "A B", "--name", "X", "--issuer", REDIRECT, "--client-id", "x"],
                "<SLUG>: ",
            ),
            (&["registration", "create-token", "--label", "x", "--uses", "0"], "--uses: "),
            (&["key", "rotate", "--algorithm", "none"], "--algorithm "),
        ];
        for (words, argument) in cases {
            let said = server.command(words).await.expect_refusal(2);
            assert!(said.starts_with(&format!("countersign: {argument}")), "{words:?}: {said}");
            let json = [words, &["--json"]].concat();
            let said = server.command(&json).await.expect_refusal(2);
            let said: Value = serde_json::from_str(&said).expect("JSON");
            assert!(["invalid_value", "wrong_usage"].contains(&said["error"].as_str().unwrap_or("")));
            let says = said["error_description"].as_str().expect("text");
            assert!(says.starts_with(argument), "{words:?}: {says}");
        }
        let short = ["user", "set-password", "ada", "--password-stdin"];
        let said = server.command_with(&short, "short\n").await.expect_refusal(2);
        assert!(said.contains("--password-stdin: "), "{said}");
    }

    async fn more_on_the_standard_input_than_is_read_is_an_error(server: TestServer) {
        server.user("ada").await;
        let (set, lines) = (["user", "set-password", "ada", "--password-stdin"], "\n".repeat(4080));
        let fits = format!("a long password{lines}");
        server.command_with(&set, &fits).await.expect_done();
        let said = server.command_with(&set, &format!("{fits}\n\n")).await.expect_refusal(2);
        assert_eq!(said, "countersign: standard input: more than 4096 bytes");
    }

    async fn what_is_refused_is_no_wrong_usage(server: TestServer) {
        server.user("ada").await;
        let taken = ["client", "create", "--client-id", "app", "--name", "A", "--redirect-uri", REDIRECT];
        server.command(&taken).await.expect_done();
        let cases: [&[&str]; 6] = [
            &taken,
            &["user", "create", "--email", "ada@example.org"],
            &["user", "show", "nobody"],
            &["client", "disable", "nothing"],
            &["client", "delete", "nothing", "--yes"],
            &["resource", "show", "https://nothing.example"],
        ];
        for words in cases {
            let said = server.command(words).await.expect_refusal(1);
            assert!(said.starts_with("countersign: "), "{said}");
        }
    }

    async fn nothing_is_deleted_unless_it_is_meant(server: TestServer) {
        server.user("ada").await;
        let create = ["client", "create", "--client-id", "app", "--name", "App", "--redirect-uri", REDIRECT];
        server.command(&create).await.expect_done();
        let deletes: [[&str; 3]; 2] = [["user", "delete", "ada"], ["client", "delete", "app"]];
        for words in &deletes {
            // Whatever a script pipes in is no answer.
            let said = server.command_with(words, "y\n").await.expect_refusal(2);
            assert!(said.contains("--yes"), "{said}");
            for no in ["", "n", "no, yes"] {
                let ran = server.command_on_terminal(words, no).await;
                assert_eq!(ran.code, 1, "{ran:?}");
                assert!(ran.stdout.contains("This cannot be undone. [y/N]"), "{ran:?}");
            }
            server.command(&[words[0], "show", words[2]]).await.expect_done();
        }
        let asked = server.command_on_terminal(&deletes[0], "y").await;
        assert_eq!(asked.code, 0, "{asked:?}");
        assert!(asked.stdout.contains("The ada (ada@example.org)"), "{asked:?}");
        server.command(&["client", "delete", "app", "--yes"]).await.expect_done();
        for words in &deletes {
            server.command(&[words[0], "show", words[2]]).await.expect_refusal(1);
        }
        for words in [["resource", "delete", "x"], ["issuer", "delete", "x"], ["upstream", "delete", "x"]] {
            assert!(server.command(&words).await.expect_refusal(2).contains("--yes"), "{words:?}");
        }
    }

    async fn a_check_of_the_settings_tries_the_database(server: TestServer) {
        let checked = server.command(&["config", "check", "--json"]).await.expect_json();
        assert_eq!((&checked["ok"], &checked["database"]["ok"]), (&true.into(), &true.into()));
        assert_eq!(checked["database"]["says"], "there, and up to date");
        assert_eq!(checked["redis"], Value::Null);
    }
}

#[tokio::test]
async fn wrong_usage_as_json_names_the_argument() {
    for (words, argument) in [
        (&["client", "create", "--json"][..], "--name <NAME>"),
        (&["user", "list", "--limit", "many", "--json"], "--limit <LIMIT>"),
        (&["serve", "--colour", "red", "--json"], "--colour"),
    ] {
        let said = command::run(&[], words).await.expect_refusal(2);
        let said: Value = serde_json::from_str(&said).expect("JSON");
        assert_eq!((&said["error"], &said["argument"]), (&"wrong_usage".into(), &argument.into()));
        let says = said["error_description"].as_str().expect("text");
        assert!(says.contains(argument), "{says}");
    }
}

const KEY: (&str, &str) =
    ("COUNTERSIGN_MASTER_KEY", "0707070707070707070707070707070707070707070707070707070707070707");

async fn checked(database: &str, redis: Option<&str>, more: &[&str]) -> (i32, Value) {
    let mut variables = vec![KEY, ("COUNTERSIGN_DATABASE_URL", database)];
    variables.extend(redis.map(|url| ("COUNTERSIGN_REDIS_URL", url)));
    let words = [&["config", "check", "--json"], more].concat();
    let ran = command::run(&variables, &words).await;
    let document = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    (ran.code, document)
}

#[tokio::test]
async fn a_check_of_the_settings_says_what_cannot_be_reached() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("new.db");
    let (new, none) = (format!("sqlite://{}", path.display()), "sqlite:///nowhere/at/all.db");
    let (code, found) = checked(&new, None, &[]).await;
    assert_eq!((code, &found["database"]["ok"]), (0, &true.into()), "{found}");
    assert!(!path.exists(), "a check makes nothing");
    let (code, found) = checked(none, None, &[]).await;
    assert_eq!((code, &found["ok"], &found["database"]["ok"]), (1, &false.into(), &false.into()));

    // Nobody answers there, and nobody is waited for longer than a few seconds.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let began = Instant::now();
    let away = format!("postgres://u:hunter2@127.0.0.1:{port}/d");
    let redis = format!("redis://:hunter2@127.0.0.1:{port}");
    let (code, found) = checked(&away, Some(&redis), &[]).await;
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    assert_eq!(
        (code, &found["database"]["ok"], &found["redis"]["ok"]),
        (1, &false.into(), &false.into())
    );
    assert!(!found.to_string().contains("hunter2"), "{found}");
    let (code, found) = checked(&away, Some(&redis), &["--offline"]).await;
    assert_eq!((code, &found["ok"], &found["database"]), (0, &true.into(), &Value::Null));

    let wrong = command::run(&[KEY, ("COUNTERSIGN_LISTEN", "nowhere")], &["config", "check"]).await;
    wrong.expect_refusal(2);
}

#[tokio::test]
async fn r_05_a_check_of_the_settings_finds_a_redis_that_may_evict() {
    let directory = tempfile::tempdir().expect("a directory");
    let new = format!("sqlite://{}", directory.path().join("new.db").display());
    let redis = Redis::start();
    let (code, found) = checked(&new, Some(&redis.url()), &[]).await;
    assert_eq!((code, &found["redis"]["ok"]), (0, &true.into()), "{found}");
    assert_eq!(redis.call("CONFIG SET maxmemory-policy allkeys-lru"), "+OK");
    let (code, found) = checked(&new, Some(&redis.url()), &[]).await;
    let says = found["redis"]["says"].as_str().expect("text");
    assert!(code == 1 && says.contains("allkeys-lru") && says.contains("noeviction"), "{found}");
}
