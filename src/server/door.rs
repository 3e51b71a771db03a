//! The way in, which is closed to newcomers before the server stops.
//!
//! A server that stops closes its listener, and the kernel resets the connections that nobody had
//! taken from it yet; those that were taken and not begun are dropped as well. Behind a proxy that
//! is a request which fails for no reason. So the listener first stops to take part in handshakes:
//! whoever comes now is not answered, tries again after a second and is refused then, which makes a
//! proxy go to the next server. Whoever was in before is served.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

/// How many connections wait in the kernel.
const BACKLOG: i32 = 2048;
/// How long the last handshakes take, and the way from the listener to whoever serves.
pub const CLOSING: Duration = Duration::from_millis(100);

/// A listener, held beside the server that takes connections from it. Once the server has stopped
/// this must be dropped, or the address stays taken.
#[derive(Debug)]
pub struct Door(Socket);

impl Door {
    /// Listens on an address.
    ///
    /// # Errors
    ///
    /// When it is taken, or not ours.
    pub fn open(address: SocketAddr) -> io::Result<(Self, TcpListener)> {
        let kind = Type::STREAM.cloexec();
        let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let listener = socket.try_clone()?.into();
        Ok((Self(socket), listener))
    }

    /// Lets nobody in any more; those who are on the threshold come in.
    pub fn close(&self) {
        if let Err(error) = self.drop_first_packets() {
            tracing::debug!(%error, "connections may be lost at the end");
        }
    }

    #[cfg(target_os = "linux")]
    fn drop_first_packets(&self) -> io::Result<()> {
        use socket2::SockFilter;
        // Of the flags in the TCP header (RFC 9293 §3.1) SYN alone: the first packet of a handshake.
        let (load_byte, and, jump_if_equal, give) = (0x30, 0x54, 0x15, 0x06);
        let (flags_at, syn, syn_and_ack) = (13, 0x02, 0x12);
        self.0.attach_filter(&[
            SockFilter::new(load_byte, 0, 0, flags_at),
            SockFilter::new(and, 0, 0, syn_and_ack),
            SockFilter::new(jump_if_equal, 0, 1, syn),
            SockFilter::new(give, 0, 0, 0),
            SockFilter::new(give, 0, 0, u32::MAX),
        ])
    }

    #[cfg(not(target_os = "linux"))]
    fn drop_first_packets(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Read, Write};
    use std::net::TcpStream;

    fn come(address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect_timeout(&address, Duration::from_millis(200))
    }

    #[test]
    fn k_09_a_closed_door_keeps_newcomers_out_and_those_on_the_threshold_are_served() {
        let (door, listener) = Door::open(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let mut early: Vec<_> = (0..20).map(|_| come(address).unwrap()).collect();
        door.close();
        assert_eq!(come(address).unwrap_err().kind(), ErrorKind::TimedOut);
        for stream in &mut early {
            stream.write_all(b"?").unwrap();
            let (mut taken, _) = listener.accept().unwrap();
            let mut asked = [0];
            taken.read_exact(&mut asked).unwrap();
            taken.write_all(b"!").unwrap();
        }
        for stream in &mut early {
            let mut answer = [0];
            stream.read_exact(&mut answer).unwrap();
        }
        drop((door, listener));
        assert_eq!(come(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}
