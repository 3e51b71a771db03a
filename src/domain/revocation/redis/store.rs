//! What the relay asks of Redis: each call is one command or one script, within a deadline.

use super::Target;
use crate::protocol::revocation_store::{HEAD_KEY, Head, STREAM_KEY, entry_key};
use crate::protocol::time::Timestamp;
use crate::redis_link::{Connection, Link};
use crate::storage::revocations::Revocation;
use ::redis::{RedisError, RedisResult, Script, Value, cmd};
use std::time::Duration;
use tokio::sync::Mutex;

/// How long Redis may take to connect or to answer.
const DEADLINE: Duration = Duration::from_millis(200);
/// How long a single key outlives its entry, in seconds, on top of what the clock of Redis is ahead: it
/// may run ahead further.
const EXPIRY_MARGIN: i64 = 60;
/// How long a rebuilt stream may lie beside the old one, in seconds, should its writer die.
const REBUILD_LIFE: i64 = 600;

/// What became of a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beat {
    /// The head is renewed.
    Renewed,
    /// Redis has lost something.
    Rebuild,
    /// The stream goes on after our last entry, up to this one.
    Ahead(i64),
}

/// The Redis server.
pub(super) struct Store {
    link: Link,
    single_keys: bool,
    connection: Mutex<Option<Connection>>,
    write: Script,
    look: Script,
    beat: Script,
    switch: Script,
}

impl Store {
    pub(super) fn open(target: Target<'_>) -> RedisResult<Self> {
        Ok(Self {
            link: Link::open(target.url)?,
            single_keys: target.single_keys,
            connection: Mutex::default(),
            write: Script::new(include_str!("write.lua")),
            look: Script::new(include_str!("look.lua")),
            beat: Script::new(include_str!("beat.lua")),
            switch: Script::new(include_str!("switch.lua")),
        })
    }

    /// One to ask things of, and not to write the list to.
    pub(super) fn to_read(url: &str) -> RedisResult<Self> {
        Self::open(Target { url, single_keys: false })
    }

    async fn connection(&self) -> RedisResult<Connection> {
        let mut kept = self.connection.lock().await;
        if let Some(connection) = &*kept {
            return Ok(connection.clone());
        }
        let made = self.link.connect(DEADLINE, DEADLINE).await?;
        Ok(kept.insert(made).clone())
    }

    /// Connects anew the next time: what broke may be another server by then.
    pub(super) async fn disconnect(&self) {
        *self.connection.lock().await = None;
    }

    /// What the server does when its memory is full.
    pub(super) async fn maxmemory_policy(&self) -> RedisResult<String> {
        let mut redis = self.connection().await?;
        // INFO, because many hosted servers refuse CONFIG.
        let info: Value = cmd("INFO").arg("memory").query_async(&mut redis).await?;
        Ok(worst_policy(&info))
    }

    /// The head that is there, if it can be read.
    pub(super) async fn head(&self) -> RedisResult<Option<Head>> {
        let mut redis = self.connection().await?;
        let head: RedisResult<Option<Vec<u8>>> =
            cmd("GET").arg(HEAD_KEY).query_async(&mut redis).await;
        match head {
            Ok(head) => Ok(head.and_then(|text| serde_json::from_slice(&text).ok())),
            Err(error) if error.code() == Some("WRONGTYPE") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes the head, so that nobody goes by it.
    pub(super) async fn delete_head(&self) -> RedisResult<()> {
        let mut redis = self.connection().await?;
        cmd("DEL").arg(HEAD_KEY).query_async(&mut redis).await
    }

    /// What the clock of the server shows.
    pub(super) async fn time(&self) -> RedisResult<Timestamp> {
        let mut redis = self.connection().await?;
        let (seconds, _): (i64, i64) = cmd("TIME").query_async(&mut redis).await?;
        Ok(Timestamp::from_unix(seconds))
    }

    /// Adds entries to the list in use.
    pub(super) async fn write(&self, rows: &[Revocation], now: Timestamp) -> RedisResult<()> {
        self.write_to(STREAM_KEY, rows, now).await
    }

    /// Whether each entry has a key of its own.
    pub(super) fn has_single_keys(&self) -> bool {
        self.single_keys
    }

    /// How many of these entries have no single key that says at least as much.
    pub(super) async fn lost(&self, rows: &[Revocation]) -> RedisResult<usize> {
        if rows.is_empty() {
            return Ok(0);
        }
        let mut redis = self.connection().await?;
        let mut script = self.look.prepare_invoke();
        for row in rows {
            script.key(entry_key(&row.kind, &row.key));
            script.arg(row.not_before.unwrap_or(row.expires_at));
        }
        script.invoke_async(&mut redis).await
    }

    /// Where a new list is built.
    pub(super) fn begin_rebuild(&self, unique: &str) -> String {
        format!("{STREAM_KEY}:{unique}")
    }

    /// Adds entries to a list that is being built.
    pub(super) async fn write_rebuilt(
        &self,
        key: &str,
        rows: &[Revocation],
        now: Timestamp,
    ) -> RedisResult<()> {
        self.write_to(key, rows, now).await?;
        let mut redis = self.connection().await?;
        cmd("EXPIRE").arg(key).arg(REBUILD_LIFE).query_async(&mut redis).await
    }

    /// Puts a built list in use, with its head. False when another relay knows more.
    pub(super) async fn switch(&self, head: &Head, rebuilt: &str) -> RedisResult<bool> {
        let mut redis = self.connection().await?;
        let mut script = self.switch.prepare_invoke();
        script.key(HEAD_KEY).key(STREAM_KEY).key(rebuilt);
        script.arg(&head.epoch).arg(head.seq).arg(json(head)?);
        let verdict: String = script.invoke_async(&mut redis).await?;
        Ok(verdict == "ok")
    }

    /// Renews the head, and drops from the stream what is below `lowest`. `written_for` is by how many
    /// seconds the server's clock was ahead when the single keys were written. Gives the time there.
    pub(super) async fn beat(
        &self,
        head: &Head,
        confirmed: i64,
        lowest: i64,
        written_for: i64,
    ) -> RedisResult<(Beat, Timestamp)> {
        let mut redis = self.connection().await?;
        let mut script = self.beat.prepare_invoke();
        script.key(HEAD_KEY).key(STREAM_KEY);
        script.arg(&head.epoch).arg(confirmed).arg(head.seq).arg(json(head)?).arg(lowest);
        script.arg(head.time.as_unix().saturating_add(written_for.max(0) + EXPIRY_MARGIN / 2));
        let (verdict, time): (String, i64) = script.invoke_async(&mut redis).await?;
        let ahead = verdict.strip_prefix("ahead:").and_then(|last| last.parse().ok());
        let beat = match (verdict.as_str(), ahead) {
            ("ok", _) => Beat::Renewed,
            (_, Some(last)) => Beat::Ahead(last),
            _ => Beat::Rebuild,
        };
        Ok((beat, Timestamp::from_unix(time)))
    }

    async fn write_to(&self, stream: &str, rows: &[Revocation], now: Timestamp) -> RedisResult<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut redis = self.connection().await?;
        let mut script = self.write.prepare_invoke();
        script.key(stream).arg(EXPIRY_MARGIN).arg(now.as_unix());
        for row in rows {
            let not_before = row.not_before.map(|time| time.to_string()).unwrap_or_default();
            if self.single_keys {
                script.key(entry_key(&row.kind, &row.key));
            }
            script.arg(row.seq).arg(&row.kind).arg(&row.key).arg(not_before).arg(row.expires_at);
        }
        let _: String = script.invoke_async(&mut redis).await?;
        Ok(())
    }
}

/// Of a cluster every server answers: the first policy that is not `noeviction` counts.
fn worst_policy(info: &Value) -> String {
    let mut texts = Vec::new();
    collect(info, &mut texts);
    let lines = texts.iter().flat_map(|text| text.lines());
    let policies = lines.filter_map(|line| line.strip_prefix("maxmemory_policy:"));
    let mut policies: Vec<&str> = policies.map(str::trim).collect();
    policies.sort_by_key(|policy| *policy == "noeviction");
    (*policies.first().unwrap_or(&"unknown")).to_owned()
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::BulkString(bytes) => texts.push(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Map(pairs) => pairs.iter().for_each(|(_, value)| collect(value, texts)),
        _ => {}
    }
}

fn json(head: &Head) -> RedisResult<String> {
    serde_json::to_string(head)
        .map_err(|error| RedisError::from((::redis::ErrorKind::Client, "head", error.to_string())))
}
