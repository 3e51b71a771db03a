//! A way to a server that can be slow, hang, or break.

use super::support::ports;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Open,
    /// What comes from the server comes so much later, answer by answer.
    Slow(Duration),
    /// Nothing comes through, and nothing breaks.
    Hangs,
    /// Connections break, and new ones are closed at once.
    Broken,
}

/// Bytes for a port, by way of another port.
pub struct TcpProxy {
    pub port: u16,
    to: Arc<AtomicU16>,
    way: watch::Sender<Way>,
    connections: Arc<AtomicU64>,
}

impl TcpProxy {
    /// A way to a port of this machine, open.
    pub async fn to(port: u16) -> Self {
        let own = ports::free_port();
        let listener = TcpListener::bind(("127.0.0.1", own)).await.expect("the port is free");
        let (way, ways) = watch::channel(Way::Open);
        let connections = Arc::<AtomicU64>::default();
        let to = Arc::new(AtomicU16::new(port));
        let (counted, target) = (connections.clone(), to.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let port = target.load(Ordering::Relaxed);
                tokio::spawn(carry(near, port, ways.clone()));
            }
        });
        Self { port: own, to, way, connections }
    }

    /// Changes what happens, also to the connections there are.
    pub fn turn(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Lets the address lead elsewhere, as a fail-over does: the connections there are break.
    pub fn lead_to(&self, port: u16) {
        self.to.store(port, Ordering::Relaxed);
        self.turn(Way::Broken);
        self.turn(Way::Open);
    }

    /// How many connections there were.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn carry(near: TcpStream, port: u16, mut ways: watch::Receiver<Way>) {
    if *ways.borrow() == Way::Broken {
        return;
    }
    let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    // A proxy must not be what is slow.
    drop((near.set_nodelay(true), far.set_nodelay(true)));
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    let (there, back) = (ways.clone(), ways.clone());
    tokio::select! {
        () = copy(near_read, far_write, there, false) => {}
        () = copy(far_read, near_write, back, true) => {}
        _ = ways.wait_for(|way| *way == Way::Broken) => {}
    }
}

async fn copy(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut ways: watch::Receiver<Way>,
    is_answer: bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let way = *ways.borrow_and_update();
        match way {
            Way::Slow(by) if is_answer => tokio::time::sleep(by).await,
            Way::Hangs if ways.wait_for(|way| *way != Way::Hangs).await.is_err() => return,
            _ => {}
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
