//! Which hosts are answered, and what whoever watches the server hears.

use crate::app::TestApp;
use embed_testing::Database;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Status, headers and body of a request with exactly these header lines.
async fn raw(app: &TestApp, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(app.server.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_not_the_servers_gets_neither_console_nor_module_nor_api() {
    let app = TestApp::start(Database::sqlite()).await;
    for path in ["/console/sign-in", "/v1/embed.js", "/api/v1/sites", "/embed/x", "/nowhere"] {
        for (headers, status, code, said) in [
            (
                "Host: evil.test\r\n",
                421,
                "unknown_host",
                "Its address is https://embed.test, which EMBED_PUBLIC_URL sets",
            ),
            ("Host: embed.test.\r\n", 421, "unknown_host", "EMBED_PUBLIC_URL"),
            ("Host: feedback.modules.test\r\n", 421, "unknown_host", "EMBED_PUBLIC_URL"),
            ("", 400, "invalid_header", "The request has no Host header."),
            ("Host: embed.test\r\nHost: embed.test\r\n", 400, "invalid_header", "several Host headers"),
            ("Host: a b\r\n", 400, "invalid_header", "The Host header is not a host."),
        ] {
            let answer = raw(&app, path, headers).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {headers:?}: {answer}");
            assert!(answer.contains(code) && answer.contains(said), "{path} {headers:?}: {answer}");
        }
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        for headers in ["", "Host: 10.0.0.7:8080\r\n", "Host: a\r\nHost: b\r\n"] {
            let answer = raw(&app, path, headers).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{path} {headers:?}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_name_of_this_machine_leads_to_the_public_url() {
    let app = TestApp::start_with(Database::sqlite(), &[("EMBED_PUBLIC_URL", "http://localhost:8080")]).await;
    let answer = raw(&app, "/console/sign-in?next=x", "Host: 127.0.0.1:8080\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 307 "), "{answer}");
    assert!(answer.contains("location: http://localhost:8080/console/sign-in?next=x\r\n"), "{answer}");
    let answer = raw(&app, "/api/openapi.json", "Host: 127.0.0.1:8080\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
