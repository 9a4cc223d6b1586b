//! Which routes there are, on which origin, and what each passes through before it is reached.

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
use embed_base::http::openapi::guarded;
use embed_base::http::{self, Front, Readers, TIMEOUT, documentation};
use embed_console as console;
use embed_core::{activity, domains, embed, modules, records, requests, sites, tokens, views};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// The text format of OpenMetrics.
const METRICS_TYPE: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// How long an operator's request may take: bundles are uploaded and compressed.
const MANAGING: Duration = Duration::from_secs(5 * 60);

impl App {
    /// The routers: one for the public origin, one for the modules' own. Where modules have no origin of their own, they
    /// are served, sandboxed, from the public one.
    pub(super) fn front(&self) -> Result<Front> {
        let settings = &self.0.context.settings;
        let passed =
            |routes, readers, within| http::passed(routes, readers, within, self.0.context.metrics.clone());
        let mut document = documentation::document();
        let verify = embed::routes::router().finish_api(&mut document);
        let health = health().finish_api(&mut document);
        let management = management().finish_api(&mut document);
        // The door is around wrong methods too: a page that asks whether it may is one to the routes.
        let mut api = module_api().finish_api(&mut document);
        if settings.dev {
            api = api.merge(records::graphql::playground());
        }
        let api = api.method_not_allowed_fallback(http::wrong_method);
        let api = api.layer(from_fn_with_state((self.clone(), http::PATIENCE), http::door::<Self>));
        let module = embed::document::router().merge(modules::routes::router());
        let mut public =
            assets::router().merge(health).merge(metrics()).merge(documentation::router(document)?);
        if settings.module_host.is_none() {
            public = public.merge(module.clone());
        }
        let public = passed(public.merge(api).fallback(http::nothing_here), Readers::Own, TIMEOUT);
        let verify = passed(verify, Readers::Asker, TIMEOUT);
        let management = passed(management, Readers::Own, MANAGING);
        // Addresses and methods that the console does not know are answered by pages too.
        let console =
            pages().finish_api(&mut OpenApi::default()).method_not_allowed_fallback(http::wrong_method);
        let console = console.layer(from_fn_with_state(self.clone(), console::gate::<Self>));
        let console = passed(console, Readers::Own, MANAGING);
        let module = module.merge(assets::router()).fallback(http::nothing_here);
        let module = passed(module, Readers::Own, TIMEOUT);
        Ok(Front::new(
            settings.module_host.clone(),
            settings.trusted_proxies.clone(),
            public.merge(verify).merge(management).merge(console).with_state(self.clone()),
            module.with_state(self.clone()),
        ))
    }
}

/// What operators look at.
fn pages() -> ApiRouter<App> {
    console::router()
        .route("/", get(|| async { Redirect::to("/console") }))
        .route("/console/{*rest}", any(http::nothing_here))
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

/// What operators call.
fn management() -> ApiRouter<App> {
    sites::routes::router()
        .merge(modules::manage::router())
        .merge(domains::routes::router())
        .merge(tokens::routes::router())
        .merge(requests::routes::router())
        .merge(activity::routes::router())
        .merge(views::routes::router())
}

/// What is behind the door. Calls that miss it are counted and logged like the others.
fn module_api() -> ApiRouter<App> {
    records::routes::router()
        .with_path_items(guarded)
        .route("/api/v1/modules/{module}/{*rest}", any(http::nothing_here))
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
