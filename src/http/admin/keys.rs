//! The signing keys: their states, a new one, and the early end of one.

use super::guard::{Admin, Answer, Posted, Stop};
use super::list::address;
use crate::domain::admin::{self, StoredKey};
use crate::domain::keys::{self, KeyUse};
use crate::http::edge::QueryParams;
use crate::http::page::{Nav, Notice, Page};
use crate::http::views::admin::{KeyRow, Keys};
use crate::http::views::confirm::{Act, Confirm};
use crate::http::views::{Badge, Link};
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::time::Timestamp;
use actix_web::web::Path;

const LIST: &str = "/admin/keys";
const ROTATE: &str = "/admin/keys/rotate";

/// Shows the keys.
pub async fn list(admin: Admin) -> Answer {
    let stored = admin.read(admin::signing_keys(&admin.ground()).await)?;
    let page = admin.page(Nav::Keys);
    let has_next = |algorithm: &str| {
        stored.iter().any(|key| key.state == "next" && key.algorithm == algorithm)
    };
    let names = KeyUse::ALL.into_iter().map(KeyUse::as_str);
    let rotate = names
        .filter(|name| !has_next(name))
        .map(|name| Link { label: name.to_owned(), href: address(ROTATE, &[("algorithm", name)]) });
    let rows = stored.iter().map(|key| row(&page, key));
    Ok(Keys { rotate: rotate.collect(), rows: rows.collect(), page }.respond())
}

fn row(page: &Page, key: &StoredKey) -> KeyRow {
    let moment = |at: i64| page.text.date_time(Timestamp::from_unix(at));
    let may_go = key.state != "retired";
    KeyRow {
        kid: key.kid.clone(),
        algorithm: key.algorithm.clone(),
        state: Badge::key(page.text, &key.state),
        created: moment(key.created_at),
        signs_from: moment(key.activated_at.unwrap_or(key.activate_at)),
        leaves: key.retire_at.map(moment).unwrap_or_default(),
        retire_url: may_go.then(|| format!("{LIST}/{}/retire", key.kid)),
    }
}

/// Asks before a new key is made.
pub async fn ask_rotate(admin: Admin, QueryParams(query): QueryParams) -> Answer {
    let named = query.one("algorithm").ok().flatten().unwrap_or_default();
    let algorithm = admin.found(named.parse::<KeyUse>().ok())?.as_str();
    admin.recent()?;
    let act = Act::RotateKey { algorithm };
    let mut page = Confirm::new(admin.page(Nav::Keys), act, ROTATE, LIST);
    page.fields.push(("algorithm".into(), algorithm.into()));
    Ok(page.respond())
}

/// Makes a new key; it signs once everyone has seen it.
pub async fn rotate(admin: Admin, posted: Posted) -> Answer {
    let named = posted.field("algorithm");
    let algorithm = admin.found(named.parse::<KeyUse>().ok())?;
    admin.recent_or(&address(ROTATE, &[("algorithm", algorithm.as_str())]))?;
    let done = keys::rotate_on(&admin.ground(), admin.provider(), algorithm, &admin.actor()).await;
    ended(&admin, done.map(drop), "error-key-is-next")?;
    Ok(admin.done(LIST, Notice::KeyRotated))
}

/// Asks before a key ends early.
pub async fn ask_retire(admin: Admin, kid: Path<String>) -> Answer {
    admin.recent()?;
    let stored = admin.read(admin::signing_keys(&admin.ground()).await)?;
    let is_it = |key: &&StoredKey| key.kid == *kid && key.state != "retired";
    let key = admin.found(stored.iter().find(is_it))?;
    let action = format!("{LIST}/{}/retire", key.kid);
    let act = Act::RetireKey { kid: &key.kid };
    Ok(Confirm::new(admin.page(Nav::Keys), act, &action, LIST).respond())
}

/// Ends a key at once.
pub async fn retire(admin: Admin, kid: Path<String>, _posted: Posted) -> Answer {
    admin.recent()?;
    let done = keys::withdraw_on(&admin.ground(), admin.provider(), &kid, &admin.actor()).await;
    ended(&admin, done, "error-key-gone")?;
    Ok(admin.done(LIST, Notice::KeyRetired))
}

fn ended(admin: &Admin, done: Result<(), OAuthError>, why: &str) -> Result<(), Stop> {
    match done {
        Err(error) if error.code == ErrorCode::InvalidRequest => Err(admin.conflict(why)),
        other => admin.read(other),
    }
}
