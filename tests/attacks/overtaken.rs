//! A request that began in time and ends too late: what was decided at its start is not true any
//! more when it comes to write.

use crate::support::test_server::{PASSWORD, system};
use crate::support::{Agent, TestServer, both, raw};
use countersign::domain::clients::management::{self, ClientDraft};
use countersign::domain::federation::{self, Identity, LinkError, Owner};
use countersign::domain::identity::sessions::{self, SignedIn};
use countersign::domain::identity::users::{self, Account, AccountError, Profile, User};
use countersign::domain::keys;
use countersign::domain::registration::initial_tokens::{self, NewToken};
use countersign::domain::resources::management::{self as resources, ResourceDraft};
use countersign::jose::SigningAlgorithm;
use countersign::protocol::time::Lifetime;
use countersign::storage::StorageError;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What an operator sets in place of a password that was stolen.
const RECOVERED: &str = "recovered by the operator";

/// A signed-in browser whose requests can be held open.
struct Slow {
    agent: Agent,
    cookies: String,
}

/// A request of which the server has the head and one byte.
struct Held {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl Slow {
    async fn sign_in(server: &TestServer, name: &str) -> Self {
        let agent = Agent::new(server);
        let page = agent.get("/login").await;
        let (csrf, txn) = (page.hidden("csrf"), page.hidden("txn"));
        let form = [("csrf", &*csrf), ("txn", &*txn), ("username", name), ("password", PASSWORD)];
        let entered = agent.post("/login", &form).await;
        assert_eq!(entered.status, 303, "{}", entered.body);
        let set = [&page, &entered].map(|page| page.headers.get_all("set-cookie").iter());
        let pairs =
            set.into_iter().flatten().filter_map(|set| set.to_str().ok()?.split(';').next());
        Self { cookies: pairs.collect::<Vec<_>>().join("; "), agent }
    }

    /// The session of the browser, as the server finds it at the start of a request.
    async fn session(&self, server: &TestServer) -> SignedIn {
        let pairs = self.cookies.split("; ").filter_map(|pair| pair.split_once('='));
        let value = pairs.filter(|(name, _)| name.ends_with("session")).map(|(_, value)| value);
        let value = value.last().expect("a session").to_owned();
        let found = sessions::find(&server.provider, &value).await.expect("it can be read");
        found.expect("it is live")
    }

    /// Begins to post a form, and waits until the server has let it in.
    async fn begin(&self, server: &TestServer, path: &str, fields: &[(&str, &str)]) -> Held {
        let csrf = self.agent.get("/account/profile").await.hidden("csrf");
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let body = body.append_pair("csrf", &csrf).extend_pairs(fields).finish().into_bytes();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\n",
            raw::host(server),
            self.cookies,
            body.len()
        );
        let mut stream = TcpStream::connect(raw::host(server)).await.expect("the server listens");
        let sent = [head.as_bytes(), &body[..1]].concat();
        stream.write_all(&sent).await.expect("it is taken");
        tokio::time::sleep(Duration::from_millis(250)).await;
        Held { stream, rest: body[1..].to_vec() }
    }
}

impl Held {
    /// Sends what is left, and gives the head of the answer.
    async fn finish(mut self) -> String {
        self.stream.write_all(&self.rest).await.expect("it is taken");
        let mut answer = Vec::new();
        self.stream.read_to_end(&mut answer).await.expect("an answer");
        let text = String::from_utf8_lossy(&answer).into_owned();
        text.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase()
    }
}

/// The answer sends to the sign-in, or says that this is not for them.
fn is_refused(head: &str) -> bool {
    let to_sign_in = head.contains(" 303 ") && head.contains("location: /login?next=");
    to_sign_in || head.contains(" 403 ")
}

/// How somebody comes to be no administrator any more.
#[derive(Debug, Clone, Copy)]
enum Loss {
    Blocked,
    Demoted,
    SignedOut,
    Deleted,
}

impl Loss {
    const ALL: [Self; 4] = [Self::Blocked, Self::Demoted, Self::SignedOut, Self::Deleted];

    async fn strike(self, server: &TestServer, id: &str) {
        let (ground, by) = (server.provider.ground(), system());
        let struck = match self {
            Self::Blocked => users::block(&ground, id, "left", by).await.map(drop),
            Self::Demoted => users::set_roles(&ground, id, Vec::new(), by).await,
            Self::SignedOut => users::revoke_tokens(&ground, id, by).await,
            Self::Deleted => users::delete(&ground, id, by).await,
        };
        struck.expect("it can be done");
    }
}

async fn account(server: &TestServer, id: &str) -> Option<Account> {
    users::find(&server.provider.ground(), id).await.expect("it can be read")
}

async fn stored(server: &TestServer, id: &str) -> Account {
    account(server, id).await.expect("it is there")
}

fn admin(new: &mut users::NewUser) {
    new.roles = vec!["admin".into()];
}

async fn signs_in(server: &TestServer, name: &str, password: &str) -> bool {
    let agent = Agent::new(server);
    let page = agent.get("/login").await;
    agent.log_in_with(&page, name, password).await;
    agent.get("/account").await.status == 200
}

both! {
    async fn ad_09_who_loses_the_role_while_a_form_is_under_way_does_nothing(server: TestServer) {
        server.user_with("keeper", admin).await;
        let eve = server.user("eve").await.user.id;
        for (number, loss) in Loss::ALL.into_iter().enumerate() {
            let name = format!("mallory{number}");
            let mallory = server.user_with(&name, admin).await.user.id;
            let browser = Slow::sign_in(&server, &name).await;
            let path = format!("/admin/users/{eve}");
            let raised = [("name", "Eve"), ("roles", "admin"), ("groups", "")];
            let raise = browser.begin(&server, &path, &raised).await;
            let path = format!("/admin/users/{mallory}/unblock");
            let unblock = browser.begin(&server, &path, &[("reason", "x")]).await;
            let made = [("email", "new@example.org"), ("roles", "admin"), ("new-password", PASSWORD)];
            let make = browser.begin(&server, "/admin/users", &made).await;
            loss.strike(&server, &mallory).await;
            for held in [raise, unblock, make] {
                let head = held.finish().await;
                assert!(is_refused(&head), "{loss:?}: {head}");
            }
            assert!(stored(&server, &eve).await.roles.is_empty(), "{loss:?}");
            let here = account(&server, &mallory).await;
            match loss {
                Loss::Deleted => assert!(here.is_none()),
                Loss::Blocked => assert!(here.is_some_and(|it| it.user.blocked_at.is_some())),
                Loss::Demoted => assert!(here.is_some_and(|it| it.roles.is_empty())),
                Loss::SignedOut => {}
            }
            let new = users::find_by_any_name(&server.provider.ground(), "new@example.org").await;
            assert!(new.expect("it can be read").is_none(), "{loss:?}");
        }
    }

    async fn ad_09_a_form_that_takes_its_time_is_taken_from_who_stays(server: TestServer) {
        server.user_with("root", admin).await;
        let eve = server.user("eve").await.user.id;
        let browser = Slow::sign_in(&server, "root").await;
        let path = format!("/admin/users/{eve}");
        let fields = [("name", "Eve"), ("roles", "support"), ("groups", "")];
        let head = browser.begin(&server, &path, &fields).await.finish().await;
        assert!(head.contains(" 303 ") && head.contains(&format!("location: {path}")), "{head}");
        assert_eq!(stored(&server, &eve).await.roles, ["support"]);
    }

    /// The last moment: the form has come, the guard has looked, and the transaction begins.
    async fn ad_09_the_transaction_looks_again_at_who_acts(server: TestServer) {
        server.user_with("keeper", admin).await;
        let eve = server.user("eve").await.user;
        for (number, loss) in Loss::ALL.into_iter().enumerate() {
            let name = format!("mallory{number}");
            let mallory = server.user_with(&name, admin).await.user;
            let session = Slow::sign_in(&server, &name).await.session(&server).await;
            let (provider, by) = (&server.provider, system());
            let ground = provider.ground_of_admin(&session);
            let renamed = Profile { name: Some("Eve".into()), ..Profile::of(&eve) };
            assert!(users::set_groups(&ground, &eve.id, vec!["a".into()], by).await.is_ok());
            loss.strike(&server, &mallory.id).await;

            let new = NewToken { label: "x".into(), uses: 1, lifetime: Lifetime::hours(1) };
            let resource = ResourceDraft {
                identifier: "https://x.example".into(), name: "x".into(), ..ResourceDraft::default()
            };
            let client = ClientDraft { name: "x".into(), ..ClientDraft::default() };
            let key = keys::rotate_on(&ground, provider, SigningAlgorithm::ES256, by).await;
            let refused = [
                users::unblock(&ground, &mallory.id, by).await.is_err(),
                users::set_roles(&ground, &eve.id, vec!["admin".into()], by).await.is_err(),
                users::set_password(&ground, &eve.id, "a password".into(), None, by).await.is_err(),
                users::update_profile(&ground, &eve, renamed, by).await.is_err(),
                management::create(&ground, client, by).await.is_err(),
                resources::create(&ground, resource, None, by).await.is_err(),
                initial_tokens::create(&ground, new, by).await.is_err(),
                key.is_err(),
            ];
            assert_eq!(refused, [true; 8], "{loss:?}");
            let why = users::set_groups(&ground, &eve.id, Vec::new(), by).await;
            assert!(matches!(why, Err(AccountError::Storage(StorageError::Refused))), "{why:?}");
            let after = stored(&server, &eve.id).await;
            assert_eq!((after.user.password_hash, after.roles.len()), (eve.password_hash.clone(), 0));
        }
    }

    async fn lg_17_a_thief_who_changes_the_password_all_the_time_loses_the_account(server: TestServer) {
        for round in 0..4_u64 {
            let name = format!("ada{round}");
            let ada = server.user(&name).await.user;
            let thief = Agent::new(&server);
            thief.sign_in(&name).await;
            let changing = tokio::spawn(async move {
                let mut current = PASSWORD.to_owned();
                for number in 0..40 {
                    let new = format!("of the thief, number {number}");
                    let csrf = thief.get("/account/password").await.hidden("csrf");
                    let form = [
                        ("csrf", &*csrf), ("password", &*current),
                        ("new-password", &*new), ("new-password-confirm", &*new),
                    ];
                    let page = thief.post("/account/password", &form).await;
                    if page.location() != Some("/account/security") {
                        return (number, current);
                    }
                    current = new;
                }
                (40, current)
            });
            tokio::time::sleep(Duration::from_millis(60 + 35 * round)).await;
            let ground = server.provider.ground();
            let set = users::set_password(&ground, &ada.id, RECOVERED.into(), None, system());
            set.await.expect("it can be set");
            let (changes, current) = changing.await.expect("the thief gives up");
            assert!(changes < 40, "the thief goes on");
            assert!(signs_in(&server, &name, RECOVERED).await, "round {round}");
            assert!(!signs_in(&server, &name, &current).await, "round {round}");
        }
    }

    async fn lg_17_a_password_that_was_proved_before_another_was_set_is_worth_nothing(server: TestServer) {
        let ada = server.user("ada").await.user;
        let session = Slow::sign_in(&server, "ada").await.session(&server).await;
        let (provider, by) = (&server.provider, system());
        let hash = provider.passwords.hash("of the thief").await.expect("a hash");
        let change = async |before: &User| {
            let ground = provider.ground();
            let sid = &session.session.sid;
            users::change_password_hash(&ground, before, hash.clone(), sid, by).await
        };
        server.block(&ada_account(&server).await).await;
        assert!(matches!(change(&ada).await, Err(AccountError::Overtaken)), "blocked");
        server.unblock(&ada_account(&server).await).await;
        let signed_out = provider.ground_of(&session);
        let late = users::change_password_hash(&signed_out, &ada, hash.clone(), "x", by).await;
        assert!(matches!(late, Err(AccountError::Storage(StorageError::Refused))), "signed out");
        users::set_password(&provider.ground(), &ada.id, RECOVERED.into(), None, by)
            .await
            .expect("it can be set");
        assert!(matches!(change(&ada).await, Err(AccountError::Overtaken)), "another password");
        assert!(signs_in(&server, "ada", RECOVERED).await);
    }

    async fn lg_16_an_old_proof_of_the_password_links_no_account(server: TestServer) {
        let ada = server.user("ada").await.user;
        let session = Slow::sign_in(&server, "ada").await.session(&server).await;
        let identity = Identity {
            issuer: "https://other.example".into(),
            subject: "thief".into(),
            email: None,
            email_verified: false,
            name: None,
            upstream_sid: None,
            auth_time: None,
        };
        let (provider, by) = (&server.provider, system());
        users::set_password(&provider.ground(), &ada.id, RECOVERED.into(), None, by)
            .await
            .expect("it can be set");
        let link = async |owner| federation::link(provider, "other", &identity, owner, None, by).await;
        let by_password = link(Owner::Password(&ada)).await;
        assert!(matches!(by_password, Err(LinkError::Overtaken)), "{by_password:?}");
        assert!(link(Owner::Session(&session)).await.is_err());
        let found = federation::find_user(provider, &identity).await.expect("it can be read");
        assert!(found.is_none());
        let now = stored(&server, &ada.id).await.user;
        link(Owner::Password(&now)).await.expect("a proof of now is good");
    }

    async fn lg_14_a_person_who_saves_all_the_time_undoes_nothing(server: TestServer) {
        let ada = server.user("ada").await.user;
        let claims = |value: Value| value.as_object().cloned().expect("an object");
        let with: Map<_, _> = claims(json!({ "attributes": { "clearance": "top-secret" } }));
        let second = server.beside_if_possible().await;
        for round in 0..2_u64 {
            let change = async |profile: Profile, seen: &User| {
                let ground = server.provider.ground();
                users::update_profile(&ground, seen, profile, system()).await.expect("changed")
            };
            let seen = stored(&server, &ada.id).await.user;
            let seen = change(Profile { claims: with.clone(), ..Profile::of(&seen) }, &seen).await;
            let stop = Arc::new(AtomicBool::new(false));
            let mut saving = JoinSet::new();
            for number in 0..4 {
                let on = second.as_ref().filter(|_| number % 2 == 1).unwrap_or(&server);
                let agent = Agent::new(on);
                agent.sign_in("ada@example.org").await;
                let csrf = agent.get("/account/profile").await.hidden("csrf");
                let stop = stop.clone();
                saving.spawn(async move {
                    let mut saved = 0;
                    while saved < 3 || (saved < 30 && !stop.load(Ordering::SeqCst)) {
                        let name = format!("Ada {number} {saved}");
                        let form = [
                            ("csrf", &*csrf), ("name", &*name), ("given_name", "Ada"),
                            ("family_name", ""), ("language", ""), ("theme", ""),
                        ];
                        if agent.post("/account/profile", &form).await.status != 303 {
                            break;
                        }
                        saved += 1;
                    }
                    saved
                });
            }
            tokio::time::sleep(Duration::from_millis(20 + 20 * round)).await;
            let username = Some(format!("countess{round}"));
            let taken = Profile { claims: Map::new(), username, ..Profile::of(&seen) };
            change(taken, &seen).await;
            stop.store(true, Ordering::SeqCst);
            assert!(saving.join_all().await.iter().sum::<u32>() > 0, "some were saved");
            let after = stored(&server, &ada.id).await.user;
            assert_eq!(after.claims.get("attributes"), None, "round {round}");
            assert_eq!(after.username, Some(format!("countess{round}")));
            assert_eq!((after.email.as_str(), after.email_verified), ("ada@example.org", true));
            assert!(after.name.is_some_and(|name| name.starts_with("Ada ")));
            server.clock.advance_seconds(601);
        }
    }

    async fn a_profile_is_not_saved_without_end(server: TestServer) {
        server.user("ada").await;
        let agent = Agent::new(&server);
        agent.sign_in("ada").await;
        let csrf = agent.get("/account/profile").await.hidden("csrf");
        let save = async |name: &str| agent.post("/account/profile", &[("csrf", &*csrf), ("name", name)]).await;
        for number in 0..30 {
            assert_eq!(save(&format!("Ada {number}")).await.status, 303);
        }
        let refused = save("Ada again").await;
        assert_eq!(refused.status, 429, "{}", refused.body);
        let wait: u32 = refused.header("retry-after").parse().expect("seconds");
        assert!((1..=600).contains(&wait), "{wait}");
        assert!(refused.has_id("error-summary"), "{}", refused.body);
        server.clock.advance_seconds(i64::from(wait));
        assert_eq!(save("Ada again").await.status, 303);
    }
}

async fn ada_account(server: &TestServer) -> Account {
    let found = users::find_by_any_name(&server.provider.ground(), "ada").await;
    found.expect("it can be read").expect("it is there")
}
