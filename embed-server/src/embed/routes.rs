//! The HTTP of embedding.

use super::Embed;
use crate::error::{Error, Result};
use crate::http::{ClientAddress, Limit, RateLimits};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, FromRef, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use axum::{Json, Router};
use embed_protocol::verify::{Allowed, PATH, Request};
use std::sync::Arc;

/// `POST /api/embed/verify`.
pub fn router<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Embed>: FromRef<S>,
    Arc<RateLimits>: FromRef<S>,
{
    Router::new().route(PATH, post(verify))
}

/// May this page embed this module? 200 with [`Allowed`], or a problem document that also says `"allowed": false`. The body
/// is JSON whatever its content type, because `text/plain` spares the browser a preflight.
async fn verify(
    State(embed): State<Arc<Embed>>,
    State(limits): State<Arc<RateLimits>>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Allowed>> {
    let answer = async {
        limits.count(vec![Limit::address(address, embed.asks_per_minute())]).await.check()?;
        let request = read(body)?;
        let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
        embed.verify(origin, &request).await
    };
    answer.await.map(Json).map_err(|error: Error| error.with("allowed", false))
}

fn read(body: Result<Bytes, BytesRejection>) -> Result<Request> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Error::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "invalid_request",
            "The body is too large for a question.",
        ),
        _ => Error::invalid("The body could not be read."),
    })?;
    serde_json::from_slice(&body).map_err(|error| {
        Error::invalid(format!(
            "The body is not what verify expects, {{siteId, moduleId, origin, type}} as JSON: {error}."
        ))
        .caused_by(error)
    })
}
