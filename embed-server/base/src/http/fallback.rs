//! The answers to paths that lead nowhere and to methods that a path does not know.

use crate::error::{Code, Error};
use axum::http::Method;

/// 404 `not_found`.
pub async fn not_found() -> Error {
    Error::new(Code::NotFound, "There is nothing at this address. Check the path and the host name.")
}

/// 405 `method_not_allowed`.
pub async fn method_not_allowed(method: Method) -> Error {
    Error::new(
        Code::MethodNotAllowed,
        format!("This address does not answer {method}; `Allow` lists what it does."),
    )
}
