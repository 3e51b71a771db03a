//! How many authorization codes are redeemed in a second on SQLite with `synchronous=FULL`, by 64
//! clients at once: with the writer that commits what is queued together, and with a commit for
//! each.
//!
//! A redemption is what the token endpoint writes: the code is spent, an access token and a refresh
//! token are recorded, and an entry goes to the audit log.

use countersign::protocol::time::{Timestamp, monotonic};
use countersign::storage::authorization_codes::{self, AuthorizationCode};
use countersign::storage::authorizations::Authorization;
use countersign::storage::issued_tokens::{self, IssuedToken};
use countersign::storage::refresh_tokens::{self, RefreshToken};
use countersign::storage::{DatabaseUrl, Db, DbConnection, StorageError, audit};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const CLIENTS: usize = 64;
/// Codes that are redeemed in one round.
const CODES: usize = 4000;
/// Rounds of each kind, in turns; the median counts.
const ROUNDS: usize = 5;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const LATER: Timestamp = Timestamp::from_unix(1_800_003_600);

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let (mut grouped, mut single) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        grouped.push(runtime.block_on(round(256)));
        single.push(runtime.block_on(round(1)));
    }
    let (grouped, single) = (median(grouped), median(single));
    println!("codes redeemed per second, SQLite, synchronous=FULL, {CLIENTS} clients");
    println!("  committed together  {grouped:>8.0}");
    println!("  one commit each     {single:>8.0}");
    println!("  factor              {:>8.1}", grouped / single);
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// Redeems all codes of a fresh database; gives the rate.
async fn round(max_batch: usize) -> f64 {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path().join("bench.db").display().to_string();
    let db = Db::open_with_batch(&DatabaseUrl::Sqlite(path), max_batch).expect("it opens");
    db.write(prepare).await.expect("the codes can be made");
    let next = Arc::new(AtomicUsize::new(0));
    let started = monotonic();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (db, next) = (db.clone(), next.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= CODES {
                        return;
                    }
                    let won = db.write(move |conn| redeem(conn, number)).await;
                    assert!(won.expect("the write is committed"), "every code is redeemed once");
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("no client fails");
    }
    CODES as f64 / started.elapsed().as_secs_f64()
}

fn prepare(conn: &mut DbConnection) -> Result<(), StorageError> {
    for number in 0..CODES {
        let authorization = Authorization {
            id: format!("authorization-{number}"),
            client_id: "client".into(),
            user_id: "user".into(),
            sid: Some("session".into()),
            scope: "openid profile email offline_access".parse().unwrap_or_default(),
            resources: Vec::new(),
            details: Default::default(),
            claims: Default::default(),
            nonce: Some("n-0S6_WzA2Mj".into()),
            auth_time: NOW,
            acr: "1".into(),
            amr: "pwd".into(),
            offline: true,
            created_at: NOW,
            expires_at: LATER,
            revoked: false,
        };
        let code = AuthorizationCode {
            code_hash: format!("code-{number}"),
            redirect_uri: "https://app.example/callback".into(),
            code_challenge: None,
            expires_at: LATER,
            dpop_jkt: None,
        };
        authorization_codes::insert(conn, &authorization, &code)?;
    }
    Ok(())
}

fn redeem(conn: &mut DbConnection, number: usize) -> Result<bool, StorageError> {
    let authorization_id = format!("authorization-{number}");
    if !authorization_codes::spend(conn, &authorization_id, NOW)? {
        return Ok(false);
    }
    let token = IssuedToken {
        jti: format!("jti-{number}"),
        client_id: "client".into(),
        user_id: Some("user".into()),
        authorization_id: Some(authorization_id.clone()),
        sid: Some("session".into()),
        issued_at: NOW.as_unix(),
        expires_at: LATER.as_unix(),
        token_hash: None,
        claims: None,
        parent_jti: None,
        granted_scope: None,
        status_list: None,
        status_index: None,
        kid: None,
    };
    issued_tokens::insert(conn, &token)?;
    let refresh = RefreshToken {
        token_hash: format!("refresh-{number}"),
        authorization_id,
        client_id: "client".into(),
        scope: "openid profile email offline_access".parse().unwrap_or_default(),
        created_at: NOW,
        expires_at: LATER,
        spent_at: None,
        successor_hash: None,
        retried_at: None,
        confirmation: Default::default(),
    };
    refresh_tokens::insert(conn, &refresh)?;
    let event = audit::NewEvent {
        at: NOW.as_unix(),
        actor: "client:client".into(),
        action: "token.issue".into(),
        result: "ok".into(),
        ..audit::NewEvent::default()
    };
    audit::insert(conn, &event)?;
    Ok(true)
}
