//! Instances as an operator runs them: the program, on one PostgreSQL and one Redis, behind nginx.

use super::command::program;
use super::nginx::Nginx;
use super::process::{self, Service};
use super::redis::Redis;
use super::{Store, TestServer, ports};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// The nginx of the documentation.
const NGINX: &str = include_str!("../../../deploy/nginx.conf");
/// A moment in which both instances work.
const TOGETHER: Duration = Duration::from_millis(500);

/// Two instances. What they are given stays until the test ends.
pub struct Cluster {
    /// Where people and clients reach them: nginx.
    pub issuer: String,
    pub redis: Redis,
    pub database_url: String,
    instances: [Instance; 2],
    nginx: Nginx,
    _directory: TempDir,
}

/// One of them.
pub struct Instance {
    pub listen: String,
    settings: Vec<(&'static str, String)>,
    log: PathBuf,
    running: Option<Service>,
}

impl Cluster {
    /// Prepares the database with a server of its own, which gives people and clients; then starts both.
    pub async fn start<T>(prepare: impl AsyncFnOnce(&TestServer) -> T) -> (Self, T) {
        let [entry, a, b] = [ports::free_port(), ports::free_port(), ports::free_port()];
        let issuer = format!("http://127.0.0.1:{entry}");
        let public = issuer.clone();
        let server = TestServer::with_on(Store::Postgres, |config| config.issuer = public).await;
        let prepared = prepare(&server).await;
        let database_url = server.database_url().to_owned();
        let key = server.master_key().expect("it has one").to_owned();
        drop(server);
        let (redis, nginx) = tokio::task::spawn_blocking(move || {
            (Redis::start(), Nginx::start(NGINX, &changes(entry, a, b), entry))
        })
        .await
        .expect("both are installed");
        let directory = process::directory("cluster");
        let instance = |name: &str, port: u16| Instance {
            listen: format!("127.0.0.1:{port}"),
            settings: vec![
                ("COUNTERSIGN_ISSUER", issuer.clone()),
                ("COUNTERSIGN_LISTEN", format!("127.0.0.1:{port}")),
                ("COUNTERSIGN_DATABASE_URL", database_url.clone()),
                ("COUNTERSIGN_MASTER_KEY", key.clone()),
                ("COUNTERSIGN_REDIS_URL", redis.url()),
                ("COUNTERSIGN_TRUSTED_PROXIES", "127.0.0.1".into()),
                ("COUNTERSIGN_SERVER__DRAIN_SECONDS", "1".into()),
                ("COUNTERSIGN_SERVER__WORKERS", "1".into()),
            ],
            log: directory.path().join(name),
            running: None,
        };
        let instances = [instance("a", a), instance("b", b)];
        let mut cluster =
            Self { issuer, redis, database_url, instances, nginx, _directory: directory };
        for instance in &mut cluster.instances {
            instance.start().await;
        }
        (cluster, prepared)
    }

    pub fn a(&mut self) -> &mut Instance {
        &mut self.instances[0]
    }

    pub fn b(&mut self) -> &mut Instance {
        &mut self.instances[1]
    }

    /// Both, one after the other: asked to end, gone, started anew.
    pub async fn restart_each(&mut self) {
        for instance in &mut self.instances {
            instance.end().await;
            instance.start().await;
            tokio::time::sleep(TOGETHER).await;
        }
    }

    /// Kills one in the middle of what it does, and starts it again.
    pub async fn kill_and_restart(&mut self, which: usize) {
        let instance = &mut self.instances[which];
        instance.kill().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        instance.start().await;
        tokio::time::sleep(TOGETHER).await;
    }

    /// Runs a command beside the instances.
    pub async fn command(&self, arguments: &[&str]) -> super::command::Ran {
        let settings = &self.instances[0].settings;
        let variables: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
        super::command::run(&variables, arguments).await
    }

    /// What nginx says went wrong.
    pub fn errors(&self) -> String {
        self.nginx.errors()
    }
}

fn changes(entry: u16, a: u16, b: u16) -> [(&'static str, String); 5] {
    [
        ("countersign-a:8080", format!("127.0.0.1:{a}")),
        ("countersign-b:8080", format!("127.0.0.1:{b}")),
        ("listen 443 ssl;", format!("listen 127.0.0.1:{entry};")),
        ("ssl_certificate /etc/nginx/tls/fullchain.pem;", String::new()),
        ("ssl_certificate_key /etc/nginx/tls/privkey.pem;", String::new()),
    ]
}

impl Instance {
    /// Starts it, and waits until it wants requests.
    pub async fn start(&mut self) {
        let program = program(&[]);
        let binary = program.get_program().to_str().expect("a path").to_owned();
        let mut command = vec!["env".to_owned(), "-i".to_owned()];
        command.extend(self.settings.iter().map(|(name, value)| format!("{name}={value}")));
        let log = self.log.display();
        command.extend(["sh".into(), "-c".into(), format!("exec \"$0\" serve >>'{log}' 2>&1")]);
        command.push(binary);
        let directory = process::directory("instance");
        self.running = Some(Service::start(directory, "TERM", &command));
        for _ in 0..400 {
            if self.is_ready().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        panic!("{} is not ready within 20 s:\n{log}", self.listen);
    }

    /// Its own address, without nginx.
    pub fn base(&self) -> String {
        format!("http://{}", self.listen)
    }

    pub async fn is_ready(&self) -> bool {
        let answer = reqwest::get(format!("{}/readyz", self.base())).await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    /// SIGTERM, and waits until it has ended by itself.
    pub async fn end(&mut self) {
        self.signal_and_wait("TERM").await;
    }

    /// SIGKILL: nothing is finished, nothing is said.
    pub async fn kill(&mut self) {
        self.signal_and_wait("KILL").await;
    }

    async fn signal_and_wait(&mut self, signal: &str) {
        let service = self.running.as_mut().expect("it runs");
        service.signal(signal);
        let process = PathBuf::from(format!("/proc/{}/stat", service.pid));
        for _ in 0..400 {
            if has_ended(&process) {
                self.running = None;
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("it has not ended ten seconds after SIG{signal}");
    }
}

/// Whether a process is gone, or a zombie that its parent has not looked after yet.
fn has_ended(stat: &Path) -> bool {
    let stat = std::fs::read_to_string(stat).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z'))
}
