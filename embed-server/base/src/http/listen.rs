//! The listener: it accepts connections, bounds what each may hold, and closes them gracefully when the server stops.

use super::HostRouter;
use super::connections::Connections;
use super::write_timeout::WriteTimeout;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long a client may take to send a request's head; it also ends idle connections.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take to read [`LEAST_TAKEN`](super::LEAST_TAKEN) bytes of a response that waits to be sent.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest head of a request in bytes; a longer one is refused with 431. hyper buffers as much of a response.
pub const HEAD_LIMIT: usize = 32 * 1024;
/// How long open requests may take to finish once the server stops.
const GRACE: Duration = Duration::from_secs(20);
/// A pause after a failed accept (too many open files), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop`; then accepts no new connection, lets open requests finish, and returns. At most `limit` connections
/// are open at once.
pub async fn serve(listener: TcpListener, router: HostRouter, limit: usize, stop: CancellationToken) {
    serve_within(listener, router, limit, (HEAD_TIMEOUT, WRITE_TIMEOUT), stop).await;
}

async fn serve_within(
    listener: TcpListener,
    router: HostRouter,
    limit: usize,
    (head_timeout, write_timeout): (Duration, Duration),
    stop: CancellationToken,
) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_header_size(HEAD_LIMIT)
        .max_buf_size(HEAD_LIMIT);
    let graceful = GracefulShutdown::new();
    let connections = Connections::new(limit, router.proxies().clone(), router.metrics().clone());
    let router = Arc::new(router);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(admitted) = connections.admit(peer.ip()) else {
            tracing::debug!(%peer, "a connection was closed: its address, or the server, has too many");
            continue;
        };
        let router = router.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let router = router.clone();
            async move { router.answer(peer, request.map(Body::new)).await }
        });
        // Responses are small and written at once, so waiting for more to send gains nothing.
        let _ = stream.set_nodelay(true);
        let io = TokioIo::new(WriteTimeout::new(stream, write_timeout));
        let connection = graceful.watch(builder.serve_connection(io, service));
        tokio::spawn(async move {
            tokio::select! {
                // A client that disconnects during a request is no fault of the server.
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, %peer, "a connection ended early");
                },
                () = admitted.lost.cancelled() => {
                    tracing::debug!(%peer, "a connection was closed to make room for another address");
                }
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time and were cut off");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Hosts, Routers};
    use crate::metrics::Metrics;
    use crate::net::TrustedProxies;
    use axum::Router;
    use axum::routing::get;
    use futures_util::stream;
    use std::convert::Infallible;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    const SHORT: Duration = Duration::from_millis(200);
    const LONG: Duration = Duration::from_secs(60);
    const LIMIT: Duration = Duration::from_secs(20);

    /// A response without end, and a count of those that are being sent.
    async fn server(timeouts: (Duration, Duration)) -> (SocketAddr, Arc<()>) {
        let sending = Arc::new(());
        let counted = sending.clone();
        let endless = get(move || async move {
            let chunks = stream::repeat_with(move || {
                let _ = &counted;
                Ok::<_, Infallible>(vec![0_u8; 64 * 1024])
            });
            Body::from_stream(chunks)
        });
        let public = Router::new().route("/endless", endless).route("/", get(|| async { "hello" }));
        let routers = Routers { public, module: Router::new(), unknown: Router::new() };
        let hosts = Hosts::new("http://a", None);
        let router = HostRouter::new(hosts, TrustedProxies::default(), Metrics::default(), routers);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve_within(listener, router, 100, timeouts, CancellationToken::new()));
        (address, sending)
    }

    async fn send(address: SocketAddr, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// What the server sends until it closes the connection.
    async fn read(stream: &mut TcpStream) -> String {
        let mut text = Vec::new();
        // A connection that is reset has ended too.
        let read = tokio::time::timeout(LIMIT, stream.read_to_end(&mut text));
        let _ = read.await.expect("the server closes the connection");
        String::from_utf8_lossy(&text).into_owned()
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_closed() {
        let (address, sending) = server((LONG, SHORT)).await;
        let before = Arc::strong_count(&sending);
        let stream = send(address, "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let count = async |more: usize| {
            while Arc::strong_count(&sending) != before + more {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(LIMIT, count(1)).await.expect("the response begins");
        tokio::time::timeout(LIMIT, count(0)).await.expect("the response is given up");
        drop(stream);
    }

    #[tokio::test]
    async fn an_idle_connection_and_a_slow_head_are_closed() {
        let (address, _) = server((SHORT, LONG)).await;
        for sent in ["", "GET / HTTP/1.1\r\nHost: a\r\nX-Slow"] {
            read(&mut send(address, sent).await).await;
        }
        let answer = read(&mut send(address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await).await;
        assert!(answer.ends_with("hello"), "{answer}");
    }

    #[tokio::test]
    async fn a_head_has_32_kib() {
        let (address, _) = server((LONG, LONG)).await;
        for (length, status) in [(HEAD_LIMIT - 1024, "200 OK"), (HEAD_LIMIT, "431 ")] {
            let fill = "x".repeat(length);
            let request = format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Fill: {fill}\r\n\r\n");
            let answer = read(&mut send(address, &request).await).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{length}: {answer}");
        }
    }
}
