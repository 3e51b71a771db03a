//! `countersign verify-proxy`, as a process of its own.

use super::command::program;
use super::process::{self, Service};
use super::{TestServer, ports};
use std::time::Duration;

/// The sidecar, running as a process of its own.
pub struct Sidecar {
    pub base: String,
    _service: Service,
}

impl Sidecar {
    /// Starts it on a free port, with more flags.
    pub fn start(server: &TestServer, more: &[&str]) -> Self {
        let listen = format!("127.0.0.1:{}", ports::free_port());
        Self::start_at(server.issuer(), &listen, more)
    }

    /// As [`Sidecar::start`], for an issuer and at an address.
    pub fn start_at(issuer: &str, listen: &str, more: &[&str]) -> Self {
        let directory = process::directory("sidecar");
        let path = directory.path().to_owned();
        let program = program(&[]);
        let binary = program.get_program().to_str().expect("a path").to_owned();
        let mut command =
            vec![binary.as_str(), "verify-proxy", "--issuer", issuer, "--listen", listen];
        command.extend(more);
        let service = Service::start(directory, "TERM", &command);
        let port = listen.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        process::wait_until("the sidecar", &path, || ports::answers(port));
        Self { base: format!("http://{listen}"), _service: service }
    }

    /// Waits until it has keys and list.
    pub async fn ready(&self) {
        for _ in 0..100 {
            let answer = reqwest::get(format!("{}/readyz", self.base)).await.expect("an answer");
            if answer.status() == 200 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the sidecar is not ready within five seconds");
    }
}
