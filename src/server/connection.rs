//! What is true of every connection, whichever listener took it.

use actix_tls::accept::openssl::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use rustix::net::sockopt::set_tcp_user_timeout;
use std::any::Any;
use std::os::fd::AsFd;
use std::time::Duration;

/// How long an answer may wait for whoever asked to take it: then the kernel ends the connection. It
/// counts while the other side acknowledges nothing, or says that it has no room.
pub const STALLED_WRITE: Duration = Duration::from_secs(30);

/// Sets the deadline for writes on a new connection.
pub fn settle(connection: &dyn Any, _: &mut Extensions) {
    if let Some(stream) = connection.downcast_ref::<TcpStream>() {
        limit_writes(stream);
    }
    if let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() {
        limit_writes(stream.get_ref());
    }
}

/// A socket that cannot be set serves all the same.
fn limit_writes(socket: &impl AsFd) {
    let milliseconds = u32::try_from(STALLED_WRITE.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = set_tcp_user_timeout(socket, milliseconds) {
        tracing::debug!(%error, "no deadline for writes on a connection");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::sockopt::tcp_user_timeout;

    #[tokio::test]
    async fn ht_04_an_answer_that_nobody_takes_is_given_up_after_half_a_minute() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let asking = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (taken, _) = listener.accept().await.unwrap();
        assert_eq!(tcp_user_timeout(&taken).unwrap(), 0);
        settle(&taken, &mut Extensions::new());
        assert_eq!(tcp_user_timeout(&taken).unwrap(), 30_000);
        drop(asking);
    }
}
