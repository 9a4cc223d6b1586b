//! When things break, and when they end.

use crate::app::{TestApp, json_of};
use crate::story;
use embed_server::app::Server;
use embed_testing::Database;
use embed_testing::until;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn requests_are_answered_with_503_while_the_database_is_away() {
    let Some(database) = Database::postgres().await else { return };
    let app = TestApp::start(database).await;
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    assert_eq!(app.get("/readyz").send().await.unwrap().status(), 200);

    app.database.go_away().await;
    let response = app.get("/readyz").send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "2");
    assert_eq!(json_of(response).await.1["code"], "unavailable");
    let response = app.ask("https://example.test", site, module).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["access-control-allow-origin"], "https://example.test");
    assert_eq!(json_of(response).await.1["allowed"], false);
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);

    app.database.come_back().await;
    until("the server to recover", Duration::from_secs(10), async || {
        app.get("/readyz").send().await.unwrap().status() == 200
    })
    .await;
    assert_eq!(app.verdict("https://example.test", site, module).await, "origin_not_allowed");
}

story!(a_request_under_way_is_finished_when_the_server_stops, |app| {
    let address = app.server.address();
    let mut slow = TcpStream::connect(address).await.unwrap();
    let head = "POST /api/embed/verify HTTP/1.1\r\nHost: embed.test\r\nContent-Length: 2\r\n\r\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    // An answer to another request on the same listener shows that the head has arrived before the server stops.
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);
    let stopped = tokio::spawn(app.server.stop());
    until("new connections to be refused", Duration::from_secs(5), async || {
        TcpStream::connect(address).await.is_err()
    })
    .await;
    slow.write_all(b"{}").await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    tokio::time::timeout(Duration::from_secs(5), stopped).await.expect("the server to stop").unwrap();
});

#[tokio::test]
async fn a_port_that_is_taken_is_a_sentence() {
    let app = TestApp::start(Database::sqlite()).await;
    let listen = app.server.address().to_string();
    let mut settings = app.context.settings.clone();
    settings.server.listen = listen.clone();
    let context = embed_server::open(settings).await.unwrap();
    let Err(error) = Server::start(context).await else { panic!("two servers listen on one port") };
    assert_eq!(
        error.detail(),
        format!(
            "The server cannot listen on {listen}: another program is using this address. Stop it, or choose another address with EMBED_LISTEN or --listen."
        )
    );
}
