//! A response with the `RateLimit` headers, and the limit of what anybody may load.

use super::api_gateway::Lookups;
use crate::limits::{Limit, LimitDecision};
use crate::net::ClientAddress;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response as Documented};
use aide::operation::OperationOutput;
use axum::extract::{Extension, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// The response to a request that was counted. Its headers tell the limits, also where it is an error.
#[derive(Clone, Debug)]
pub struct WithLimitHeaders<T> {
    /// The response itself.
    pub response: T,
    /// The limits, and what is left of them.
    pub decision: LimitDecision,
}

impl<T: IntoResponse> IntoResponse for WithLimitHeaders<T> {
    fn into_response(self) -> Response {
        let mut response = self.response.into_response();
        self.decision.set_headers(response.headers_mut());
        response
    }
}

impl<T: OperationOutput> OperationOutput for WithLimitHeaders<T> {
    type Inner = T::Inner;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Documented> {
        T::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Documented)> {
        T::inferred_responses(ctx, operation)
    }
}

/// Counts each request by its address, as documents and files. It is counted in this process, because a file is answered
/// faster than Redis.
pub async fn limit_files<L: Lookups>(
    State(lookups): State<L>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    request: Request,
    next: Next,
) -> Response {
    match lookups.limits().count_here(Limit::files(address, lookups.anonymous_limit())).check() {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}
