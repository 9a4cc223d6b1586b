//! The websites of the demo: files of `examples/sites` with their placeholders filled in.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use embed_bundle::{BUNDLE, Dir, EXAMPLES, File};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The folder whose files every website has at its root.
const SHARED: &str = "sites";

/// The path of the npm package on a website.
const PACKAGE_FOLDER: &str = "node_modules/@dramac/embed/";

#[derive(Clone)]
pub(super) struct Website {
    folder: &'static str,
    placeholders: Arc<[(String, String)]>,
}

impl Website {
    /// Serves a folder of the examples. `placeholders` are pairs of a text in its files and the value to replace it with.
    pub(super) fn new(folder: &'static str, placeholders: Vec<(String, String)>) -> Self {
        Self { folder, placeholders: placeholders.into() }
    }

    pub(super) async fn serve(self, listener: TcpListener) {
        let router = Router::new().fallback(page).with_state(self);
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "a website of the demo ended");
        }
    }

    fn file(&self, path: &str) -> Option<&'static File<'static>> {
        let path = path.trim_start_matches('/');
        let path = if path.is_empty() || path.ends_with('/') {
            format!("{path}index.html")
        } else {
            path.to_owned()
        };
        if let Some(name) = path.strip_prefix(PACKAGE_FOLDER) {
            return BUNDLE.get_file(format!("npm/{name}"));
        }
        let file = |folder: &str| EXAMPLES.get_file(format!("{folder}/{path}"));
        file(self.folder).or_else(|| file(SHARED))
    }
}

async fn page(State(website): State<Website>, uri: Uri) -> Response {
    let Some(file) = website.file(uri.path()) else {
        return (StatusCode::NOT_FOUND, "Page not found.").into_response();
    };
    let content_type = mime_guess::from_path(file.path()).first_or_octet_stream();
    let headers =
        [(header::CONTENT_TYPE, content_type.to_string()), (header::CACHE_CONTROL, "no-store".to_owned())];
    match file.contents_utf8() {
        Some(text) => (headers, website.placeholders.iter().fold(text.to_owned(), fill)).into_response(),
        None => (headers, file.contents()).into_response(),
    }
}

fn fill(text: String, (placeholder, value): &(String, String)) -> String {
    text.replace(placeholder, value)
}

/// The pages of the allowed website, by path, with their titles.
pub(super) fn pages() -> BTreeMap<String, String> {
    let folders = EXAMPLES.get_dir(SHARED).into_iter().flat_map(Dir::dirs);
    let own = folders.filter(|folder| !folder.path().ends_with("stranger"));
    let pages = own.flat_map(Dir::files).filter_map(|file| {
        let path = file.path().strip_prefix(SHARED).ok()?.to_str()?;
        let (_, rest) = file.contents_utf8()?.split_once("<title>")?;
        let (title, _) = rest.split_once("</title>")?;
        Some((format!("/{}", path.strip_suffix("index.html").unwrap_or(path)), title.to_owned()))
    });
    pages.collect()
}
