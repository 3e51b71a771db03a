//! Requests that no HTTP library would send, written to the socket byte by byte.

use super::TestServer;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends bytes and gives the status of the answer, and the answer. Status 0 when the connection was
/// closed without one.
pub async fn send(server: &TestServer, bytes: &[u8]) -> (u16, String) {
    let address = server.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    // The server may have refused, and closed, before it has read all.
    drop(stream.write_all(bytes).await);
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    let read = async {
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..count]);
            if is_whole(&answer) {
                break;
            }
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(12), read).await;
    assert!(ended.is_ok(), "no answer, and no end of the connection");
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_default(), text)
}

/// Whether head and body have come; an answer without a length ends with the connection.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let head_bytes = head.len() + 4;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    length.is_some_and(|length| answer.len() >= head_bytes + length)
}

/// `Host` as the server wants it.
pub fn host(server: &TestServer) -> String {
    server.base.trim_start_matches("http://").to_owned()
}

/// Whether the server is well after what was done to it: it answers, and nothing has panicked.
pub async fn is_well(server: &TestServer) -> bool {
    let request = format!("GET /livez HTTP/1.1\r\nHost: {}\r\n\r\n", host(server));
    send(server, request.as_bytes()).await.0 == 200
}
