//! A real nginx with a configuration of the repository, and services behind it.

use super::{ports, process};
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

/// An `nginx` that ends when this is dropped.
pub struct Nginx {
    _service: process::Service,
    errors: PathBuf,
}

impl Nginx {
    /// Runs a configuration in which each of `changes` was made, and waits until `port` answers.
    pub fn start(configuration: &str, changes: &[(&str, String)], port: u16) -> Self {
        let directory = process::directory("nginx");
        let path = directory.path().to_owned();
        let mut text = configuration.to_owned();
        for (from, to) in changes {
            assert!(text.contains(from), "{from} is not in the configuration");
            text = text.replace(from, to);
        }
        // What the system's own nginx has elsewhere is of another user.
        let own = path.display();
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {own}/{name};"));
        let http = format!("http {{ access_log off; {}", paths.join(" "));
        text = text.replace("http {", &http);
        let file = path.join("nginx.conf");
        std::fs::write(&file, text).expect("the directory is writable");
        let global = format!(
            "daemon off; worker_processes 1; pid {0}/pid; error_log {0}/errors;",
            path.display()
        );
        let (file, prefix) = (file.display().to_string(), path.display().to_string());
        let installed = "/usr/sbin/nginx";
        let nginx = if std::path::Path::new(installed).exists() { installed } else { "nginx" };
        let command = [nginx, "-p", &prefix, "-c", &file, "-g", &global];
        let service = process::Service::start(directory, "TERM", &command);
        process::wait_until("nginx", &path, || ports::answers(port));
        Self { _service: service, errors: path.join("errors") }
    }

    /// What went wrong, by its own account.
    pub fn errors(&self) -> String {
        std::fs::read_to_string(&self.errors).unwrap_or_default()
    }
}

/// A service that answers every request with the request. It ends with the process.
pub fn echo() -> u16 {
    let port = ports::free_port();
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Whoever hangs up early gets no answer.
            drop(stream.and_then(answer));
        }
    });
    port
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut request = String::new();
    while let Some(line) = lines.next().transpose()?.filter(|line| !line.is_empty()) {
        request += &line;
        request.push('\n');
    }
    let length = request.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{request}"
    )?;
    // A body that nobody reads would make the kernel take the answer back.
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    std::io::copy(&mut stream, &mut std::io::sink()).map(drop)
}
