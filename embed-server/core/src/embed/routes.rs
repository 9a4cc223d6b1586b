//! The HTTP routes of embedding.

use crate::services::Services;
use aide::axum::ApiRouter;
use aide::axum::routing::post_with;
use aide::transform::TransformOperation;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use embed_base::http::openapi::{self, refused, refused_with};
use embed_base::http::{WithLimitHeaders, check_encoding, without_mark};
use embed_base::limits::Limit;
use embed_base::net::ClientAddress;
use embed_base::{Code, Error, Result};
use embed_protocol::verify::{Allowed, PATH, Request};

pub fn router() -> ApiRouter<Services> {
    ApiRouter::new().api_route(PATH, post_with(verify, documented))
}

fn documented(mut operation: TransformOperation<'_>) -> TransformOperation<'_> {
    openapi::reads::<Request>(operation.inner_mut());
    operation
        .id("verify")
        .tag("Embedding")
        .summary("Ask whether a page may embed a module")
        .description(
            "The browser's `Origin` decides; `origin` in the body has to agree with it. The body is JSON whatever its content \
             type, because `text/plain` spares the browser a preflight. A refusal also says `\"allowed\": false`.",
        )
        .with(refused(Code::InvalidRequest, "The body is not a `VerifyRequest`."))
        .with(refused_with(StatusCode::PAYLOAD_TOO_LARGE, Code::InvalidRequest, "The body is too large."))
        .with(refused(Code::UnsupportedMediaType, "The body has a `Content-Encoding`."))
        .with(refused(Code::SiteNotFound, "There is no such site."))
        .with(refused(Code::ModuleNotFound, "The site has no such module, or it is not published."))
        .with(refused(Code::OriginMismatch, "There is no usable `Origin`, or the body has another."))
        .with(refused(Code::OriginNotAllowed, "No allowed domain covers the origin."))
        .with(refused(Code::DomainNotVerified, "The domain is not verified yet."))
        .with(refused(Code::TypeNotAllowed, "The origin may embed the module, but not as this type."))
        .with(refused(Code::RateLimited, "Too many requests from this address."))
}

/// Answers whether this page may embed this module.
async fn verify(
    State(services): State<Services>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> WithLimitHeaders<Result<Json<Allowed>>> {
    let decision = services.limits.count(vec![Limit::address(address, services.embed.verify_limit())]).await;
    let answer = async {
        decision.check()?;
        check_encoding(&headers)?;
        let request = read(body)?;
        let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
        services.embed.verify(origin, &request).await
    };
    let response = answer.await.map(Json).map_err(|error: Error| error.with("allowed", false));
    WithLimitHeaders { response, decision }
}

fn read(body: Result<Bytes, BytesRejection>) -> Result<Request> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Error::invalid("The body is too large.").with_status(StatusCode::PAYLOAD_TOO_LARGE)
        }
        _ => Error::invalid("The body could not be read."),
    })?;
    serde_json::from_slice(without_mark(&body)).map_err(|error| {
        Error::invalid(format!("The body is not {{siteId, moduleId, origin, type}} as JSON: {error}."))
            .caused_by(error)
    })
}
