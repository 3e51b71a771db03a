//! Accounts on a real database.

use super::*;
use crate::domain::ground::testing::{TestGround, ground};
use crate::protocol::revocation::TokenFacts;
use crate::protocol::time::Lifetime;
use crate::storage::authorizations::{self, Authorization};
use crate::storage::sessions::Session;
use crate::storage::{issued_tokens, sessions};

async fn user(test: &TestGround, email: &str, roles: &[&str]) -> Account {
    let new = NewUser {
        email: email.into(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..NewUser::default()
    };
    create(&test.ground, new, &Actor::cli()).await.unwrap()
}

/// Signs a user in and gives them an access token, issued now, with the jti `token-SID`.
async fn sign_in(test: &TestGround, user_id: &str, sid: &str) {
    let now = test.ground.now().as_unix();
    let session = Session {
        id_hash: format!("hash-{sid}"),
        sid: sid.into(),
        user_id: user_id.into(),
        auth_time: now,
        amr: "pwd".into(),
        acr: "1".into(),
        remember: false,
        created_at: now,
        last_seen_at: now,
        expires_at: now + 3600,
        ended_at: None,
        ip: None,
        user_agent: None,
    };
    let authorization = authorization(user_id, sid, test.ground.now());
    let token = issued_tokens::IssuedToken {
        jti: format!("token-{sid}"),
        client_id: "app".into(),
        user_id: Some(user_id.into()),
        authorization_id: Some(authorization.id.clone()),
        sid: Some(sid.into()),
        issued_at: now,
        expires_at: now + 300,
        token_hash: None,
        claims: None,
        parent_jti: None,
        granted_scope: None,
        status_list: None,
        status_index: None,
        kid: None,
    };
    let db = &test.ground.db;
    db.write(move |conn| {
        sessions::insert(conn, &session)?;
        authorizations::insert(conn, &authorization)?;
        issued_tokens::insert(conn, &token)
    })
    .await
    .unwrap();
}

fn authorization(user_id: &str, sid: &str, now: Timestamp) -> Authorization {
    Authorization {
        id: format!("authorization-{sid}"),
        client_id: "app".into(),
        user_id: user_id.into(),
        sid: Some(sid.into()),
        scope: Default::default(),
        claims: Default::default(),
        resources: Vec::new(),
        details: Default::default(),
        nonce: None,
        auth_time: now,
        acr: "1".into(),
        amr: "pwd".into(),
        offline: false,
        created_at: now,
        expires_at: now + Lifetime::hours(1),
        revoked: false,
    }
}

/// Whether a token of the user that was issued `age` seconds ago is refused.
async fn is_refused(test: &TestGround, user_id: &str, age: i64) -> bool {
    let user_id = user_id.to_owned();
    let now = test.ground.now();
    let issued_at = Timestamp::from_unix(now.as_unix() - age);
    let ask = move |conn: &mut DbConnection| {
        let facts = TokenFacts {
            jti: "another",
            subject: &user_id,
            client_id: "app",
            sid: None,
            kid: None,
            issued_at,
        };
        crate::domain::revocation::is_revoked(conn, &facts, now)
    };
    test.ground.db.read(ask).await.unwrap()
}

async fn sessions_of(test: &TestGround, id: &str) -> Vec<String> {
    let live = live_sessions(&test.ground, id).await.unwrap();
    live.into_iter().map(|session| session.sid).collect()
}

async fn audited(test: &TestGround) -> Vec<String> {
    let query = audit::EventQuery { limit: 100, ..audit::EventQuery::default() };
    let events = test.ground.db.read(move |conn| audit::list(conn, &query)).await.unwrap();
    events.into_iter().map(|event| event.action).collect()
}

#[tokio::test]
async fn a_block_ends_everything_and_an_unblock_brings_nothing_back() {
    let test = ground();
    let ada = user(&test, "ada@example.com", &[]).await.user;
    sign_in(&test, &ada.id, "s1").await;
    assert!(block(&test.ground, &ada.id, "left", &Actor::cli()).await.unwrap());
    assert!(sessions_of(&test, &ada.id).await.is_empty());
    assert!(is_refused(&test, &ada.id, 0).await);
    let blocked = find(&test.ground, &ada.id).await.unwrap().unwrap().user;
    assert_eq!(blocked.blocked_reason.as_deref(), Some("left"));

    assert!(unblock(&test.ground, &ada.id, &Actor::cli()).await.unwrap());
    assert!(is_refused(&test, &ada.id, 0).await);
    assert!(!unblock(&test.ground, &ada.id, &Actor::cli()).await.unwrap());
    assert_eq!(audited(&test).await[1..], ["user.unblock", "user.block", "user.create"]);
}

#[tokio::test]
async fn every_live_token_of_a_blocked_user_is_listed_by_its_jti() {
    let test = ground();
    let ada = user(&test, "ada@example.com", &[]).await.user;
    sign_in(&test, &ada.id, "s1").await;
    block(&test.ground, &ada.id, "", &Actor::cli()).await.unwrap();
    let list = |conn: &mut DbConnection| crate::storage::revocations::list_after(conn, 0, 100);
    let entries = test.ground.db.read(list).await.unwrap();
    let keys: Vec<_> = entries.iter().map(|entry| (&*entry.kind, &*entry.key)).collect();
    assert!(keys.contains(&("jti", "token-s1")), "{keys:?}");
    assert!(keys.contains(&("sub", &*ada.id)), "{keys:?}");
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_but_the_one_that_set_it() {
    let test = ground();
    let ada = user(&test, "ada@example.com", &[]).await.user;
    sign_in(&test, &ada.id, "here").await;
    sign_in(&test, &ada.id, "there").await;
    let password = "correct horse".to_owned();
    set_password(&test.ground, &ada.id, password, Some("here"), &Actor::cli()).await.unwrap();
    assert_eq!(sessions_of(&test, &ada.id).await, ["here"]);
    assert!(is_refused(&test, &ada.id, 0).await);
    let hash = find(&test.ground, &ada.id).await.unwrap().unwrap().user.password_hash.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
}

#[tokio::test]
async fn lg_04_a_password_of_another_length_is_refused_before_it_is_hashed() {
    let test = ground();
    let ada = user(&test, "ada@example.com", &[]).await.user;
    for password in ["1234567".to_owned(), "x".repeat(513)] {
        let refused = set_password(&test.ground, &ada.id, password, None, &Actor::cli()).await;
        assert!(matches!(refused, Err(AccountError::Invalid(_))));
    }
}

#[tokio::test]
async fn a_lost_role_ends_the_tokens_that_name_it_and_a_new_one_does_not() {
    let test = ground();
    let ada = user(&test, "ada@example.com", &["editor"]).await.user;
    let roles = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let cli = Actor::cli();
    set_roles(&test.ground, &ada.id, roles(&["editor", "reader"]), &cli).await.unwrap();
    assert!(!is_refused(&test, &ada.id, 0).await);
    set_roles(&test.ground, &ada.id, roles(&["reader"]), &cli).await.unwrap();
    assert!(is_refused(&test, &ada.id, 0).await);
    assert_eq!(find(&test.ground, &ada.id).await.unwrap().unwrap().roles, ["reader"]);
}

#[tokio::test]
async fn ad_08_the_last_administrator_stays() {
    let test = ground();
    let ada = user(&test, "ada@example.com", &["admin"]).await.user;
    let cli = Actor::cli();
    let refused = [
        block(&test.ground, &ada.id, "", &cli).await.map(drop),
        delete(&test.ground, &ada.id, &cli).await,
        set_roles(&test.ground, &ada.id, Vec::new(), &cli).await,
    ];
    for result in refused {
        assert!(matches!(result, Err(AccountError::LastAdmin)), "{result:?}");
    }
    assert!(!is_refused(&test, &ada.id, 0).await);

    let bob = user(&test, "bob@example.com", &["admin"]).await.user;
    block(&test.ground, &ada.id, "", &cli).await.unwrap();
    let refused = block(&test.ground, &bob.id, "", &cli).await;
    assert!(matches!(refused, Err(AccountError::LastAdmin)));
}

#[tokio::test]
async fn ad_08_two_administrators_cannot_take_each_other_away() {
    let test = ground();
    let ada = user(&test, "ada@example.com", &["admin"]).await.user;
    let bob = user(&test, "bob@example.com", &["admin"]).await.user;
    let (by_ada, by_bob) = (Actor::user(&ada.id), Actor::user(&bob.id));
    let both = tokio::join!(
        block(&test.ground, &bob.id, "", &by_ada),
        block(&test.ground, &ada.id, "", &by_bob),
    );
    assert_ne!(both.0.is_ok(), both.1.is_ok());
    let itself = block(&test.ground, &ada.id, "", &by_ada).await;
    assert!(matches!(itself, Err(AccountError::Yourself)));
}

#[tokio::test]
async fn lg_15_login_names_are_one_name_space() {
    let test = ground();
    user(&test, "ada@example.com", &[]).await;
    for (email, username, field) in [
        ("ADA@example.com ", None, "email"),
        ("bob@example.com", Some("ada@example.com"), "username"),
    ] {
        let new = NewUser {
            email: email.into(),
            username: username.map(str::to_owned),
            ..NewUser::default()
        };
        let refused = create(&test.ground, new, &Actor::cli()).await.unwrap_err();
        assert_eq!(refused.problems()[0].field, field, "{refused}");
    }
}

#[tokio::test]
async fn lg_14_a_person_who_changes_the_email_has_to_prove_it_again() {
    let test = ground();
    let ada = user(&test, "ada@example.com", &[]).await.user;
    let verified = Profile { email_verified: true, ..Profile::of(&ada) };
    let by_cli = update_profile(&test.ground, &ada, verified.clone(), &Actor::cli()).await.unwrap();
    assert!(by_cli.email_verified);
    let moved = Profile { email: "ada@example.org".into(), ..verified };
    let by_ada = update_profile(&test.ground, &by_cli, moved, &Actor::user(&ada.id)).await;
    assert!(!by_ada.unwrap().email_verified);
    let found = find_by_any_name(&test.ground, "ada@example.com").await.unwrap();
    assert!(found.is_none());
}

#[tokio::test]
async fn a_deleted_user_is_gone_and_their_tokens_are_refused() {
    let test = ground();
    let ada = user(&test, "ada@example.com", &["editor"]).await.user;
    sign_in(&test, &ada.id, "s1").await;
    delete(&test.ground, &ada.id, &Actor::cli()).await.unwrap();
    assert!(find(&test.ground, &ada.id).await.unwrap().is_none());
    assert!(is_refused(&test, &ada.id, 0).await);
    let again = delete(&test.ground, &ada.id, &Actor::cli()).await;
    assert!(matches!(again, Err(AccountError::NotFound)));
}
