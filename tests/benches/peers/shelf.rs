//! A server for prepared files, brotli-compressed like the bundle: what a CDN is to the peers.

use super::bytes::compress;
use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

#[derive(Clone)]
struct File {
    kind: &'static str,
    brotli: Vec<u8>,
}

type Files = Arc<Mutex<HashMap<String, File>>>;

/// A running shelf; it is gone when this goes.
pub struct Shelf {
    /// The port on which it listens.
    pub port: u16,
    files: Files,
    task: JoinHandle<()>,
}

impl Shelf {
    /// An empty shelf on a free port of 127.0.0.1.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let files = Files::default();
        let router = Router::new().fallback(file).with_state(files.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("a shelf serves until it is aborted");
        });
        Ok(Self { port, files, task })
    }

    /// Puts a file at a path, whose end says what it is.
    pub fn put(&self, path: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let kind = match path.rsplit_once('.') {
            Some((_, "js")) => "text/javascript",
            Some((_, "css")) => "text/css",
            Some((_, "wasm")) => "application/wasm",
            _ => "text/html; charset=utf-8",
        };
        let file = File { kind, brotli: compress(content.as_ref())? };
        self.files.lock().expect("nobody panics here").insert(path.to_owned(), file);
        Ok(())
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn file(State(files): State<Files>, uri: Uri) -> Response {
    let file = files.lock().expect("nobody panics here").get(uri.path()).cloned();
    let Some(File { kind, brotli }) = file else { return StatusCode::NOT_FOUND.into_response() };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_ENCODING, "br"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, brotli).into_response()
}
