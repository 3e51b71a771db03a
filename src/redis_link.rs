//! A way to Redis, however it is run: one server, one behind Sentinel, or a cluster.
//!
//! | URL                                                        |                                     |
//! |------------------------------------------------------------|-------------------------------------|
//! | `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, `rediss://…`     | one server; `rediss` by TLS         |
//! | `redis+sentinel://[USER:PASSWORD@]HOST[:PORT],…/MASTER[/DB]` | the master that these sentinels name |
//! | `redis+cluster://[USER:PASSWORD@]HOST[:PORT],…`              | a cluster, found by any of its nodes |
//!
//! `rediss+sentinel` and `rediss+cluster` are the same by TLS. User and password are those of the
//! servers; sentinels are asked without. What breaks is connected anew by whoever uses it: then
//! sentinels are asked again.

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, Pipeline, RedisError,
    RedisFuture, RedisResult, TlsMode, Value,
};
use std::time::Duration;
use url::form_urlencoded;

/// Where Redis is. Nothing is connected yet.
pub struct Link(Way);

enum Way {
    Server(Client),
    Sentinel(Nodes),
    Cluster(Nodes),
}

/// What a URL with several hosts says.
#[derive(Clone)]
struct Nodes {
    tls: bool,
    username: Option<String>,
    password: Option<String>,
    hosts: Vec<(String, u16)>,
    master: String,
    database: Option<i64>,
}

/// A connection. It does not mend itself, but for the slots of a cluster that move.
pub enum Connection {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// When it is none of those above.
    pub fn open(url: &str) -> RedisResult<Self> {
        let several = |rest: &str, tls, port| Nodes::parse(rest, tls, port).ok_or_else(malformed);
        Ok(Self(match url.split_once("://") {
            Some(("redis+sentinel", rest)) => Way::Sentinel(several(rest, false, 26379)?.named()?),
            Some(("rediss+sentinel", rest)) => Way::Sentinel(several(rest, true, 26379)?.named()?),
            Some(("redis+cluster", rest)) => Way::Cluster(several(rest, false, 6379)?.unnamed()?),
            Some(("rediss+cluster", rest)) => Way::Cluster(several(rest, true, 6379)?.unnamed()?),
            _ => Way::Server(Client::open(url)?),
        }))
    }

    /// Connects. Connecting and each answer may take so long.
    ///
    /// # Errors
    ///
    /// When nobody answers, or not the right one.
    pub async fn connect(&self, connecting: Duration, answer: Duration) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connecting))
            .set_response_timeout(Some(answer));
        match &self.0 {
            Way::Server(client) => {
                let made = client.get_multiplexed_async_connection_with_config(&config).await;
                made.map(Connection::Server)
            }
            Way::Sentinel(nodes) => {
                let mut client = nodes.sentinel()?;
                // Asking the sentinels has no deadline of its own.
                let asked = client.get_async_connection_with_config(&config);
                let made = tokio::time::timeout(connecting * 4, asked).await;
                made.map_err(|_| late())?.map(Connection::Server)
            }
            Way::Cluster(nodes) => {
                let client = nodes.cluster(connecting, answer)?;
                let asked = client.get_async_connection();
                let made = tokio::time::timeout(connecting * 4, asked).await;
                made.map_err(|_| late())?.map(Connection::Cluster)
            }
        }
    }
}

impl Connection {
    /// Whether the server copies from another one, as it says itself: then what is read there may be as
    /// old as it likes. `None` when it does not say: it does not know the question, or does not answer
    /// it to this user.
    ///
    /// A node of a cluster never answers with what it copied, and is not asked.
    ///
    /// # Errors
    ///
    /// When nobody answers.
    pub async fn is_copy(&mut self) -> RedisResult<Option<bool>> {
        let Self::Server(server) = self else { return Ok(Some(false)) };
        match redis::cmd("ROLE").query_async::<Value>(server).await {
            Ok(role) => Ok(says_copy(&role)),
            Err(error) if matches!(error.code(), Some("NOPERM" | "ERR")) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The first word of a role, `master` or `slave`, and then what belongs to it.
fn says_copy(role: &Value) -> Option<bool> {
    let Value::Array(parts) = role else { return None };
    let word = match parts.first()? {
        Value::BulkString(word) => word.as_slice(),
        Value::SimpleString(word) => word.as_bytes(),
        _ => return None,
    };
    Some(matches!(word, b"slave" | b"replica"))
}

fn malformed() -> RedisError {
    RedisError::from((ErrorKind::InvalidClientConfig, "the URL of Redis cannot be read"))
}

fn late() -> RedisError {
    RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))
}

impl Nodes {
    /// Reads `[USER:PASSWORD@]HOST[:PORT],…[/MASTER[/DB]]`.
    fn parse(rest: &str, tls: bool, port: u16) -> Option<Self> {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (who, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (username, password) = who.split_once(':').unwrap_or((who, ""));
        let (master, database) = path.split_once('/').unwrap_or((path, ""));
        let some = |text: &str| Some(unescaped(text)).filter(|text| !text.is_empty());
        let hosts: Option<Vec<_>> = hosts.split(',').map(|host| address(host, port)).collect();
        Some(Self {
            tls,
            username: some(username),
            password: some(password),
            hosts: hosts?,
            master: unescaped(master),
            database: match database {
                "" => None,
                number => Some(number.parse().ok()?),
            },
        })
    }

    fn named(self) -> RedisResult<Self> {
        if self.master.is_empty() { Err(malformed()) } else { Ok(self) }
    }

    fn unnamed(self) -> RedisResult<Self> {
        if self.master.is_empty() { Ok(self) } else { Err(malformed()) }
    }

    fn addresses(&self) -> impl Iterator<Item = ConnectionAddr> {
        self.hosts.iter().cloned().map(|(host, port)| match self.tls {
            false => ConnectionAddr::Tcp(host, port),
            true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        })
    }

    fn sentinel(&self) -> RedisResult<redis::sentinel::SentinelClient> {
        let kind = SentinelServerType::Master;
        let mut builder = SentinelClientBuilder::new(self.addresses(), &self.master, kind)?;
        if self.tls {
            builder = builder
                .set_client_to_redis_tls_mode(TlsMode::Secure)
                .set_client_to_sentinel_tls_mode(TlsMode::Secure);
        }
        if let Some(username) = &self.username {
            builder = builder.set_client_to_redis_username(username);
        }
        if let Some(password) = &self.password {
            builder = builder.set_client_to_redis_password(password);
        }
        if let Some(database) = self.database {
            builder = builder.set_client_to_redis_db(database);
        }
        builder.build()
    }

    fn cluster(&self, connecting: Duration, answer: Duration) -> RedisResult<ClusterClient> {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let nodes = self.hosts.iter().map(|(host, port)| match host.contains(':') {
            true => format!("{scheme}://[{host}]:{port}"),
            false => format!("{scheme}://{host}:{port}"),
        });
        let mut builder = ClusterClient::builder(nodes)
            .connection_timeout(connecting)
            .response_timeout(answer)
            .retries(1);
        if let Some(username) = &self.username {
            builder = builder.username(username);
        }
        if let Some(password) = &self.password {
            builder = builder.password(password);
        }
        builder.build()
    }
}

/// `HOST`, `HOST:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`.
fn address(text: &str, default: u16) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            let port = if after.is_empty() { None } else { Some(after.strip_prefix(':')?) };
            (host, port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port.map_or(Ok(default), str::parse).ok()?;
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

/// Undoes percent escapes; a plus stays one.
fn unescaped(text: &str) -> String {
    let escaped = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let mut pairs = form_urlencoded::parse(escaped.as_bytes());
    pairs.next().map(|(text, _)| text.into_owned()).unwrap_or_default()
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Server(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Server(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

impl Clone for Connection {
    fn clone(&self) -> Self {
        match self {
            Self::Server(connection) => Self::Server(connection.clone()),
            Self::Cluster(connection) => Self::Cluster(connection.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_hosts_are_read_with_their_ports_and_who_connects() {
        let nodes = Nodes::parse("app:p%40ss@a,b:7000,[::1]:7001/main/2", true, 26379).unwrap();
        let host = |name: &str, port| (name.to_owned(), port);
        assert_eq!(nodes.hosts, [host("a", 26379), host("b", 7000), host("::1", 7001)]);
        assert_eq!(nodes.username.as_deref(), Some("app"));
        assert_eq!(nodes.password.as_deref(), Some("p@ss"));
        assert_eq!((nodes.master.as_str(), nodes.database, nodes.tls), ("main", Some(2), true));
        let only_password = Nodes::parse(":a+b=c@h", false, 6379).unwrap();
        assert_eq!((only_password.username, only_password.password), (None, Some("a+b=c".into())));
    }

    #[test]
    fn who_copies_says_so_with_its_first_word() {
        let role = |word: &str| Value::Array(vec![Value::BulkString(word.into()), Value::Int(7)]);
        for (word, is_copy) in [("master", false), ("slave", true), ("replica", true)] {
            assert_eq!(says_copy(&role(word)), Some(is_copy), "{word}");
        }
        for nothing in [Value::Nil, Value::Array(vec![]), Value::Array(vec![Value::Int(1)])] {
            assert_eq!(says_copy(&nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn what_is_no_way_to_redis_is_refused() {
        for url in [
            "",
            "http://localhost",
            "redis+sentinel://a,b",
            "redis+sentinel:///main",
            "redis+sentinel://a:x/main",
            "redis+sentinel://a/main/two",
            "redis+cluster://a,,b",
            "redis+cluster://a/main",
            "redis+cluster://[::1",
        ] {
            assert!(Link::open(url).is_err(), "{url}");
        }
        for url in [
            "redis://localhost",
            "redis+sentinel://a,b:26380/main",
            "redis+cluster://a:7000,b:7001",
            "redis+cluster://:secret@a/",
        ] {
            assert!(Link::open(url).is_ok(), "{url}");
        }
    }
}
