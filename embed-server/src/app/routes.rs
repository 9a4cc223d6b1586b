//! Which routes there are, on which origin, and what each passes through before it is reached.

use super::App;
use crate::error::Result;
use crate::http::{self, Front, Readers};
use crate::state::Context;
use crate::{assets, embed, modules};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

/// The text format of OpenMetrics.
const METRICS_TYPE: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

impl App {
    /// The routers: one for the public origin, one for the modules' own. Where modules have no origin of their own, they
    /// are served, sandboxed, from the public one.
    pub(super) fn front(&self) -> Front {
        let settings = &self.0.context.settings;
        let passed = |routes, readers| http::passed(routes, readers, self.0.context.metrics.clone());
        let module = embed::document::router().merge(modules::routes::router());
        let mut public = assets::router().merge(health());
        if settings.module_host.is_none() {
            public = public.merge(module.clone());
        }
        let api = module_api().layer(from_fn_with_state(self.clone(), http::door::<Self>));
        let public = passed(public.merge(api).fallback(http::nothing_here), Readers::Own);
        let verify = passed(embed::routes::router(), Readers::Asker);
        let module = passed(module.merge(assets::router()).fallback(http::nothing_here), Readers::Own);
        Front::new(
            settings.module_host.clone(),
            settings.trusted_proxies.clone(),
            public.merge(verify).with_state(self.clone()),
            module.with_state(self.clone()),
        )
    }
}

/// What is behind the door.
fn module_api() -> Router<App> {
    Router::new().route("/api/v1/modules/{module}/{*rest}", axum::routing::any(http::nothing_here))
}

/// `GET /healthz`: the process lives. `GET /readyz`: it can do its work. `GET /metrics`: what it has counted.
fn health() -> Router<App> {
    async fn alive() -> Json<Value> {
        Json(json!({ "status": "ok" }))
    }
    async fn ready(State(context): State<Context>) -> Result<Json<Value>> {
        context.db.ping().await?;
        Ok(Json(json!({ "status": "ok" })))
    }
    async fn metrics(State(context): State<Context>) -> impl IntoResponse {
        let (open, idle) = context.db.connections();
        context.metrics.pool_open.set(open);
        context.metrics.pool_idle.set(idle);
        ([(header::CONTENT_TYPE, METRICS_TYPE)], context.metrics.render())
    }
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready)).route("/metrics", get(metrics))
}
