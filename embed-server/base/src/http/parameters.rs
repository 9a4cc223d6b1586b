//! Query strings, read strictly: an unknown parameter is refused by name and never ignored, and bytes that are not UTF-8
//! are refused and never replaced by U+FFFD, which would change the question.

use super::openapi;
use crate::error::{Code, Error, Result};
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use aide::operation::{ParamLocation, add_parameters, parameters_from_schema};
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// The detail of the refusal of a query that [`percent_decoded`] cannot read.
pub const QUERY_NOT_UTF8: &str =
    "The query is not UTF-8 where it has percent signs; encode every text as UTF-8 first.";

/// A query with its percent signs resolved; `None` when that is not UTF-8.
pub fn percent_decoded(query: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(query).decode_utf8().ok()
}

/// A query string. Its type denies unknown fields.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        match percent_decoded(parts.uri.query().unwrap_or_default()) {
            None => return Err(Error::invalid(QUERY_NOT_UTF8)),
            Some(query) if query.contains('\0') => {
                return Err(Error::invalid(
                    "The query holds U+0000 (%00), which stands in no text; leave it out.",
                ));
            }
            Some(_) => {}
        }
        Query::try_from_uri(&parts.uri).map(|Query(read)| Self(read)).map_err(|rejection| {
            let reason = std::error::Error::source(&rejection)
                .map_or_else(String::new, |reason| format!(": {reason}"));
            Error::invalid(format!("The query is not what was expected{reason}.")).caused_by(rejection)
        })
    }
}

impl<T: JsonSchema> OperationInput for Parameters<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        // Each parameter is described where it stands, so the type needs no name of its own in the document.
        let schema = T::json_schema(&mut ctx.schema);
        let parameters = parameters_from_schema(ctx, schema, ParamLocation::Query);
        add_parameters(ctx, operation, parameters);
        let when = "A parameter of the query is wrong or not known; `detail` names it.";
        openapi::refuses(ctx, operation, Code::InvalidRequest, when);
    }
}
