//! The one error type: a sentence to a person who can act, a stable code for programs, a status for HTTP.
//!
//! Over HTTP an error is a problem document (RFC 9457) `{title, status, code, detail, requestId}`; on the command line
//! the same `detail` is printed. What went wrong inside stays in [`std::error::Error::source`], which is logged and never
//! sent.

mod code;

pub use code::Code;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use std::fmt;

/// What a fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Seconds after which a client may try again when the server itself is at fault.
const RETRY_SECONDS: u64 = 2;

/// Why something was not done.
pub struct Error(Box<Inner>);

struct Inner {
    status: StatusCode,
    code: Code,
    detail: String,
    retry_after: Option<u64>,
    members: Map<String, Value>,
    cause: Option<Cause>,
}

impl Error {
    /// An error that the caller may see: `detail` says what is wrong and what to do about it.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status: code.status(),
            code,
            detail: detail.into(),
            retry_after: None,
            members: Map::new(),
            cause: None,
        }))
    }

    /// 400 `invalid_request`: the input cannot be understood.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, detail)
    }

    /// 503 `unavailable`: something this server depends on does not answer; trying again may help.
    pub fn unavailable(detail: impl Into<String>, cause: impl Into<Cause>) -> Self {
        Self::new(Code::Unavailable, detail).retry_after(RETRY_SECONDS).caused_by(cause)
    }

    /// 500 `internal`: a fault of this program. `cause` is logged and never sent.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        let detail = "Something went wrong inside the server; its log says what, under this request's id.";
        Self::new(Code::Internal, detail).caused_by(cause)
    }

    /// Answers with another status than the code's own.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// Adds `Retry-After` in seconds.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// Adds a member of its own to the problem document.
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(member.to_owned(), value.into());
        self
    }

    /// Keeps what went wrong underneath, for the log.
    pub fn caused_by(mut self, cause: impl Into<Cause>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// The same error for one more who waited for the same answer.
    pub fn shared(error: &Self) -> Self {
        let Inner { status, code, detail, retry_after, members, .. } = &*error.0;
        Self(Box::new(Inner {
            status: *status,
            code: *code,
            detail: detail.clone(),
            retry_after: *retry_after,
            members: members.clone(),
            cause: error.causes().map(Into::into),
        }))
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable code that programs match on.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The sentence for a person.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// A member that [`Error::with`] has added.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.0.members.get(name)
    }

    /// The problem document, with the id under which the log knows the request.
    pub fn document(&self, request_id: &str) -> Value {
        let mut document = self.0.members.clone();
        document.insert("title".into(), self.0.status.canonical_reason().unwrap_or("Error").into());
        document.insert("status".into(), self.0.status.as_u16().into());
        document.insert("code".into(), self.0.code.as_str().into());
        document.insert("detail".into(), self.0.detail.as_str().into());
        document.insert("requestId".into(), request_id.into());
        Value::Object(document)
    }

    /// The causes, outermost first, in one line.
    pub fn causes(&self) -> Option<String> {
        let mut cause: Option<&dyn std::error::Error> = self.0.cause.as_deref().map(|cause| cause as _);
        let mut line = String::new();
        while let Some(error) = cause {
            if !line.is_empty() {
                line.push_str(": ");
            }
            line.push_str(&error.to_string());
            cause = error.source();
        }
        (!line.is_empty()).then_some(line)
    }
}

/// The sentence; what the command line prints.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.0.status.as_u16(), self.0.code.as_str(), self.0.detail)?;
        match self.causes() {
            Some(causes) => write!(f, " ({causes})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as _)
    }
}

/// The status, and the error itself as an extension: the router's presentation makes the body (`http::ErrorPresentation`).
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        if let Some(seconds) = self.0.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            // Every 401 says how to prove oneself (RFC 9110, section 15.5.2).
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(std::sync::Arc::new(self));
        response
    }
}
