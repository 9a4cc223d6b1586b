//! A line with a latency, so that every connection of a browser feels it, whatever it is for.

use anyhow::Result;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// A TCP relay on a port of its own; it is gone when this goes.
pub struct SlowLine {
    task: JoinHandle<()>,
    hang_up: watch::Sender<()>,
}

impl SlowLine {
    /// Relays `from` to `to`. A connection takes one `round_trip` to come about, and then whatever is sent arrives
    /// half a round trip later, in each direction.
    pub async fn start(from: u16, to: u16, round_trip: Duration) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", from)).await?;
        let (hang_up, hung_up) = watch::channel(());
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let mut hung_up = hung_up.clone();
                hung_up.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        () = relay(near, to, round_trip) => {}
                        _ = hung_up.changed() => {}
                    }
                });
            }
        });
        Ok(Self { task, hang_up })
    }

    /// Cuts every connection off, so that the next request has to open one.
    pub fn hang_up(&self) {
        self.hang_up.send_replace(());
    }
}

impl Drop for SlowLine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection. What breaks it on one side closes the other, and that is all that can be done.
async fn relay(near: TcpStream, to: u16, round_trip: Duration) {
    let opened = Instant::now() + round_trip;
    let Ok(far) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let (Ok(()), Ok(())) = (near.set_nodelay(true), far.set_nodelay(true)) else { return };
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::join!(
        carry(near_read, far_write, opened, round_trip / 2),
        carry(far_read, near_write, opened, round_trip / 2)
    );
}

/// Carries one direction: reading goes on while what was read before is still under way.
async fn carry(
    mut read: impl AsyncRead + Unpin,
    mut write: impl AsyncWrite + Unpin,
    opened: Instant,
    delay: Duration,
) {
    let (sender, mut receiver) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let reader = async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = read.read(&mut buffer).await {
            let due = Instant::now().max(opened) + delay;
            if sender.send((due, buffer[..length].to_vec())).is_err() {
                break;
            }
        }
    };
    let writer = async move {
        while let Some((due, bytes)) = receiver.recv().await {
            if !delay.is_zero() {
                tokio::time::sleep_until(due).await;
            }
            if write.write_all(&bytes).await.is_err() {
                break;
            }
        }
        // The other side may be gone already; then there is nobody left to tell.
        let _ = write.shutdown().await;
    };
    tokio::join!(reader, writer);
}
