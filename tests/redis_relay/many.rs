//! Redis behind Sentinel and as a cluster: real servers on this machine.

use super::support::{Redis, Setup, attempts, eventually, watermark};
use super::users;
use countersign::protocol::time::{Clock, SystemClock};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

fn free_port() -> u16 {
    // The bus of a cluster node listens 10 000 ports further on.
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if port < 50_000 && TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok() {
            return port;
        }
    }
}

/// A process that ends with the test.
struct Running(Child);

impl Running {
    fn start(directory: &TempDir, name: &str, arguments: &[&str]) -> Self {
        let own = directory.path().join(name);
        std::fs::create_dir_all(&own).unwrap();
        let child = Command::new("redis-server")
            .args(arguments)
            .current_dir(&own)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        Self(child)
    }

    fn kill(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn answers(port: u16) {
    let redis = Redis::at(port);
    eventually("a server answers", 10_000, async || Some(redis.is_up().await)).await;
}

fn server(directory: &TempDir, port: u16, more: &[&str]) -> Running {
    let text = port.to_string();
    let mut arguments = vec!["--port", &text, "--bind", "127.0.0.1", "--save", ""];
    arguments.extend(["--appendonly", "no", "--maxmemory-policy", "noeviction"]);
    arguments.extend(more);
    Running::start(directory, &text, &arguments)
}

#[tokio::test]
async fn r_08_behind_sentinel_the_list_goes_on_with_the_new_master() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (free_port(), free_port());
    let mut master = server(&directory, first, &[]);
    answers(first).await;
    let replica_of = ["--replicaof", &format!("127.0.0.1 {first}")];
    let _replica = server(&directory, second, &replica_of);
    answers(second).await;
    let sentinels: Vec<u16> = (0..3).map(|_| free_port()).collect();
    let mut running = Vec::new();
    for port in &sentinels {
        let file = directory.path().join(format!("sentinel-{port}.conf"));
        let text = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {first} 2\n\
             sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n"
        );
        std::fs::write(&file, text).unwrap();
        let name = file.display().to_string();
        running.push(Running::start(&directory, &port.to_string(), &[name.as_str(), "--sentinel"]));
        answers(*port).await;
    }
    let hosts: Vec<String> = sentinels.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    for port in [first, second] {
        users::make(&Redis::at(port), "countersign").await;
        users::make(&Redis::at(port), "services").await;
    }
    let by =
        |user: &str| format!("redis+sentinel://{user}:pass-of-{user}@{}/main", hosts.join(","));
    let url = by("countersign");
    let setup = Setup::at(&url).await;
    let list = setup.follow_at(&by("services")).await;
    assert_eq!((attempts(&url, "ada").await, attempts(&url, "ada").await), (5, 0));
    let now = SystemClock.now().as_unix();
    setup.add(&[watermark("ada", now, now + 300)]).await;
    eventually("ada is refused", 2000, async || list.refuses("ada")).await;
    // The sentinels have to know the replica, and it what was written.
    let copy = Redis::at(second);
    eventually("it is copied", 10_000, async || {
        copy.get("{countersign}:revoked:sub:ada").await.map(|_| true)
    })
    .await;
    let sentinel = Redis::at(sentinels[0]);
    eventually("the replica is known", 15_000, async || {
        let answer = sentinel.try_ask::<redis::Value>(&["SENTINEL", "REPLICAS", "main"]).await;
        answer.ok().map(|answer| format!("{answer:?}").contains(&second.to_string()))
    })
    .await;

    master.kill();
    // The sentinels would make a copy of whichever server comes there next, be it that of another test.
    let _kept = TcpListener::bind(("127.0.0.1", first)).unwrap();
    setup.add(&[watermark("bea", now, now + 300)]).await;
    eventually("bea is refused", 25_000, async || list.refuses("bea")).await;
    assert_eq!(list.refuses("ada"), Some(true));
    eventually("the list is fresh", 10_000, async || list.refuses("cay").map(|is| !is)).await;
    assert!(copy.get("{countersign}:revoked:sub:bea").await.is_some(), "it is in the new master");
}

#[tokio::test]
async fn a_cluster_of_three_holds_the_list() {
    let directory = tempfile::tempdir().unwrap();
    let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
    let cluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
    let _nodes: Vec<_> = ports.iter().map(|port| server(&directory, *port, &cluster)).collect();
    let mut hosts = Vec::new();
    for port in &ports {
        answers(*port).await;
        hosts.push(format!("127.0.0.1:{port}"));
    }
    let mut create = Command::new("redis-cli");
    create.args(["--cluster", "create"]).args(&hosts).arg("--cluster-yes").stdout(Stdio::null());
    assert!(create.status().expect("redis-cli is installed").success());
    let node = Redis::at(ports[0]);
    eventually("the cluster is up", 20_000, async || {
        let info = node.try_ask::<String>(&["CLUSTER", "INFO"]).await.ok()?;
        Some(info.contains("cluster_state:ok"))
    })
    .await;

    let setup = Setup::at(&format!("redis+cluster://{}", hosts.join(","))).await;
    let list = setup.follow().await;
    let now = SystemClock.now().as_unix();
    setup.add(&[watermark("ada", now, now + 300)]).await;
    eventually("ada is refused", 2000, async || list.refuses("ada")).await;
    assert_eq!(list.refuses("bea"), Some(false));
    let url = format!("redis+cluster://{}", hosts.join(","));
    assert_eq!((attempts(&url, "ada").await, attempts(&url, "ada").await), (5, 0));

    // Emptied, it is filled again; R-05: a server that may evict is not trusted.
    for port in &ports {
        let _: String = Redis::at(*port).ask(&["FLUSHALL"]).await;
    }
    setup.add(&[watermark("bea", now, now + 300)]).await;
    eventually("bea is refused", 5000, async || list.refuses("bea")).await;
    eventually("the list is fresh", 5000, async || list.refuses("cay").map(|is| !is)).await;
    let _: String =
        Redis::at(ports[2]).ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    let relay = setup.another_relay();
    eventually("the setting is noticed", 5000, async || {
        let status = relay.status();
        Some(status.connected && !status.policy_ok)
    })
    .await;
}
