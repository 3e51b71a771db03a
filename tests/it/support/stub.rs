//! A document at an address: what a client publishes.

use super::ports;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// Serves one document, and counts how often it is asked for. It ends with the process.
#[derive(Clone)]
pub struct Document {
    pub uri: String,
    body: Arc<Mutex<String>>,
    calls: Arc<AtomicUsize>,
    held: Arc<(Mutex<bool>, Condvar)>,
}

impl Document {
    /// Serves a document.
    pub fn serve(document: &Value) -> Self {
        let port = ports::free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let served = Self {
            uri: format!("http://127.0.0.1:{port}/document"),
            body: Arc::new(Mutex::new(document.to_string())),
            calls: Arc::default(),
            held: Arc::default(),
        };
        let shared = served.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // Whoever hangs up early gets no answer.
                drop(stream.and_then(|stream| shared.answer(stream)));
            }
        });
        served
    }

    /// Puts another document in its place.
    pub fn replace(&self, document: &Value) {
        *self.body.lock().expect("no holder panics") = document.to_string();
    }

    /// Lets everybody who asks from now on wait until [`Document::release`].
    pub fn hold(&self) {
        *self.held.0.lock().expect("no holder panics") = true;
    }

    /// Answers whoever waits.
    pub fn release(&self) {
        *self.held.0.lock().expect("no holder panics") = false;
        self.held.1.notify_all();
    }

    /// Waits until somebody asks for it.
    pub async fn asked(&self) {
        let before = self.calls();
        while self.calls() == before {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// How often it was asked for.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
        self.calls.fetch_add(1, Ordering::SeqCst);
        let held = self.held.0.lock().expect("no holder panics");
        drop(self.held.1.wait_while(held, |held| *held).expect("no holder panics"));
        let body = self.body.lock().expect("no holder panics").clone();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        )
    }
}
