//! Websites that a story makes up: each on a port, and so an origin, of its own.

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

type Pages = Arc<Mutex<HashMap<String, Page>>>;

/// A page of a website.
#[derive(Clone, Default)]
pub struct Page {
    /// Its HTML; JavaScript where its path ends in `.js`.
    pub html: String,
    /// Its `Content-Security-Policy`, where it has one.
    pub csp: Option<String>,
}

/// A website; it is gone when this goes.
pub struct Website {
    /// The port on which it listens.
    pub port: u16,
    pages: Pages,
    task: JoinHandle<()>,
}

impl Website {
    /// A website without pages on a free port of 127.0.0.1.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let pages = Pages::default();
        let router = Router::new().fallback(page).with_state(pages.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("a website serves until it is aborted");
        });
        Ok(Self { port, pages, task })
    }

    /// `http://localhost:PORT`.
    pub fn origin(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Puts a page at a path, in place of what was there, and returns its URL.
    pub fn put(&self, path: &str, html: impl Into<String>) -> String {
        self.put_page(path, Page { html: html.into(), csp: None })
    }

    /// Like [`Website::put`], for a page with a policy.
    pub fn put_page(&self, path: &str, page: Page) -> String {
        self.pages.lock().expect("no page panics").insert(path.to_owned(), page);
        format!("{}{path}", self.origin())
    }
}

impl Drop for Website {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn page(State(pages): State<Pages>, uri: Uri) -> Response {
    let page = pages.lock().expect("no page panics").get(uri.path()).cloned();
    let Some(page) = page else { return StatusCode::NOT_FOUND.into_response() };
    let kind = if uri.path().ends_with(".js") { "text/javascript" } else { "text/html; charset=utf-8" };
    let mut response = ([(header::CONTENT_TYPE, kind)], page.html).into_response();
    if let Some(csp) = page.csp.and_then(|csp| csp.parse().ok()) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, csp);
    }
    response
}
