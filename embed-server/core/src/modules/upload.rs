//! An uploaded bundle.

use super::bundle::{Bundle, LARGEST_ARCHIVE};
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, RequestBody, SchemaObject};
use aide::operation::set_body;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use embed_base::http::{document_body_refusals, media_type, openapi, read_body, wrong_media_type};
use embed_base::{Code, Error, Result};
use schemars::json_schema;

const ZIP: &str = "application/zip";

/// A body of `application/zip` with a bundle.
#[derive(Debug)]
pub struct Upload(pub Bundle);

impl Upload {
    /// The limit of the body of a route that takes an upload.
    pub fn limit() -> DefaultBodyLimit {
        DefaultBodyLimit::max(LARGEST_ARCHIVE)
    }
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        if media_type(request.headers()).is_none_or(|media_type| media_type != ZIP) {
            return Err(wrong_media_type(ZIP));
        }
        let archive = read_body(request, state).await?;
        let read = tokio::task::spawn_blocking(|| Bundle::unzip(archive));
        read.await.map_err(Error::internal)?.map(Self)
    }
}

impl OperationInput for Upload {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let schema = json_schema!({
            "type": "string",
            "format": "binary",
            "description": "A zip file with `module.json` at its top: at most 1000 files, 10 MiB each, 50 MiB in all.",
        });
        let schema = SchemaObject { json_schema: schema, external_docs: None, example: None };
        let body = MediaType { schema: Some(schema), ..MediaType::default() };
        let content = FromIterator::from_iter([(ZIP.to_owned(), body)]);
        set_body(ctx, operation, RequestBody { content, required: true, ..RequestBody::default() });
        openapi::refuses(ctx, operation, Code::InvalidRequest, "The body could not be read to its end.");
        document_body_refusals(ctx, operation);
        openapi::refuses(
            ctx,
            operation,
            Code::InvalidBundle,
            "The body is not a zip file, or breaks a rule of bundles.",
        );
        openapi::refuses(ctx, operation, Code::InvalidManifest, "`module.json` is invalid.");
    }
}
