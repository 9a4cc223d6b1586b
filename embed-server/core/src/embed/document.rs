//! `GET /embed/{module}/{frame}/{path}`: a module's pages and files in a frame. Their policy tells the browser which one
//! origin may frame them. `GET /embed/{module}/{version}/{path}`: the files of one version, which never change.

use super::allowlist::{Allowlist, Verdict};
use super::frame::{Frame, Subject};
use super::preview::PreviewKey;
use crate::domains::Origin;
use crate::modules::origin::{SANDBOX, addressed};
use crate::modules::{FilePath, Modules, Published, encoded};
use crate::services::Services;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use embed_base::Context;
use embed_base::crypto::sha256_hex;
use embed_base::http::ModuleOrigin;
use embed_base::{Code, Error, Result};
use embed_protocol::frame;
use serde::Deserialize;
use std::sync::Arc;
use uuid::Uuid;

const ORIGIN_AGENT_CLUSTER: HeaderName = HeaderName::from_static("origin-agent-cluster");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
/// A version never changes, so its files can be cached for ever.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// What scripts of a sandboxed module read where they load a file by its ranges, as viewers of PDF do.
const READABLE: HeaderValue =
    HeaderValue::from_static("accept-ranges, content-encoding, content-length, content-range");
/// Only a frame's address says who frames, so nothing else may be framed.
const UNFRAMEABLE: &str = "frame-ancestors 'none'";

/// The query of the address that frames had before. What is missing or wrong makes the page unframeable instead of failing,
/// so that a developer can open it by itself.
#[derive(Default, Deserialize)]
struct Before {
    #[serde(default)]
    site: String,
    #[serde(default)]
    origin: String,
    theme: Option<String>,
    #[serde(rename = "type")]
    embed_type: Option<String>,
}

pub struct Documents {
    modules: Modules,
    allowlist: Allowlist,
    context: Context,
    preview: PreviewKey,
}

impl Documents {
    pub fn new(context: &Context, modules: Modules, allowlist: Allowlist) -> Result<Self> {
        let preview = PreviewKey::new(context.secret()?);
        Ok(Self { modules, allowlist, context: context.clone(), preview })
    }

    /// The module that a request is addressed to, if it is published.
    async fn addressed(
        &self,
        module: &str,
        own: Option<Extension<ModuleOrigin>>,
    ) -> Result<Option<Arc<Published>>> {
        match addressed(module, own) {
            Some(module) => self.modules.served(module).await,
            None => Ok(None),
        }
    }

    /// Who may frame the module: the origin of the frame's URL if it is allowed, with those that may frame its pages; or the
    /// console for a preview.
    async fn ancestors(&self, published: &Published, frame: &Frame) -> Result<Option<String>> {
        let settings = &self.context.settings.server;
        match &frame.subject {
            Subject::Preview(permission) => {
                let opens = frame.origin == settings.public_url
                    && self.preview.opens(permission, published.module, self.context.clock.now());
                Ok(opens.then(|| settings.public_url.clone()))
            }
            &Subject::Site(site) => {
                let Ok(origin) = Origin::parse(&frame.origin, settings.dev) else { return Ok(None) };
                let verdict =
                    self.allowlist.decide(site, published.module, &origin, Some(frame.embed_type)).await?;
                let Verdict::Allowed { ancestors, .. } = verdict else { return Ok(None) };
                let mut origins = vec![origin.as_str()];
                origins.extend(ancestors.iter().map(String::as_str));
                Ok(Some(origins.join(" ")))
            }
        }
    }

    /// What every answer below a frame's address says to the browser.
    async fn headers(&self, published: &Published, part: &str) -> Result<HeaderMap> {
        let frame = Frame::parse(part);
        let ancestors = match &frame {
            Some(frame) => self.ancestors(published, frame).await?,
            None => None,
        };
        let has_own_origin = self.modules.have_own_origins();
        let mut policy = match &ancestors {
            // A module may frame its own pages.
            Some(origins) if has_own_origin => format!("frame-ancestors {origins} 'self'"),
            Some(origins) => format!("frame-ancestors {origins}"),
            None => UNFRAMEABLE.to_owned(),
        };
        if !has_own_origin {
            policy = format!("{policy}; {SANDBOX}");
        }
        // The permission of a preview is nobody else's business.
        let is_preview = frame.is_some_and(|frame| matches!(frame.subject, Subject::Preview(_)));
        let referrer = if is_preview { "no-referrer" } else { "same-origin" };
        let mut headers = HeaderMap::from_iter([
            (header::CONTENT_SECURITY_POLICY, HeaderValue::try_from(policy).map_err(Error::internal)?),
            (PERMISSIONS_POLICY, published.permissions.clone()),
            (header::REFERRER_POLICY, HeaderValue::from_static(referrer)),
            (header::CACHE_CONTROL, NO_CACHE),
            (ORIGIN_AGENT_CLUSTER, HeaderValue::from_static("?1")),
        ]);
        if !has_own_origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, READABLE);
        }
        Ok(headers)
    }

    /// A page or file of the current version, in a frame.
    async fn framed(
        &self,
        published: Arc<Published>,
        (part, path): (&str, &str),
        query: Option<&str>,
        (method, request): (&Method, &HeaderMap),
    ) -> Result<Response> {
        let entry = &published.manifest.entry;
        let path = match path {
            "" if entry.folder().is_empty() => entry.to_string(),
            // The links of a page in a folder begin there.
            "" => return Ok(moved(&format!("./{}", encoded(entry.as_str())), query)),
            folder if folder.ends_with('/') => format!("{folder}index.html"),
            file => file.to_owned(),
        };
        let Some(file) = published.file(&path) else {
            if published.file(&format!("{path}/index.html")).is_some() {
                let name = path.rsplit('/').next().unwrap_or_default();
                return Ok(moved(&format!("./{}/", encoded(name)), query));
            }
            return Ok(missing(self.headers(&published, part).await?));
        };
        let forms = if file.is_page() {
            let path = FilePath::parse(path).map_err(Error::internal)?;
            self.modules.document(&published, &path, file).await?
        } else {
            self.modules.forms(&file.digest).await?
        };
        let mut headers = self.headers(&published, part).await?;
        // What the browser is told is part of the tag, so that a cached copy with another policy is not revalidated. So is the
        // version, which a page's files are led to.
        let told: Vec<_> = [header::CONTENT_SECURITY_POLICY, PERMISSIONS_POLICY]
            .iter()
            .filter_map(|name| headers.get(name)?.to_str().ok())
            .collect();
        let tagged = format!("{}\n{}\n{}", file.digest, published.manifest.version, told.join("\n"));
        headers.insert(header::CONTENT_TYPE, file.content_type.clone());
        Ok(forms.answer_range(method, request, &sha256_hex(tagged.as_bytes())[..32], headers))
    }

    /// A file of one version.
    async fn of_version(
        &self,
        module: Uuid,
        (version, path): (&str, &str),
        (method, request): (&Method, &HeaderMap),
    ) -> Result<Response> {
        let published = self.modules.served_in(module, version).await?.ok_or_else(no_such_file)?;
        let file = published.file(path).ok_or_else(no_such_file)?;
        let forms = self.modules.forms(&file.digest).await?;
        let policy = if self.modules.have_own_origins() {
            HeaderValue::from_static(UNFRAMEABLE)
        } else {
            HeaderValue::try_from(format!("{SANDBOX}; {UNFRAMEABLE}")).map_err(Error::internal)?
        };
        let headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, file.content_type.clone()),
            (header::CONTENT_SECURITY_POLICY, policy),
            (header::CACHE_CONTROL, IMMUTABLE),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
            (header::ACCESS_CONTROL_EXPOSE_HEADERS, READABLE),
        ]);
        Ok(forms.answer_range(method, request, file.digest.as_str(), headers))
    }
}

/// The routes below `/embed/`.
pub fn router() -> Router<Services> {
    Router::new()
        .route("/embed/{module}", get(before))
        .route("/embed/{module}/{part}", get(without_slash))
        .route("/embed/{module}/{part}/", get(entry))
        .route("/embed/{module}/{part}/{*path}", get(file))
}

/// `GET /embed/{module}?site=…&origin=…&theme=…&type=…`, the address that frames had before.
async fn before(
    State(services): State<Services>,
    own: Option<Extension<ModuleOrigin>>,
    module: Result<Path<String>, PathRejection>,
    query: Result<Query<Before>, QueryRejection>,
) -> Result<Response> {
    // A path that is not UTF-8 is the address of no module.
    let Ok(Path(module)) = module else { return Ok(not_published()) };
    let Some(published) = services.documents.addressed(&module, own).await? else {
        return Ok(not_published());
    };
    let Query(Before { site, origin, theme, embed_type }) = query.unwrap_or_default();
    let (theme, embed_type) =
        (theme.as_deref().unwrap_or("light"), embed_type.as_deref().unwrap_or("inline"));
    let part = frame::part(&site, theme, embed_type, &origin);
    // A slash would begin another part.
    let part = encoded(&part).replace('/', "%2F").replace("%3A", ":");
    Ok(moved(&format!("{}/{part}/", frame::path(&published.module.to_string())), None))
}

/// `GET /embed/{module}/{frame}`.
async fn without_slash(
    Path((_, part)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response> {
    if !Frame::is_meant_by(&part) {
        return Err(no_such_file());
    }
    let part = encoded(&part).replace('/', "%2F").replace("%3A", ":");
    Ok(moved(&format!("./{part}/"), query.as_deref()))
}

async fn entry(
    services: State<Services>,
    own: Option<Extension<ModuleOrigin>>,
    path: Result<Path<(String, String)>, PathRejection>,
    query: RawQuery,
    method: Method,
    request: HeaderMap,
) -> Result<Response> {
    let path = path.map(|Path((module, part))| Path((module, part, String::new())));
    file(services, own, path, query, method, request).await
}

async fn file(
    State(services): State<Services>,
    own: Option<Extension<ModuleOrigin>>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    RawQuery(query): RawQuery,
    method: Method,
    request: HeaderMap,
) -> Result<Response> {
    // A path that is not UTF-8 is the address of nothing.
    let Path((module, part, path)) = path.map_err(|_| no_such_file())?;
    if !Frame::is_meant_by(&part) {
        let module = addressed(&module, own).ok_or_else(no_such_file)?;
        return services.documents.of_version(module, (&part, &path), (&method, &request)).await;
    }
    match services.documents.addressed(&module, own).await? {
        Some(published) => {
            services.documents.framed(published, (&part, &path), query.as_deref(), (&method, &request)).await
        }
        None => Ok(not_published()),
    }
}

fn no_such_file() -> Error {
    Error::new(Code::FileNotFound, "No version of a published module has this file.")
}

/// Leads to another address with the same query. The browser keeps the fragment.
fn moved(address: &str, query: Option<&str>) -> Response {
    let location = match query {
        Some(query) => format!("{address}?{query}"),
        None => address.to_owned(),
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    response.headers_mut().insert(header::CACHE_CONTROL, NO_CACHE);
    // The address is encoded, and a query in a request's line has no character that a header could not have.
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The page for a path that the module does not have, in the frame that asked for it.
fn missing(mut headers: HeaderMap) -> Response {
    const PAGE: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Not found</title><p>This module has no such page.";
    headers.insert(header::CONTENT_TYPE, HTML);
    let mut response = Response::new(Body::from(PAGE));
    *response.status_mut() = StatusCode::NOT_FOUND;
    *response.headers_mut() = headers;
    response
}

/// The page for a module that is not published. No page can frame it, as with a document that is not for the framing
/// page.
fn not_published() -> Response {
    const PAGE: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Not published</title><p>No module is published here. Check the module's id, or publish it with <code>embed-server module publish</code>.";
    let mut response = Response::new(Body::from(PAGE));
    *response.status_mut() = StatusCode::NOT_FOUND;
    *response.headers_mut() = HeaderMap::from_iter([
        (header::CONTENT_TYPE, HTML),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        ),
        (header::CACHE_CONTROL, NO_CACHE),
    ]);
    response
}
