//! A web site over https on this machine, whose certificate its own authority vouches for.

use super::certificates::Issued;
use openssl::ssl::{SslAcceptor, SslMethod};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::NamedTempFile;

/// What is answered at a path: the status, more headers, and the body.
type Shelf = Arc<Mutex<HashMap<String, (u16, String, String)>>>;

/// A site; it is there until the process ends.
pub struct TlsSite {
    /// Its address, without a slash at the end.
    pub base: String,
    shelf: Shelf,
    asked: Arc<AtomicUsize>,
    /// The certificate, to be trusted.
    pub ca: NamedTempFile,
}

impl TlsSite {
    /// Starts one.
    pub fn start() -> Self {
        let own = Issued::host("localhost");
        let mut ca = NamedTempFile::new().expect("a file can be made");
        ca.write_all(&own.pem()).expect("it can be written");
        let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls()).expect("TLS");
        acceptor.set_private_key(&own.key).expect("a key");
        acceptor.set_certificate(&own.x509).expect("a certificate");
        let acceptor = acceptor.build();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let (shelf, asked) = (Shelf::default(), Arc::new(AtomicUsize::new(0)));
        let (documents, count) = (shelf.clone(), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Who does not trust the certificate hangs up.
                let Ok(mut stream) = acceptor.accept(stream) else { continue };
                let mut head = vec![0; 8192];
                let read = stream.read(&mut head).unwrap_or_default();
                let head = String::from_utf8_lossy(&head[..read]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                count.fetch_add(1, Ordering::SeqCst);
                let found =
                    documents.lock().expect("no one panics with the lock").get(&path).cloned();
                let (status, more, body) = found.unwrap_or((404, String::new(), String::new()));
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n\
                     Content-Length: {length}\r\nConnection: close\r\n{more}\r\n{body}"
                );
                drop(stream.write_all(answer.as_bytes()));
                drop(stream.shutdown());
            }
        });
        Self { base: format!("https://localhost:{port}"), shelf, asked, ca }
    }

    /// Puts a document at a path, and gives its address.
    pub fn put(&self, path: &str, body: &serde_json::Value) -> String {
        self.answer(path, 200, "", &body.to_string())
    }

    /// What is answered at a path from now on; gives its address.
    pub fn answer(&self, path: &str, status: u16, headers: &str, body: &str) -> String {
        let mut shelf = self.shelf.lock().expect("no one panics with the lock");
        shelf.insert(path.to_owned(), (status, headers.to_owned(), body.to_owned()));
        format!("{}{path}", self.base)
    }

    /// How often anything was asked for.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}
