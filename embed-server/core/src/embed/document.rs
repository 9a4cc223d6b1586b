//! `GET /embed/{module}`: the framed document. Its policy tells the browser which one origin may frame it.

use super::allowlist::{Allowlist, Verdict};
use super::preview::PreviewKey;
use crate::domains::Origin;
use crate::modules::origin::{SANDBOX, addressed};
use crate::modules::{Modules, Published};
use crate::services::Services;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use embed_base::Context;
use embed_base::crypto::sha256_hex;
use embed_base::http::ModuleOrigin;
use embed_base::{Error, Result};
use embed_protocol::EmbedType;
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

const ORIGIN_AGENT_CLUSTER: HeaderName = HeaderName::from_static("origin-agent-cluster");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// The query of a frame's URL. A missing or wrong value makes the document unframeable instead of failing, so that a
/// developer can open it by itself.
#[derive(Debug, Default, PartialEq)]
struct Frame {
    site: Option<String>,
    origin: Option<String>,
    embed_type: Option<String>,
    /// The console's permission to show the module to an operator; see [`PreviewKey`].
    preview: Option<String>,
}

impl Frame {
    /// Reads a query. A parameter that stands twice says nothing, since each reader would take another of its values.
    fn parse(query: &str) -> Self {
        let mut frame = Self::default();
        let mut seen = BTreeSet::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let parameter = match &*name {
                "site" => &mut frame.site,
                "origin" => &mut frame.origin,
                "type" => &mut frame.embed_type,
                "preview" => &mut frame.preview,
                _ => continue,
            };
            // A type that is not known allows no frame, whereas none allows any.
            let doubled = if name == "type" { Some(String::new()) } else { None };
            *parameter = if seen.insert(name.into_owned()) { Some(value.into_owned()) } else { doubled };
        }
        frame
    }
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

    /// The one origin that may frame the module: that of the frame's URL if it is allowed, or the console's for a
    /// preview.
    async fn ancestor(&self, published: &Published, frame: &Frame) -> Result<Option<String>> {
        if let Some(permission) = &frame.preview {
            let opens = self.preview.opens(permission, published.module, self.context.clock.now());
            return Ok(opens.then(|| self.context.settings.server.public_url.clone()));
        }
        let site = frame.site.as_deref().and_then(|site| Uuid::try_parse(site).ok());
        let origin = frame
            .origin
            .as_deref()
            .and_then(|text| Origin::parse(text, self.context.settings.server.dev).ok());
        let embed_type = frame.embed_type.as_deref().map(EmbedType::parse);
        let (Some(site), Some(origin), None | Some(Some(_))) = (site, origin, embed_type) else {
            return Ok(None);
        };
        let verdict = self.allowlist.decide(site, published.module, &origin, embed_type.flatten()).await?;
        Ok(matches!(verdict, Verdict::Allowed(_)).then(|| origin.to_string()))
    }

    async fn answer(
        &self,
        published: Arc<Published>,
        frame: &Frame,
        request: &HeaderMap,
    ) -> Result<Response> {
        let document = published.document()?;
        let forms = self.modules.forms(&document.digest).await?;
        let ancestor = self.ancestor(&published, frame).await?;
        let mut policy = match &ancestor {
            Some(origin) => format!("frame-ancestors {origin}"),
            None => "frame-ancestors 'none'".to_owned(),
        };
        if !self.modules.have_own_origins() {
            policy = format!("{policy}; {SANDBOX}");
        }
        // The policy is part of the tag, so that a cached copy with another policy is not revalidated.
        let permissions = published.permissions.to_str().unwrap_or_default();
        let tag = &sha256_hex(format!("{}\n{policy}\n{permissions}", document.digest).as_bytes())[..32];
        let mut headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, document.content_type.clone()),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::try_from(policy).map_err(Error::internal)?),
            (PERMISSIONS_POLICY, published.permissions.clone()),
            (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (ORIGIN_AGENT_CLUSTER, HeaderValue::from_static("?1")),
        ]);
        if !self.modules.have_own_origins() {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        Ok(forms.answer(request, tag, headers))
    }
}

/// `GET /embed/{module}`.
pub fn router() -> Router<Services> {
    Router::new().route("/embed/{module}", get(document))
}

async fn document(
    State(services): State<Services>,
    own: Option<Extension<ModuleOrigin>>,
    module: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    request: HeaderMap,
) -> Result<Response> {
    let frame = Frame::parse(query.as_deref().unwrap_or_default());
    // A path that is not UTF-8 is the address of no module.
    let published = match module.ok().and_then(|Path(module)| addressed(&module, own)) {
        Some(module) => services.documents.modules.served(module).await?,
        None => None,
    };
    match published {
        Some(published) => services.documents.answer(published, &frame, &request).await,
        None => Ok(not_published()),
    }
}

/// The page for a module that is not published. No page can frame it, as with a document that is not for the framing
/// page.
fn not_published() -> Response {
    const PAGE: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Not published</title><p>No module is published here. Check the module's id, or publish it with <code>embed-server module publish</code>.";
    let mut response = Response::new(Body::from(PAGE));
    *response.status_mut() = StatusCode::NOT_FOUND;
    *response.headers_mut() = HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ]);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_stands_twice_says_nothing() {
        let read = |query: &str| {
            let Frame { site, origin, embed_type, preview } = Frame::parse(query);
            [site, origin, embed_type, preview].map(|text| text.unwrap_or_else(|| "-".to_owned())).join(" ")
        };
        assert_eq!(read("site=1&origin=a&type=inline&preview=p&theme=x&theme=y"), "1 a inline p");
        assert_eq!(read("origin=a&origin=b&site=1&origin=a"), "1 - - -");
        assert_eq!(read("type=inline&type=popup"), "- -  -");
        assert_eq!(read("origin=%ff&%zz&&="), "- \u{fffd} - -");
        assert_eq!(read(""), "- - - -");
    }
}
