//! Connections: how many an address may hold, and that others get through meanwhile.

use crate::app::TestApp;
use embed_base::http::CONNECTIONS_PER_NETWORK;
use embed_testing::{Database, until};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};

const LIMIT: Duration = Duration::from_secs(20);

/// A connection from an address of the loopback network.
async fn connect(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

/// Waits until the server has closed the connection.
async fn closed(stream: &mut TcpStream) -> bool {
    let read = tokio::time::timeout(LIMIT, stream.read(&mut [0; 1])).await;
    matches!(read, Ok(Ok(0) | Err(_)))
}

async fn is_alive(app: &TestApp) -> bool {
    app.get("/healthz").send().await.is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_its_connections_and_no_other_pays_for_them() {
    let app = TestApp::start(Database::sqlite()).await;
    let address = app.server.address();
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS_PER_NETWORK {
        held.push(connect("127.0.0.2", address).await);
    }
    assert!(closed(&mut connect("127.0.0.2", address).await).await, "one more is closed");
    assert!(is_alive(&app).await);
    held.truncate(CONNECTIONS_PER_NETWORK / 2);
    let place_again = async || {
        let mut stream = connect("127.0.0.2", address).await;
        // One that is let in is not closed, so nothing can be read from it yet.
        tokio::time::timeout(Duration::from_millis(100), stream.read(&mut [0; 1])).await.is_err()
    };
    until("its places to be free again", LIMIT, place_again).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_every_place_is_taken_a_new_address_gets_one() {
    let app = TestApp::start_with(Database::sqlite(), &[("EMBED_CONNECTION_LIMIT", "40")]).await;
    let address = app.server.address();
    let mut held = Vec::new();
    for connection in 0..40 {
        held.push(connect(&format!("127.0.0.{}", 2 + connection % 2), address).await);
    }
    assert!(closed(&mut connect("127.0.0.2", address).await).await, "nobody makes room for themselves");
    for _ in 0..3 {
        assert!(is_alive(&app).await);
    }
    assert!(closed(&mut held[1]).await, "the oldest of an address with the most has made room");
    let metrics = app.get("/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("embed_connections_closed_total{reason=\"replaced\"}"), "{metrics}");
}
