//! The routes, the origin of each, and the middleware around them.

use super::App;
use super::assets;
use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use aide::openapi::{OpenApi, ReferenceOr};
use aide::util::iter_operations_mut;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect};
use axum::routing::{any, get};
use axum::{Json, Router};
use embed_base::Context;
use embed_base::Result;
use embed_base::http::openapi::document_gateway_refusals;
use embed_base::http::{
    self, CALL_TIMEOUT, CorsPolicy, HostRouter, Middleware, TIMEOUT, documentation, problem_document,
};
use embed_console as console;
use embed_core::{activity, domains, embed, modules, records, requests, sites, tokens, views};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// The text format of OpenMetrics.
const METRICS_TYPE: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// How long an operator's request may take, because bundles are uploaded and compressed.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(5 * 60);

impl App {
    /// The routers: one for the public origin, one for the modules' own. Where modules have no origin of their own, they
    /// are served, sandboxed, from the public one.
    pub(super) fn host_router(&self) -> Result<HostRouter> {
        let settings = &self.0.context.settings;
        let api_middleware = Middleware {
            present_error: problem_document,
            cors: CorsPolicy::Routes,
            timeout: TIMEOUT,
            metrics: self.0.context.metrics.clone(),
        };
        let upload_middleware = Middleware { timeout: UPLOAD_TIMEOUT, ..api_middleware.clone() };
        let verify_middleware = Middleware { cors: CorsPolicy::AnyPage, ..api_middleware.clone() };
        let console_middleware =
            Middleware { present_error: console::error_page, ..upload_middleware.clone() };
        let mut document = documentation::document();
        let verify = embed::routes::router().finish_api(&mut document);
        let health = health().finish_api(&mut document);
        let management = management().finish_api(&mut document);
        // The gateway is around the refusal of wrong methods too, because it answers the preflights of routes without OPTIONS.
        let mut api = module_api().finish_api(&mut document);
        if settings.server.dev {
            api = api.merge(records::graphql::playground());
        }
        let api = api.method_not_allowed_fallback(http::method_not_allowed);
        let api = api.layer(from_fn_with_state((self.clone(), CALL_TIMEOUT), http::api_gateway::<Self>));
        let module = embed::document::router().merge(modules::routes::router());
        let mut public =
            assets::router().merge(health).merge(metrics()).merge(documentation::router(document)?);
        if settings.server.module_host.is_none() {
            public = public.merge(module.clone());
        }
        let public = api_middleware.clone().around(public.merge(api).fallback(http::not_found));
        let verify = verify_middleware.around(verify);
        let management = upload_middleware.around(management);
        let console =
            pages().finish_api(&mut OpenApi::default()).method_not_allowed_fallback(http::method_not_allowed);
        let console = console.layer(from_fn_with_state(self.clone(), console::gate::<Self>));
        let console = console_middleware.around(console);
        let module = module.merge(assets::router()).fallback(http::not_found);
        let module = api_middleware.around(module);
        Ok(HostRouter::new(
            settings.server.module_host.clone(),
            settings.server.trusted_proxies.clone(),
            public.merge(verify).merge(management).merge(console).with_state(self.clone()),
            module.with_state(self.clone()),
        ))
    }
}

/// The pages of operators.
fn pages() -> ApiRouter<App> {
    console::router()
        .route("/", get(|| async { Redirect::to("/console") }))
        .route("/console/{*rest}", any(http::not_found))
}

/// A page of the console, and who may open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The HTTP method.
    pub method: String,
    /// The path, with `{names}` for ids.
    pub path: String,
    /// The least role; or `signed in`, for one's own; or `nobody`, where nobody needs to be known.
    pub needs: String,
}

/// Every page of the console with its rule, as the handlers' signatures have it. A page without one needs the empty text.
pub fn console_rules() -> Vec<Rule> {
    let mut document = OpenApi::default();
    let _ = pages().finish_api(&mut document);
    let mut rules = Vec::new();
    for (path, item) in document.paths.into_iter().flat_map(|paths| paths.paths) {
        let ReferenceOr::Item(mut item) = item else { continue };
        for (method, operation) in iter_operations_mut(&mut item) {
            let needs = operation.extensions.get("x-required-role").and_then(|needs| needs.as_str());
            let needs = needs.unwrap_or_default().to_owned();
            rules.push(Rule { method: method.to_uppercase(), path: path.clone(), needs });
        }
    }
    rules
}

/// The API of operators.
fn management() -> ApiRouter<App> {
    sites::routes::router()
        .merge(modules::manage::router())
        .merge(domains::routes::router())
        .merge(tokens::routes::router())
        .merge(requests::routes::router())
        .merge(activity::routes::router())
        .merge(views::routes::router())
}

/// The routes behind the gateway. Calls to paths that do not exist are counted and logged like the others.
fn module_api() -> ApiRouter<App> {
    records::routes::router()
        .with_path_items(document_gateway_refusals)
        .route("/api/v1/modules/{module}/{*rest}", any(http::not_found))
}

/// What `/healthz` and `/readyz` answer.
#[derive(Serialize, JsonSchema)]
struct Health {
    /// Always `ok`; whatever else it could say is a problem document.
    status: &'static str,
}

const OK: Health = Health { status: "ok" };

/// `GET /healthz`: the process lives. `GET /readyz`: it can do its work.
fn health() -> ApiRouter<App> {
    async fn alive() -> Json<Health> {
        Json(OK)
    }
    async fn ready(State(context): State<Context>) -> Result<Json<Health>> {
        context.db.ping().await?;
        Ok(Json(OK))
    }
    ApiRouter::new()
        .api_route(
            "/healthz",
            get_with(alive, |op| op.id("isAlive").tag("Health").summary("Whether the process lives")),
        )
        .api_route(
            "/readyz",
            get_with(ready, |op| op.id("isReady").tag("Health").summary("Whether it can do its work")),
        )
}

/// `GET /metrics`: what it has counted.
fn metrics() -> Router<App> {
    async fn metrics(State(context): State<Context>) -> impl IntoResponse {
        let (open, idle) = context.db.connections();
        context.metrics.pool_open.set(open);
        context.metrics.pool_idle.set(idle);
        ([(header::CONTENT_TYPE, METRICS_TYPE)], context.metrics.render())
    }
    Router::new().route("/metrics", get(metrics))
}
