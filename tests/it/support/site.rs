//! A web site of a client's: documents at paths, over plain http on this machine.

use super::ports;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

type Documents = Arc<Mutex<HashMap<String, (String, Vec<u8>)>>>;

/// A site; it is there until the test ends.
#[derive(Clone)]
pub struct Site {
    /// Its address, without a slash at the end.
    pub base: String,
    documents: Documents,
    asked: Arc<AtomicUsize>,
}

impl Site {
    /// A site without documents.
    pub async fn start() -> Self {
        let port = ports::free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let documents = Documents::default();
        let asked = Arc::new(AtomicUsize::new(0));
        let (shelf, count) = (documents.clone(), asked.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = vec![0; 8192];
                let read = stream.read(&mut head).await.unwrap_or_default();
                let head = String::from_utf8_lossy(&head[..read]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                count.fetch_add(1, Ordering::SeqCst);
                let found = shelf.lock().expect("no one panics with the lock").get(&path).cloned();
                let (status, (kind, body)) = match found {
                    Some(document) => ("200 OK", document),
                    None => ("404 Not Found", ("text/plain".to_owned(), Vec::new())),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
                     Connection: close\r\n\r\n",
                    body.len()
                );
                // A caller that hangs up has seen enough.
                let written = stream.write_all(&[head.into_bytes(), body].concat()).await;
                drop(written);
            }
        });
        Self { base: format!("http://127.0.0.1:{port}"), documents, asked }
    }

    /// Puts a document at a path, and gives its address.
    pub fn put(&self, path: &str, kind: &str, body: impl Into<Vec<u8>>) -> String {
        let mut documents = self.documents.lock().expect("no one panics with the lock");
        documents.insert(path.to_owned(), (kind.to_owned(), body.into()));
        format!("{}{path}", self.base)
    }

    /// Puts a JSON document at a path, and gives its address.
    pub fn put_json(&self, path: &str, body: &serde_json::Value) -> String {
        self.put(path, "application/json", body.to_string())
    }

    /// How often anything was asked for.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}
