//! A Redis server of one's own, with nothing kept on disk.

use super::{ports, process};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// A `redis-server` on a free port of 127.0.0.1; it ends when this is dropped.
pub struct Redis {
    port: u16,
    /// What comes before the command.
    prefix: Vec<String>,
    service: Option<process::Service>,
}

impl Redis {
    /// Starts an empty server and waits until it answers.
    pub fn start() -> Self {
        Self::start_below(Vec::new())
    }

    /// As [`Redis::start`], run by another command, of which these are the words.
    pub fn start_below(prefix: Vec<String>) -> Self {
        let mut redis = Self { port: ports::free_port(), prefix, service: None };
        redis.restart_empty();
        redis
    }

    /// For `COUNTERSIGN_REDIS_URL`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends the server: connections break, new ones are refused.
    pub fn stop(&mut self) {
        self.service = None;
    }

    /// Kills the server: nothing is finished, nothing is said.
    pub fn kill(&mut self) {
        self.service.as_mut().expect("the server runs").signal("KILL");
        self.stop();
    }

    /// Ends the server, if it runs, and starts an empty one on the same port.
    pub fn restart_empty(&mut self) {
        self.stop();
        let directory = process::directory("redis");
        let path = directory.path().to_owned();
        let port = self.port.to_string();
        let dir = path.to_str().expect("/tmp is plain text").to_owned();
        let command = [
            "redis-server",
            "--port",
            &port,
            "--bind",
            "127.0.0.1",
            "--dir",
            &dir,
            "--save",
            "",
            "--appendonly",
            "no",
            "--maxmemory-policy",
            "noeviction",
        ];
        let command: Vec<&str> = self.prefix.iter().map(String::as_str).chain(command).collect();
        self.service = Some(process::Service::start(directory, "TERM", &command));
        process::wait_until("redis-server", &path, || self.ping());
    }

    /// Makes the server hang: it holds its connections and answers none of them.
    pub fn hang(&mut self) {
        self.service.as_mut().expect("the server runs").signal("STOP");
    }

    /// Lets a hanging server go on.
    pub fn resume(&mut self) {
        self.service.as_mut().expect("the server runs").signal("CONT");
    }

    /// Empties the server while it runs.
    pub fn flush(&self) {
        assert_eq!(self.call("FLUSHALL"), "+OK");
    }

    /// Sends a command of plain words and gives the first line of the raw answer, for example
    /// `:1` for `EXISTS key`.
    pub fn call(&self, command: &str) -> String {
        self.try_call(command).expect("redis answers")
    }

    /// Everything that `redis-cli` prints for a command.
    pub fn cli(&self, words: &[&str]) -> String {
        let mut command = std::process::Command::new("redis-cli");
        let output = command.args(["-p", &self.port.to_string()]).args(words).output();
        let output = output.expect("redis-cli is installed");
        assert!(output.status.success(), "{words:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    fn ping(&self) -> bool {
        self.try_call("PING").is_ok_and(|answer| answer == "+PONG")
    }

    fn try_call(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "{command}\r\n")?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        Ok(answer.trim_end().to_owned())
    }
}
