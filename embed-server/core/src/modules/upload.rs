//! Uploaded bundles: written to a file while they arrive, and unpacked from there, so many at once and no more.

use super::Modules;
use super::bundle::{Bundle, LARGEST_ARCHIVE};
use crate::services::Services;
use crate::sites::{Sites, site_not_found};
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, RequestBody, SchemaObject};
use aide::operation::set_body;
use axum::body::{BodyDataStream, Bytes};
use axum::extract::{DefaultBodyLimit, FromRef, FromRequest, Request};
use axum::http::header;
use axum::http::request::Parts;
use embed_base::http::{
    body_cut_off, body_too_large, check_encoding, document_body_refusals, media_type, openapi, path_id,
    wrong_media_type,
};
use embed_base::{Code, Error, Result};
use futures_util::StreamExt;
use schemars::json_schema;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Seek};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

const ZIP: &str = "application/zip";

/// The most uploads of an organization at once.
const MOST_OF_AN_ORGANIZATION: usize = 4;
/// The most uploads at once.
const MOST: usize = 16;
/// The most bundles that are unpacked and stored at once: each takes up to 50 MiB of memory, and a file's compression.
const MOST_UNPACKED: usize = 2;
/// How long an upload waits until it can be unpacked.
const UNPACK_WAIT_LIMIT: Duration = Duration::from_secs(60);
/// Seconds after which a refused upload may be sent again.
const RETRY_SECONDS: u64 = 10;

/// The bounds of uploads, as `docs/limits.md` lists them.
pub(super) fn bounds() -> Vec<(&'static str, usize)> {
    vec![
        ("uploads of an organization at once", MOST_OF_AN_ORGANIZATION),
        ("uploads of a server at once", MOST),
        ("bundles that are unpacked and stored at once", MOST_UNPACKED),
    ]
}

/// The uploads of a server. Clones share one count.
#[derive(Clone, Debug)]
pub(super) struct Uploads {
    /// By organization.
    counts: Arc<Mutex<HashMap<Uuid, usize>>>,
    unpacking: Arc<Semaphore>,
}

impl Default for Uploads {
    fn default() -> Self {
        Self { counts: Arc::default(), unpacking: Arc::new(Semaphore::new(MOST_UNPACKED)) }
    }
}

impl Uploads {
    /// Counts one more upload, until the place is dropped.
    fn take_place(&self, organization: Uuid) -> Result<Place> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.values().sum::<usize>() >= MOST {
            let detail = format!(
                "The server is receiving {MOST} bundles, and takes no more at once; try again shortly."
            );
            return Err(Error::new(Code::Unavailable, detail).retry_after(RETRY_SECONDS));
        }
        let count = counts.entry(organization).or_default();
        if *count >= MOST_OF_AN_ORGANIZATION {
            let detail = format!(
                "Your organization is sending {MOST_OF_AN_ORGANIZATION} bundles, and may send no more at once; try again when one is published."
            );
            return Err(Error::new(Code::RateLimited, detail).retry_after(RETRY_SECONDS));
        }
        *count += 1;
        Ok(Place { counts: self.counts.clone(), organization })
    }
}

/// An upload that is counted.
#[derive(Debug)]
struct Place {
    counts: Arc<Mutex<HashMap<Uuid, usize>>>,
    organization: Uuid,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.organization) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.organization);
            }
        }
    }
}

/// A zip file that was uploaded or is arriving. The file has no name, and is gone with this.
#[derive(Debug)]
pub struct Archive {
    file: tokio::fs::File,
    size: usize,
    place: Place,
}

impl Archive {
    /// Begins an upload to the site in the path of a request whose operator was checked; 429 or 503 where there are too many.
    pub async fn begin(modules: &Modules, request: Request) -> Result<(Self, Request)> {
        check_encoding(request.headers())?;
        let (mut parts, body) = request.into_parts();
        match Self::take_place(modules, &mut parts).await {
            Ok(archive) => Ok((archive, Request::from_parts(parts, body))),
            Err(refused) => {
                discard(&parts, body.into_data_stream()).await;
                Err(refused)
            }
        }
    }

    async fn take_place(modules: &Modules, parts: &mut Parts) -> Result<Self> {
        let site = path_id(parts, "site", site_not_found).await?;
        let organization = Sites::new(&modules.context).find(site).await?.organization_id;
        let place = modules.uploads.take_place(organization)?;
        let folder = &modules.context.settings.storage.storage_url;
        let file = tempfile::tempfile_in(folder).map_err(not_kept)?;
        Ok(Self { file: tokio::fs::File::from_std(file), size: 0, place })
    }

    /// Adds what has arrived; 413 where that is too much.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.size += bytes.len();
        if self.size > LARGEST_ARCHIVE {
            return Err(body_too_large());
        }
        self.file.write_all(&bytes).await.map_err(not_kept)
    }

    /// Whether nothing has arrived.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Unpacks the whole archive, when others have been.
    pub async fn unpack(mut self, modules: &Modules) -> Result<Unpacked> {
        let permit =
            tokio::time::timeout(UNPACK_WAIT_LIMIT, modules.uploads.unpacking.clone().acquire_owned());
        let permit = permit.await.map_err(|elapsed| {
            Error::unavailable("The server is unpacking other bundles; try again shortly.", elapsed)
                .retry_after(RETRY_SECONDS)
        })?;
        let permit = permit.map_err(Error::internal)?;
        self.file.flush().await.map_err(not_kept)?;
        let mut file = self.file.into_std().await;
        let unpack = move || {
            file.rewind().map_err(not_kept)?;
            let file: &File = &file;
            Bundle::unzip(|| BufReader::new(file))
        };
        let bundle = tokio::task::spawn_blocking(unpack).await.map_err(Error::internal)??;
        Ok(Unpacked { bundle, held: Held { _permit: permit, _place: self.place } })
    }
}

fn not_kept(error: std::io::Error) -> Error {
    Error::unavailable("The upload could not be stored. Check the disk's space and permissions.", error)
}

/// A bundle that was uploaded. Others wait while `held` is.
#[derive(Debug)]
pub struct Unpacked {
    pub bundle: Bundle,
    pub held: Held,
}

/// The place of an upload among those that are counted.
#[derive(Debug)]
pub struct Held {
    _permit: OwnedSemaphorePermit,
    _place: Place,
}

/// A body of `application/zip` with a bundle, for handlers whose path names the site.
#[derive(Debug)]
pub struct Upload(pub Archive);

impl Upload {
    /// The limit of the body of a route that takes an upload.
    pub fn limit() -> DefaultBodyLimit {
        DefaultBodyLimit::max(LARGEST_ARCHIVE)
    }
}

impl<S> FromRequest<S> for Upload
where
    S: Send + Sync,
    Services: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        if media_type(request.headers()).is_none_or(|media_type| media_type != ZIP) {
            return Err(wrong_media_type(ZIP));
        }
        let (mut archive, request) = Archive::begin(&Services::from_ref(state).modules, request).await?;
        let mut arriving = request.into_body().into_data_stream();
        while let Some(bytes) = arriving.next().await {
            archive.write(bytes.map_err(|error| body_cut_off().caused_by(error))?).await?;
        }
        Ok(Self(archive))
    }
}

/// Reads a refused body to its end, since a client that is still sending would not see why, and closes what it cannot send.
/// One that asks first (`Expect: 100-continue`) sends nothing.
async fn discard(parts: &Parts, mut arriving: BodyDataStream) {
    let (mut size, asks) = (0, parts.headers.contains_key(header::EXPECT));
    while size <= LARGEST_ARCHIVE && !asks {
        match arriving.next().await {
            Some(Ok(bytes)) => size += bytes.len(),
            _ => return,
        }
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
        let when = format!("The organization is sending {MOST_OF_AN_ORGANIZATION} bundles already.");
        openapi::refuses(ctx, operation, Code::RateLimited, &when);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_are_counted_by_organization_and_server() {
        let uploads = Uploads::default();
        let organization = |number: u128| Uuid::from_u128(number);
        let mut places: Vec<_> = (0..4).map(|_| uploads.take_place(organization(1)).unwrap()).collect();
        let refused = uploads.take_place(organization(1)).unwrap_err();
        assert_eq!((refused.code(), refused.status().as_u16()), (Code::RateLimited, 429));
        for number in 2..=4 {
            places.extend((0..4).map(|_| uploads.take_place(organization(number)).unwrap()));
        }
        assert_eq!(uploads.take_place(organization(5)).unwrap_err().code(), Code::Unavailable);
        places.pop();
        uploads.take_place(organization(5)).unwrap();
        drop(places);
        assert!(uploads.counts.lock().unwrap().is_empty());
    }
}
