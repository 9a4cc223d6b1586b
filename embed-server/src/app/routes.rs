//! The routes, the origin of each, and the middleware around them.

use super::assets::{self, Assets};
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
use embed_base::Result;
use embed_base::disk;
use embed_base::http::openapi::document_gateway_refusals;
use embed_base::http::{
    self, CALL_TIMEOUT, CorsPolicy, HostRouter, Hosts, Middleware, Routers, TIMEOUT, documentation,
    problem_document,
};
use embed_console::{self as console, ConsoleState};
use embed_core::services::Services;
use embed_core::{activity, domains, embed, modules, oauth, records, requests, sites, tokens, views};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// The text format of OpenMetrics.
const METRICS_TYPE: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// How long an operator's request may take, because bundles are uploaded and compressed.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Builds two routers: one for the public origin, and one for the modules' own origins. Without a module host, modules are
/// served from the public origin, sandboxed.
pub(super) fn host_router(services: &Services) -> Result<HostRouter> {
    let settings = &services.context.settings;
    let console = ConsoleState::new(services.clone())?;
    let assets = assets::router().with_state(Assets::load(settings)?);
    let api_middleware = Middleware {
        present_error: problem_document,
        cors: CorsPolicy::Routes,
        timeout: TIMEOUT,
        metrics: services.context.metrics.clone(),
    };
    let upload_middleware = Middleware { timeout: UPLOAD_TIMEOUT, ..api_middleware.clone() };
    let verify_middleware = Middleware { cors: CorsPolicy::AnyPage, ..api_middleware.clone() };
    let file_middleware = Middleware { cors: CorsPolicy::Files, ..api_middleware.clone() };
    let console_middleware = Middleware { present_error: console::error_page, ..upload_middleware.clone() };
    let mut document = documentation::document();
    let verify = embed::routes::router().finish_api(&mut document);
    let health = health().finish_api(&mut document);
    let management = management().finish_api(&mut document);
    // The gateway also wraps the 405 fallback, because it answers preflights of routes without OPTIONS.
    let api = module_api().finish_api(&mut document);
    let api = api.method_not_allowed_fallback(http::method_not_allowed);
    let api = http::behind_gateway(api, services.clone(), CALL_TIMEOUT);
    let module = embed::document::router().with_state(services.clone());
    let limit_files = from_fn_with_state(services.clone(), http::limit_files::<Services>);
    let oauth_middleware =
        Middleware { present_error: oauth::oauth_error, cors: CorsPolicy::OAuth, ..api_middleware.clone() };
    let private_oauth_middleware = Middleware { cors: CorsPolicy::Routes, ..oauth_middleware.clone() };
    let oauth = oauth_middleware.around(oauth::routes::router().layer(limit_files.clone()));
    let oauth = oauth
        .merge(private_oauth_middleware.around(oauth::routes::private_router().layer(limit_files.clone())));
    let files = match settings.server.module_host {
        Some(_) => assets.clone(),
        None => assets.clone().merge(module.clone()),
    };
    let files = file_middleware.clone().around(files.layer(limit_files.clone()));
    let public = documentation::router(document)?.fallback(http::not_found).layer(limit_files.clone());
    // Whoever watches the server is refused by no limit.
    let watched = api.merge(health).merge(metrics()).with_state(services.clone());
    let public = api_middleware.clone().around(public.merge(watched));
    let verify = verify_middleware.around(verify.with_state(services.clone()));
    let management = upload_middleware.around(management.with_state(services.clone()));
    let pages =
        pages().finish_api(&mut OpenApi::default()).method_not_allowed_fallback(http::method_not_allowed);
    let pages = pages.layer(from_fn_with_state(console.clone(), console::gate)).with_state(console);
    let pages = console_middleware.around(pages.layer(limit_files.clone()));
    let module = module.merge(assets).fallback(http::not_found).layer(limit_files.clone());
    let unknown = Router::new().fallback(http::refuse_host).layer(limit_files);
    let routers = Routers {
        public: public
            .merge(files)
            .merge(verify)
            .merge(management)
            .merge(oauth.with_state(services.clone()))
            .merge(pages),
        module: file_middleware.around(module),
        unknown: api_middleware.around(unknown),
    };
    let hosts = Hosts::new(&settings.server.public_url, settings.server.module_host.clone());
    let proxies = settings.server.trusted_proxies.clone();
    Ok(HostRouter::new(hosts, proxies, services.context.metrics.clone(), routers))
}

/// The console's pages.
fn pages() -> ApiRouter<ConsoleState> {
    console::router()
        .route("/", get(|| async { Redirect::to("/console") }))
        .route("/console/{*rest}", any(http::not_found))
}

/// A page of the console, and the role that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The HTTP method.
    pub method: String,
    /// The path, with `{names}` for ids.
    pub path: String,
    /// The lowest role; or `signed in` for a session without a role; or `nobody` for no session.
    pub needs: String,
}

/// Every page of the console with its rule, taken from the handlers' signatures. `needs` is empty for a page without a rule.
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

/// The management API.
fn management() -> ApiRouter<Services> {
    sites::routes::router()
        .merge(modules::manage::router())
        .merge(domains::routes::router())
        .merge(tokens::routes::router())
        .merge(oauth::manage::router())
        .merge(requests::routes::router())
        .merge(activity::routes::router())
        .merge(views::routes::router())
}

/// The routes behind the gateway. Calls to paths that do not exist are counted and logged like the others.
fn module_api() -> ApiRouter<Services> {
    records::routes::router()
        .with_path_items(document_gateway_refusals)
        .route("/api/v1/modules/{module}/{*rest}", any(http::not_found))
}

/// The body of `/healthz`.
#[derive(Serialize, JsonSchema)]
struct Health {
    /// Always `ok`; whatever else it could say is a problem document.
    status: &'static str,
}

/// The body of `/readyz`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Readiness {
    /// Always `ok`; whatever else it could say is a problem document.
    status: &'static str,
    /// How many seconds this server's clock is ahead of the database's; beyond 60, either way, it claims no work.
    clock_ahead_seconds: f64,
}

/// `GET /healthz`: the process is alive. `GET /readyz`: the database answers, and its disk and that of the files have room.
fn health() -> ApiRouter<Services> {
    async fn alive() -> Json<Health> {
        Json(Health { status: "ok" })
    }
    async fn ready(State(services): State<Services>) -> Result<Json<Readiness>> {
        services.context.db.ping().await?;
        disk::check(&services.context.settings)?;
        let clock_ahead_seconds = services.context.database_clock.seconds_ahead();
        Ok(Json(Readiness { status: "ok", clock_ahead_seconds }))
    }
    ApiRouter::new()
        .api_route(
            "/healthz",
            get_with(alive, |op| op.id("isAlive").tag("Health").summary("Whether the process is alive")),
        )
        .api_route(
            "/readyz",
            get_with(ready, |op| op.id("isReady").tag("Health").summary("Whether it can serve requests")),
        )
}

/// `GET /metrics`.
fn metrics() -> Router<Services> {
    async fn metrics(State(services): State<Services>) -> impl IntoResponse {
        let context = &services.context;
        let (open, idle) = context.db.connections();
        context.metrics.pool_open.set(open);
        context.metrics.pool_idle.set(idle);
        ([(header::CONTENT_TYPE, METRICS_TYPE)], context.metrics.render())
    }
    Router::new().route("/metrics", get(metrics))
}
