//! An address of a client's that takes posts and keeps them.

use super::ports;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Posted {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The fields of a form.
    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

/// Takes posts; it is there until the test ends.
#[derive(Clone)]
pub struct Inbox {
    /// Its address, without a slash at the end.
    pub base: String,
    posts: Arc<Mutex<Vec<Posted>>>,
    status: Arc<AtomicU16>,
    delay_ms: Arc<AtomicU64>,
}

impl Inbox {
    /// An inbox that answers 200.
    pub async fn open() -> Self {
        Self::open_at(ports::free_port()).await
    }

    /// An inbox on a port that was chosen before.
    pub async fn open_at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let inbox = Self {
            base: format!("http://127.0.0.1:{port}"),
            posts: Arc::default(),
            status: Arc::new(AtomicU16::new(200)),
            delay_ms: Arc::default(),
        };
        let shared = inbox.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                // A caller that hangs up has said enough.
                tokio::spawn(async move { drop(shared.serve(stream).await) });
            }
        });
        inbox
    }

    /// Answers with another status from now on.
    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// Takes its time from now on.
    pub fn be_slow(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).expect("a short time");
        self.delay_ms.store(millis, Ordering::SeqCst);
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// What has come so far.
    pub fn posts(&self) -> Vec<Posted> {
        self.posts.lock().expect("no holder panics").clone()
    }

    /// Waits until so many have come, for 20 s at most.
    #[track_caller]
    pub fn expect(&self, count: usize) -> impl Future<Output = Vec<Posted>> + use<> {
        let (inbox, caller) = (self.clone(), std::panic::Location::caller());
        async move {
            for _ in 0..400 {
                let posts = inbox.posts();
                if posts.len() >= count {
                    return posts;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            panic!("{caller}: {} of {count} came", inbox.posts().len());
        }
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut read = Vec::new();
        let mut chunk = [0; 4096];
        let (head, body_at) = loop {
            let count = stream.read(&mut chunk).await?;
            if count == 0 {
                return Ok(());
            }
            read.extend_from_slice(&chunk[..count]);
            if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                break (String::from_utf8_lossy(&read[..at]).into_owned(), at + 4);
            }
        };
        let mut lines = head.lines();
        let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut posted = Posted { path: path.to_owned(), headers, body: String::new() };
        let length = posted.header("content-length").and_then(|text| text.parse().ok());
        while read.len() < body_at + length.unwrap_or(0) {
            let count = stream.read(&mut chunk).await?;
            if count == 0 {
                break;
            }
            read.extend_from_slice(&chunk[..count]);
        }
        posted.body = String::from_utf8_lossy(&read[body_at..]).into_owned();
        self.posts.lock().expect("no holder panics").push(posted);
        tokio::time::sleep(Duration::from_millis(self.delay_ms.load(Ordering::SeqCst))).await;
        let status = self.status.load(Ordering::SeqCst);
        let location = if status / 100 == 3 { "Location: /elsewhere\r\n" } else { "" };
        let answer = format!(
            "HTTP/1.1 {status} As Told\r\n{location}Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await
    }
}
