//! HTTP below every capability: a request id, a line in the log, limits, one presentation of errors for each router, and
//! the choice between the public origin and the origins of modules. This folder knows no capability.

mod api_gateway;
mod caller;
mod connections;
mod cors;
mod created;
pub mod documentation;
mod error_presentation;
mod fallback;
mod host_routing;
mod hosts;
mod input;
mod limit_headers;
mod listen;
mod middleware;
pub mod openapi;
mod paging;
mod parameters;
mod path;
mod refusals;
mod request_id;
mod request_log;
mod scope;
mod time_range;
mod write_timeout;

pub use api_gateway::{
    ApiRequest, Authenticated, CALL_TIMEOUT, ErrorInBody, Lookups, behind_gateway, origin_not_allowed,
};
pub use caller::{Call, Caller, CallerKind, Grant, forbidden, unauthenticated};
pub use connections::CONNECTIONS_PER_NETWORK;
pub use cors::{AllowedPage, CorsPolicy};
pub use created::Created;
pub use error_presentation::{ErrorPresentation, Failure, problem_document};
pub use fallback::{method_not_allowed, not_found};
pub use host_routing::{HostRouter, ModuleOrigin, Routers, refuse_host};
pub use hosts::Hosts;
pub use input::{
    Input, body_cut_off, body_too_large, check_encoding, document_body_refusals, media_type, read_body,
    without_mark, wrong_media_type,
};
pub use limit_headers::{WithLimitHeaders, limit_files};
pub use listen::{HEAD_LIMIT, HEAD_TIMEOUT, WRITE_TIMEOUT, serve};
pub use middleware::{BODY_LIMIT, Middleware, TIMEOUT};
pub use paging::{LARGEST_PAGE, Listed, Paged, Paging, json_bytes};
pub use parameters::{Parameters, QUERY_NOT_UTF8, percent_decoded};
pub use path::{path_id, path_text};
pub use refusals::{LOGGED_REFUSALS, RefusalCount, Refusals};
pub use request_id::{RequestId, request_id_text};
pub use request_log::{
    QUEUE as REQUEST_LOG_QUEUE, RequestLog, RequestLogEntry, RequestLogQueues,
    STRANGERS_QUEUE as STRANGERS_LOG_QUEUE,
};
pub use scope::{MAX_SCOPES, Scope, ScopeSet, Verb};
pub use time_range::TimeRange;
pub use write_timeout::LEAST_TAKEN;
