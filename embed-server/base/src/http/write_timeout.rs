//! A stream whose client has to take what is written.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// The bytes that a client has to take of a response within the timeout. Far less than the slowest mobile network carries,
/// and what a response has in memory of a large file.
pub const LEAST_TAKEN: usize = 16 * 1024;

/// Fails a write that waits once the client has taken less than [`LEAST_TAKEN`] for as long as the timeout.
pub struct WriteTimeout<S> {
    stream: S,
    timeout: Duration,
    /// When the client must have taken enough; `None` where no write has waited since it last had.
    deadline: Option<Pin<Box<Sleep>>>,
    taken: usize,
}

impl<S> WriteTimeout<S> {
    pub fn new(stream: S, timeout: Duration) -> Self {
        Self { stream, timeout, deadline: None, taken: 0 }
    }

    fn check(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = written {
            self.taken += bytes;
            if self.taken >= LEAST_TAKEN {
                self.deadline = None;
            }
        }
        if written.is_pending() {
            let deadline = self.deadline.get_or_insert_with(|| {
                self.taken = 0;
                Box::pin(sleep_until(Instant::now() + self.timeout))
            });
            ready!(deadline.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.check(written, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.check(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes once it has written all that it has, so nothing waits any more.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.deadline = None;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const TIMEOUT: Duration = Duration::from_millis(500);
    const LIMIT: Duration = Duration::from_secs(20);

    /// Writes 64 KiB to a client that takes so many bytes of it every 10 ms.
    async fn write_to_a_client_that_takes(bytes: usize) -> io::Result<()> {
        let (server, mut client) = tokio::io::duplex(1024);
        let reading = tokio::spawn(async move {
            let mut buffer = vec![0; bytes];
            while client.read_exact(&mut buffer).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let mut stream = WriteTimeout::new(server, TIMEOUT);
        let written = tokio::time::timeout(LIMIT, stream.write_all(&[0; 64 * 1024])).await;
        reading.abort();
        written.expect("the write ends")
    }

    #[tokio::test]
    async fn a_client_that_takes_a_little_again_and_again_is_given_up() {
        let error = write_to_a_client_that_takes(1).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_slow_client_gets_all_of_it() {
        write_to_a_client_that_takes(4096).await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_was_slow_and_then_idle_writes_again() {
        let (server, mut client) = tokio::io::duplex(1024);
        let mut stream = WriteTimeout::new(server, TIMEOUT);
        for _ in 0..2 {
            let (written, read) = tokio::join!(
                async {
                    stream.write_all(&[0; 2048]).await?;
                    stream.flush().await
                },
                async {
                    tokio::time::sleep(TIMEOUT / 5).await;
                    client.read_exact(&mut [0; 2048]).await
                },
            );
            written.unwrap();
            read.unwrap();
            tokio::time::sleep(TIMEOUT).await;
        }
    }
}
