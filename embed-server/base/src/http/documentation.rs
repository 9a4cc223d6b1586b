//! The OpenAPI document, and the page on which a person reads it and tries it out.
//!
//! The document is made of the routes when the server starts. The page is Swagger UI in one response; its policy allows its
//! own two scripts and requests to this server, and nothing else.

use super::openapi::Security;
use crate::crypto::{sha256, sha256_hex};
use crate::error::{Error, Result};
use crate::files::Content;
use aide::openapi::{
    ApiKeyLocation, Components, Info, License, OpenApi, ReferenceOr, SecurityScheme, Server, Tag,
};
use aide::swagger::Swagger;
use aide::util::iter_operations_mut;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::sync::{Arc, LazyLock};

const DOCUMENT: &str = "/api/openapi.json";
const PAGE: &str = "/api/docs";

/// The tags of operations, in the order in which they are shown.
const TAGS: &[(&str, &str)] = &[
    (
        "Records",
        "A module's data. Visitors may do what its manifest grants them, tokens what their scopes allow.",
    ),
    ("Sites", "What belongs together; every module belongs to one site."),
    ("Modules", "What is embedded. A bundle is uploaded as a zip file with its `module.json` at the top."),
    ("Domains", "The domains whose pages may embed a module, and the proof of who owns them."),
    ("Tokens", "API tokens, with which programs call a module's data."),
    ("Apps", "External apps, which act for people on a module's data (OAuth clients)."),
    ("Requests", "The calls of modules' APIs: who sent them, and how they were answered."),
    ("Activity", "Who changed what, when and from where."),
    ("Views", "How often modules are shown on websites, and how often they are refused there."),
    ("Embedding", "What a page asks before it shows a module."),
    ("Health", "Whether the server is healthy."),
];

/// A document without operations, to which the routers add theirs.
pub fn document() -> OpenApi {
    let scheme = |security: Security| (security.name().to_owned(), ReferenceOr::Item(scheme(security)));
    OpenApi {
        info: Info {
            title: "Dramac Embed".to_owned(),
            description: Some(
                "Manage what is embedded and where, and reach a module's data. Times are RFC 3339 in UTC, ids UUIDs. Lists \
                 come in pages: `nextCursor` of one is `cursor` of the next. Every error is a problem document with a \
                 stable `code` and a `detail` that says what to do."
                    .to_owned(),
            ),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            license: Some(License {
                name: "MIT".to_owned(),
                identifier: Some("MIT".to_owned()),
                ..License::default()
            }),
            ..Info::default()
        },
        servers: vec![Server { url: "/".to_owned(), ..Server::default() }],
        components: Some(Components {
            security_schemes: [Security::PersonalToken, Security::ApiToken, Security::ApiKey, Security::EmbedToken]
                .into_iter()
                .map(scheme)
                .collect(),
            ..Components::default()
        }),
        tags: TAGS
            .iter()
            .map(|&(name, description)| Tag {
                name: name.to_owned(),
                description: Some(description.to_owned()),
                ..Tag::default()
            })
            .collect(),
        ..OpenApi::default()
    }
}

fn scheme(security: Security) -> SecurityScheme {
    let bearer = |form: &str, description: &str| SecurityScheme::Http {
        scheme: "bearer".to_owned(),
        bearer_format: Some(form.to_owned()),
        description: Some(description.to_owned()),
        extensions: Default::default(),
    };
    match security {
        Security::PersonalToken => bearer(
            "dram_user_…",
            "A person's token; it may do what that person's role allows. `embed-server user token EMAIL` makes one.",
        ),
        Security::ApiToken => bearer(
            "dram_live_…",
            "A module's API token: its scopes say what it may do, and it may be limited to domains and addresses.",
        ),
        Security::EmbedToken => {
            bearer("opaque", "What `POST /api/embed/verify` has answered to the page that embeds the module.")
        }
        Security::ApiKey => SecurityScheme::ApiKey {
            location: ApiKeyLocation::Header,
            name: "X-API-Key".to_owned(),
            description: Some("An API token, for programs that cannot set `Authorization`.".to_owned()),
            extensions: Default::default(),
        },
    }
}

/// `GET /api/openapi.json` and `GET /api/docs`, for a document that has every operation.
pub fn router<S: Clone + Send + Sync + 'static>(mut document: OpenApi) -> Result<Router<S>> {
    for (_, item) in document.paths.iter_mut().flat_map(|paths| &mut paths.paths) {
        let ReferenceOr::Item(item) = item else { continue };
        for (_, operation) in iter_operations_mut(item) {
            // Extractors and handlers have added responses in any order.
            operation.responses.get_or_insert_default().responses.sort_keys();
        }
    }
    let document: Bytes = serde_json::to_vec(&document).map_err(Error::internal)?.into();
    Ok(Router::new()
        .route(DOCUMENT, get(show_document).with_state(Arc::new(document)))
        .route(PAGE, get(show_page)))
}

async fn show_document(State(document): State<Arc<Bytes>>, request: HeaderMap) -> Response {
    let headers = HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ]);
    let tag = sha256_hex(&document);
    Content::incompressible(Bytes::clone(&document)).answer(&request, &tag, headers)
}

/// The page, made at the first request: it is a megabyte and a half, the same for every server.
struct SwaggerPage {
    content: Content,
    tag: String,
    policy: String,
}

static SWAGGER_PAGE: LazyLock<SwaggerPage> = LazyLock::new(|| {
    let html = Swagger::new(DOCUMENT).with_title("Dramac Embed API").html();
    // Its arrows are images inside the style sheet.
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        sources(&html, "script"),
        sources(&html, "style"),
    );
    SwaggerPage { tag: sha256_hex(html.as_bytes()), content: Content::gzipped(html.into()), policy }
});

/// The digests of the contents of the page's elements of a kind, as a policy lists them (CSP 3, section 2.3.1).
fn sources(html: &str, element: &str) -> String {
    let (start, end) = (format!("<{element}>"), format!("</{element}>"));
    let mut rest = html;
    let mut sources = Vec::new();
    while let Some((content, after)) = rest.split_once(&start).and_then(|(_, rest)| rest.split_once(&end)) {
        sources.push(format!("'sha256-{}'", BASE64_STANDARD.encode(sha256(content.as_bytes()))));
        rest = after;
    }
    sources.join(" ")
}

async fn show_page(request: HeaderMap) -> Result<Response> {
    let page = tokio::task::spawn_blocking(|| &*SWAGGER_PAGE).await.map_err(Error::internal)?;
    let headers = HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::try_from(&page.policy).map_err(Error::internal)?),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ]);
    Ok(page.content.answer(&request, &page.tag, headers))
}
