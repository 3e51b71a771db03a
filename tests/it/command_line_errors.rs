//! What the command line says when something is wrong, and with which exit code: 2 for what was typed or
//! set, 1 for what was refused or failed.

use crate::support::redis::Redis;
use crate::support::{TestServer, WebApp, both, command};
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

    async fn a_comma_makes_no_second_role_or_group(server: TestServer) {
        server.user("ada").await;
        let create = ["user", "create", "--email", "bob@example.org"];
        for words in [
            &[&create[..], &["--group", "a,admin"]].concat()[..],
            &[&create[..], &["--role", "a,admin"]].concat(),
            &["user", "set-groups", "ada", "a,admin"],
            &["user", "set-roles", "ada", "a,admin"],
        ] {
            let said = server.command(words).await.expect_refusal(2);
            assert!(said.contains("without commas"), "{words:?}: {said}");
        }
        let many = ["--json", "--group", "a b", "--group", "c", "--role", "d", "--role", "e"];
        let made = server.command(&[&create[..], &many].concat()).await.expect_json();
        assert_eq!(made["groups"], serde_json::json!(["a b", "c"]));
        assert_eq!(made["roles"], serde_json::json!(["d", "e"]));
        let shown = server.command(&["user", "show", "ada", "--json"]).await.expect_json();
        assert_eq!((&shown["roles"], &shown["groups"]), (&serde_json::json!([]), &serde_json::json!([])));
    }

    async fn k_03_who_revokes_while_no_server_tells_redis_is_warned(server: TestServer) {
        let redis = Redis::start();
        let url = format!("redis_url={}", redis.url());
        let said = async |words: &[&str]| {
            let done = server.command(&[words, &["--set", &url]].concat()).await;
            done.expect_done();
            done.stderr
        };
        let warned = said(&["token", "revoke-all", "--yes"]).await;
        assert!(warned.contains("no server has told Redis yet"), "{warned}");
        assert!(warned.contains("services that read the list from Redis accept"), "{warned}");
        let calm = said(&["user", "list"]).await;
        assert!(!calm.contains("Redis"), "{calm}");
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

    async fn not_every_token_ends_unless_it_is_meant(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let token = app.tokens("ada", "openid").await.access_token;
        let words = ["token", "revoke-all"];
        for piped in ["", "y\n"] {
            let said = server.command_with(&words, piped).await.expect_refusal(2);
            assert!(said.contains("--yes is missing"), "{said}");
        }
        let no = server.command_on_terminal(&words, "n").await;
        assert_eq!(no.code, 1, "{no:?}");
        assert!(no.stdout.contains("every access token of every app and person"), "{no:?}");
        server.settle().await;
        assert!(app.is_active(&token).await);
        let yes = server.command_on_terminal(&words, "y").await;
        assert_eq!(yes.code, 0, "{yes:?}");
        server.settle().await;
        assert!(!app.is_active(&token).await);
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
        let identifier = "https://orders.example";
        let create = ["resource", "create", "--identifier", identifier, "--name", "Orders"];
        server.command(&create).await.expect_done();
        let asked = server.command_on_terminal(&["resource", "delete", identifier], "n").await;
        let says = "tokens that are out work until they expire. This cannot be undone. [y/N]";
        assert!(asked.code == 1 && asked.stdout.contains(says), "{asked:?}");
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

/// What begins as this could be read, and what must be nowhere.
const SECRET: &str = "Tr0ub4";

/// Addresses with a password that is not encoded as it must be.
fn unreadable() -> Vec<String> {
    let passwords = ["%&3", " et", "%00", "/x", "@x", "#x", "?x", "%2", "\tx"];
    let in_authority =
        passwords.map(|end| format!("postgres://user:{SECRET}{end}@127.0.0.1:1/db")).into_iter();
    in_authority
        .chain([
            format!("postgres://user:12/{SECRET}@127.0.0.1:1/db"),
            format!("postgres://user:{SECRET}"),
            format!("postgres://127.0.0.1:1/db?password={SECRET} x"),
            format!("postgres://127.0.0.1:1/db?password={SECRET}%"),
            format!("postgres://127.0.0.1:1/db?password={SECRET}&{SECRET}"),
            format!("postgresql://user:p@[{SECRET}/db"),
            format!("host=127.0.0.1 port=1 password={SECRET}"),
            format!("host=127.0.0.1 password=postgres://{SECRET}"),
        ])
        .collect()
}

fn assert_a_wrong_setting(ran: &command::Ran) {
    let written = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(written.contains("database_url"), "{ran:?}");
    for never in [SECRET, "is good", "out of reach", "libpq"] {
        assert!(!written.contains(never), "{never}: {ran:?}");
    }
}

#[tokio::test]
async fn a_password_that_cannot_be_read_is_a_wrong_setting_and_never_shown() {
    let commands: [&[&str]; 7] = [
        &["config", "check"],
        &["config", "check", "--json"],
        &["config", "check", "--offline"],
        &["config", "show"],
        &["serve"],
        &["serve", "--json"],
        &["user", "list"],
    ];
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("url");
    let path = file.to_str().expect("UTF-8");
    for url in unreadable() {
        std::fs::write(&file, format!("{url}\n")).expect("it is written");
        for words in commands {
            assert_a_wrong_setting(
                &command::run(&[KEY, ("COUNTERSIGN_DATABASE_URL", &url)], words).await,
            );
        }
        let by_file = [KEY, ("COUNTERSIGN_DATABASE_URL_FILE", path)];
        assert_a_wrong_setting(&command::run(&by_file, commands[0]).await);
        let by_flag = ["config", "check", "--database-url", &url];
        assert_a_wrong_setting(&command::run(&[KEY], &by_flag).await);
    }
    let url = format!("postgres://user:{SECRET}%@127.0.0.1:1/db");
    for words in [
        &["migrate"][..],
        &["backup", "create", "copy.db"],
        &["backup", "restore"],
        &["backup", "restore", "copy.db"],
        &["user", "block", "ada", "--json"],
        &["key", "list"],
    ] {
        assert_a_wrong_setting(
            &command::run(&[KEY, ("COUNTERSIGN_DATABASE_URL", &url)], words).await,
        );
    }
}

#[tokio::test]
async fn what_only_the_library_finds_wrong_in_a_url_is_a_wrong_setting_too() {
    for options in
        [format!("{SECRET}=1"), format!("sslmode={SECRET}"), format!("password=a&{SECRET}=b")]
    {
        let url = format!("postgres://user:{SECRET}@127.0.0.1:1/db?{options}");
        for words in [
            &["config", "check"][..],
            &["config", "check", "--json"],
            &["serve"],
            &["user", "list"],
        ] {
            let ran = command::run(&[KEY, ("COUNTERSIGN_DATABASE_URL", &url)], words).await;
            let written = format!("{}{}", ran.stdout, ran.stderr);
            assert!(ran.code == 2 && written.contains("database_url has an option"), "{ran:?}");
            assert!(!written.contains(SECRET) && !written.contains("is good"), "{ran:?}");
        }
    }
}

#[tokio::test]
async fn a_database_that_is_away_is_named_without_its_password() {
    let url = format!("postgres://user:{SECRET}%2F3@127.0.0.1:1/db");
    let commands: [(&[&str], i32); 5] = [
        (&["config", "check"], 1),
        (&["config", "check", "--json"], 1),
        (&["serve"], 1),
        (&["migrate"], 1),
        (&["backup", "restore"], 1),
    ];
    for (words, code) in commands {
        let ran = command::run(&[KEY, ("COUNTERSIGN_DATABASE_URL", &url)], words).await;
        let written = format!("{}{}", ran.stdout, ran.stderr);
        assert!(ran.code == code && written.contains("127.0.0.1"), "{words:?}: {ran:?}");
        assert!(!written.contains(SECRET), "{words:?}: {ran:?}");
    }
}

#[tokio::test]
async fn a_password_of_redis_is_never_shown() {
    for rest in [
        "12/Tr0ub4@127.0.0.1:1",
        "12#Tr0ub4@127.0.0.1:1",
        "Tr0ub4/x@h",
        "Tr0ub4?x@h",
        "Tr0ub4 #x@h",
    ] {
        for scheme in ["redis", "rediss", "redis+sentinel", "redis+cluster"] {
            let url = format!("{scheme}://user:{rest}/1");
            for words in [&["config", "check"][..], &["config", "show"], &["serve"]] {
                let ran = command::run(&[("COUNTERSIGN_REDIS_URL", &url)], words).await;
                let written = format!("{}{}", ran.stdout, ran.stderr);
                assert!(ran.code == 2 && written.contains("redis_url: "), "{url}: {ran:?}");
                assert!(!written.contains(SECRET), "{url}: {ran:?}");
            }
        }
    }
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
