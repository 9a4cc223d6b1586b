//! An answer that says how often its caller may ask, whatever else it says.

use crate::limits::Counted;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response as Documented};
use aide::operation::OperationOutput;
use axum::response::{IntoResponse, Response};

/// An answer to a request that was counted.
#[derive(Clone, Debug)]
pub struct Limited<T> {
    /// What is answered.
    pub answer: T,
    /// What the request was counted against.
    pub counted: Counted,
}

impl<T: IntoResponse> IntoResponse for Limited<T> {
    fn into_response(self) -> Response {
        let mut response = self.answer.into_response();
        self.counted.say(response.headers_mut());
        response
    }
}

impl<T: OperationOutput> OperationOutput for Limited<T> {
    type Inner = T::Inner;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Documented> {
        T::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Documented)> {
        T::inferred_responses(ctx, operation)
    }
}
