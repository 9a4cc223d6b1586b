//! A response with the `RateLimit` headers.

use crate::limits::LimitDecision;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response as Documented};
use aide::operation::OperationOutput;
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
