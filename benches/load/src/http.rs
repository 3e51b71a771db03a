//! A minimal HTTP/1.1 client: one keep-alive connection per origin and per
//! virtual user, no allocation-heavy header map, no redirects of its own.
//!
//! A load generator on one core must be cheaper per request than the server it
//! drives, which is why this is not a general-purpose client. It speaks plain
//! `http` only: terminate TLS in front of the server under test, or drive the
//! listener behind the proxy.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::cookies::Jar;
use crate::fault::{Fault, Outcome};
use crate::url::Url;

/// What a caller wants sent. The agent adds `Host`, cookies and lengths.
pub struct Request<'a> {
    pub method: &'static str,
    pub url: &'a Url,
    pub headers: &'a [(&'a str, &'a str)],
    /// Content type and body.
    pub body: Option<(&'a str, &'a str)>,
    /// Whether the jar takes part, as it does in a browser and not in an API call.
    pub cookies: bool,
}

impl<'a> Request<'a> {
    pub fn get(url: &'a Url) -> Self {
        Request { method: "GET", url, headers: &[], body: None, cookies: false }
    }

    pub fn form(url: &'a Url, body: &'a str) -> Self {
        Request {
            method: "POST",
            url,
            headers: &[],
            body: Some(("application/x-www-form-urlencoded", body)),
            cookies: false,
        }
    }

    pub fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers = headers;
        self
    }

    pub fn with_cookies(mut self) -> Self {
        self.cookies = true;
        self
    }
}

#[derive(Debug, Default)]
pub struct Response {
    pub status: u16,
    pub location: Option<String>,
    /// Where the `Refresh` header leads, without its delay.
    pub refresh: Option<String>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or("")
    }
}

struct Connection {
    authority: String,
    stream: TcpStream,
}

/// One virtual user's network side: its connections, its cookies, its buffers.
pub struct Agent {
    connections: Vec<Connection>,
    pub jar: Jar,
    limit: Duration,
    out: Vec<u8>,
    buffer: Vec<u8>,
    /// Sent as `X-Forwarded-For`, so that one generator can be many addresses.
    pub address: Option<String>,
    /// Connections opened; more than one per origin means the server closed some.
    pub connects: u64,
}

impl Agent {
    pub fn new(limit: Duration) -> Self {
        Agent {
            connections: Vec::new(),
            jar: Jar::default(),
            limit,
            out: Vec::with_capacity(2048),
            buffer: Vec::with_capacity(16 * 1024),
            address: None,
            connects: 0,
        }
    }

    /// Sends one request and reads the whole answer, within the time limit.
    ///
    /// A kept-alive connection that the server closed before answering a single
    /// byte is replaced once, as every browser does.
    pub async fn send(&mut self, request: &Request<'_>) -> Outcome<Response> {
        self.encode(request);
        let limit = self.limit;
        let slot = self.connections.iter().position(|c| c.authority == request.url.authority);
        let mut stream = match slot {
            Some(at) => Some(self.connections.swap_remove(at).stream),
            None => None,
        };
        let result = timeout(limit, async {
            if let Some(kept) = stream.take() {
                match self.exchange(kept, request).await {
                    Err(Exchange::Stale) => {}
                    Err(Exchange::Failed(fault)) => return Err(fault),
                    Ok(response) => return Ok(response),
                }
            }
            self.connects += 1;
            let fresh = TcpStream::connect(&request.url.authority)
                .await
                .map_err(|e| Fault::new(format!("connect: {}", e.kind())))?;
            fresh.set_nodelay(true).map_err(|e| Fault::new(format!("connect: {e}")))?;
            match self.exchange(fresh, request).await {
                Ok(response) => Ok(response),
                Err(Exchange::Stale) => Err(Fault::new("io: closed without an answer")),
                Err(Exchange::Failed(fault)) => Err(fault),
            }
        })
        .await;
        result.unwrap_or_else(|_| Err(Fault::new("timeout")))
    }

    fn encode(&mut self, request: &Request<'_>) {
        let out = &mut self.out;
        out.clear();
        out.extend_from_slice(request.method.as_bytes());
        out.push(b' ');
        out.extend_from_slice(request.url.target.as_bytes());
        out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
        let host = &request.url.authority;
        out.extend_from_slice(host.strip_suffix(":80").unwrap_or(host).as_bytes());
        out.extend_from_slice(b"\r\nAccept: */*\r\nUser-Agent: oidcload\r\n");
        let address = self.address.as_deref().map(|address| ("X-Forwarded-For", address));
        for (name, value) in request.headers.iter().copied().chain(address) {
            for part in [name.as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                out.extend_from_slice(part);
            }
        }
        if request.cookies {
            self.jar.write_header(request.url, out);
        }
        if let Some((kind, body)) = request.body {
            out.extend_from_slice(
                format!("Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len())
                    .as_bytes(),
            );
            out.extend_from_slice(body.as_bytes());
        } else {
            out.extend_from_slice(b"\r\n");
        }
    }

    async fn exchange(
        &mut self,
        mut stream: TcpStream,
        request: &Request<'_>,
    ) -> Result<Response, Exchange> {
        if stream.write_all(&self.out).await.is_err() {
            return Err(Exchange::Stale);
        }
        self.buffer.clear();
        let (head_end, mut response, framing, close) = loop {
            let got = match stream.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) if self.buffer.is_empty() => return Err(Exchange::Stale),
                Ok(0) => return Err(Exchange::failed("io: cut off in the head")),
                Ok(got) => got,
                Err(e) => return Err(Exchange::failed(format!("io: {}", e.kind()))),
            };
            debug_assert!(got > 0);
            if let Some(head) = self.parse_head(request)? {
                break head;
            }
            if self.buffer.len() > 256 * 1024 {
                return Err(Exchange::failed("http: head too long"));
            }
        };
        self.buffer.drain(..head_end);
        match framing {
            Framing::Length(length) => {
                while self.buffer.len() < length {
                    self.fill(&mut stream).await?;
                }
                response.body.extend_from_slice(&self.buffer[..length]);
            }
            Framing::Chunked => loop {
                if unchunk(&self.buffer, &mut response.body)? == Some(true) {
                    break;
                }
                response.body.clear();
                self.fill(&mut stream).await?;
            },
            Framing::Close => {
                while self.fill(&mut stream).await.is_ok() {}
                response.body.extend_from_slice(&self.buffer);
            }
        }
        if !close {
            let authority = request.url.authority.clone();
            self.connections.push(Connection { authority, stream });
        }
        Ok(response)
    }

    async fn fill(&mut self, stream: &mut TcpStream) -> Result<(), Exchange> {
        match stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err(Exchange::failed("io: cut off in the body")),
            Ok(_) => Ok(()),
            Err(e) => Err(Exchange::failed(format!("io: {}", e.kind()))),
        }
    }

    /// Reads the head if it is complete; stores cookies as it goes.
    #[allow(clippy::type_complexity)]
    fn parse_head(
        &mut self,
        request: &Request<'_>,
    ) -> Result<Option<(usize, Response, Framing, bool)>, Exchange> {
        let mut slots = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut slots);
        let end = match head.parse(&self.buffer) {
            Ok(httparse::Status::Complete(end)) => end,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(e) => return Err(Exchange::failed(format!("http: {e}"))),
        };
        let mut response = Response { status: head.code.unwrap_or(0), ..Response::default() };
        let mut framing = Framing::Close;
        let mut close = head.version == Some(0);
        for header in head.headers.iter() {
            let value = std::str::from_utf8(header.value).unwrap_or("");
            let name = header.name;
            if name.eq_ignore_ascii_case("content-length") {
                let length = value.trim().parse().map_err(|_| Exchange::failed("http: length"))?;
                framing = Framing::Length(length);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                framing = Framing::Chunked;
            } else if name.eq_ignore_ascii_case("connection") {
                close = value.eq_ignore_ascii_case("close");
            } else if name.eq_ignore_ascii_case("location") {
                response.location = Some(value.to_owned());
            } else if name.eq_ignore_ascii_case("refresh") {
                response.refresh = refresh_target(value);
            } else if request.cookies && name.eq_ignore_ascii_case("set-cookie") {
                self.jar.store(request.url, value);
            }
        }
        if matches!(response.status, 100..=199 | 204 | 304) {
            framing = Framing::Length(0);
        }
        if matches!(framing, Framing::Close) {
            close = true;
        }
        Ok(Some((end, response, framing, close)))
    }
}

/// The address in `0;url=/next` (the `Refresh` header of the HTML standard).
fn refresh_target(value: &str) -> Option<String> {
    let (_, target) = value.split_once(';')?;
    let (name, url) = target.split_once('=')?;
    name.trim().eq_ignore_ascii_case("url").then(|| url.trim().trim_matches(['"', '\'']).to_owned())
}

enum Framing {
    Length(usize),
    Chunked,
    Close,
}

enum Exchange {
    /// The kept-alive connection was already gone: try a new one.
    Stale,
    Failed(Fault),
}

impl Exchange {
    fn failed(kind: impl Into<String>) -> Self {
        Exchange::Failed(Fault::new(kind))
    }
}

/// Decodes a chunked body from the start of `raw`. `Some(true)`: whole.
fn unchunk(raw: &[u8], body: &mut Vec<u8>) -> Result<Option<bool>, Exchange> {
    let mut at = 0;
    loop {
        match httparse::parse_chunk_size(&raw[at..]) {
            Ok(httparse::Status::Complete((used, size))) => {
                let from = at + used;
                let size = size as usize;
                if size == 0 {
                    // No trailers are expected: the last chunk ends with one CRLF.
                    return Ok(Some(raw.len() >= from + 2));
                }
                if raw.len() < from + size + 2 {
                    return Ok(None);
                }
                body.extend_from_slice(&raw[from..from + size]);
                at = from + size + 2;
            }
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(Exchange::failed("http: chunk size")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_header_names_its_target() {
        let read = |value| refresh_target(value).unwrap_or_default();
        assert_eq!(read("0;url=http://h/cb?code=a=b;c"), "http://h/cb?code=a=b;c");
        assert_eq!(read("0; URL='/next'"), "/next");
        assert_eq!(refresh_target("5"), None);
    }

    #[test]
    fn chunked_bodies_are_joined() {
        let mut body = Vec::new();
        let raw = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        assert!(matches!(unchunk(raw, &mut body), Ok(Some(true))));
        assert_eq!(body, b"abcde");
        body.clear();
        assert!(matches!(unchunk(&raw[..12], &mut body), Ok(None)));
    }
}
