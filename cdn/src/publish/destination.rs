//! A folder or an S3-compatible bucket.

use std::fmt;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Error, Result, anyhow, bail};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{Attribute, Attributes, ObjectStore, ObjectStoreExt, PutMode, PutOptions};

use super::release::File;

/// The variables for a bucket's credentials, as for the AWS command line.
const CREDENTIALS: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// A folder or bucket to publish to. It prints as the user wrote it.
#[derive(Debug)]
pub struct Destination {
    name: String,
    store: Box<dyn ObjectStore>,
    prefix: Key,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Folder(PathBuf),
    Bucket(String),
}

impl Destination {
    /// `name` is a folder, which is created if needed, or `s3://bucket/prefix`. Endpoint, region and credentials of a
    /// bucket come from the variables `AWS_*`.
    pub fn open(name: &str) -> Result<Self> {
        match name.split_once("://") {
            None => Self::folder(name),
            Some(("s3", rest)) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                Self::bucket(name, bucket, prefix)
            }
            Some(_) => bail!("{name} is neither a folder nor a bucket: write s3://BUCKET/PREFIX, or a path."),
        }
    }

    fn folder(name: &str) -> Result<Self> {
        let path = PathBuf::from(name);
        if path.exists() && !path.is_dir() {
            bail!("{name} is a file, but a bundle needs a folder.");
        }
        fs::create_dir_all(&path).with_context(|| format!("The folder {name} cannot be made"))?;
        let store = LocalFileSystem::new_with_prefix(&path)?;
        Ok(Self {
            name: name.to_owned(),
            store: Box::new(store),
            prefix: Key::default(),
            kind: Kind::Folder(path),
        })
    }

    fn bucket(name: &str, bucket: &str, prefix: &str) -> Result<Self> {
        if bucket.is_empty() {
            bail!("{name} names no bucket: write s3://BUCKET/PREFIX.");
        }
        if !CREDENTIALS.iter().any(|variable| env::var_os(variable).is_some_and(|value| !value.is_empty())) {
            bail!(
                "There are no credentials for {name}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and \
                 AWS_ENDPOINT_URL where it is not Amazon's). `aws configure export-credentials --format env` prints \
                 those of a profile."
            );
        }
        // Fails only if another library has installed a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let endpoint = env::var("AWS_ENDPOINT_URL_S3").or_else(|_| env::var("AWS_ENDPOINT_URL")).ok();
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_allow_http(endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://")));
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let store = builder.build().with_context(|| format!("The AWS_* variables do not fit {name}"))?;
        let prefix =
            Key::parse(prefix.trim_matches('/')).with_context(|| format!("{name} is no name for objects"))?;
        Ok(Self {
            name: name.to_owned(),
            store: Box::new(store),
            prefix,
            kind: Kind::Bucket(bucket.to_owned()),
        })
    }

    /// Refuses the bundle's own folder: publishing would overwrite its loader, which is a template.
    pub(super) fn refuse_to_be(&self, bundle: &Path) -> Result<()> {
        match &self.kind {
            Kind::Folder(folder) if fs::canonicalize(folder).ok() == fs::canonicalize(bundle).ok() => {
                bail!("{self} is the bundle itself: publish to another folder.")
            }
            _ => Ok(()),
        }
    }

    /// Fails early, with a clear error, if the bucket does not exist.
    pub(super) async fn look(&self) -> Result<()> {
        match self.store.list_with_delimiter(Some(&self.key("v1"))).await {
            // Credentials without permission to list may still be allowed to write.
            Err(
                object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. },
            ) => Ok(()),
            Err(error) => Err(self.sentence(error)),
            Ok(_) => Ok(()),
        }
    }

    /// The names of the folders below `v1/`.
    pub(super) async fn folders(&self) -> Result<Vec<String>> {
        let listed = self.store.list_with_delimiter(Some(&self.key("v1"))).await;
        let folders = listed.map_err(|error| self.sentence(error))?.common_prefixes;
        Ok(folders.iter().filter_map(|folder| folder.filename().map(str::to_owned)).collect())
    }

    pub(super) async fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let read = async { self.store.get(&self.key(path)).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.sentence(error)),
        }
    }

    /// Writes a file that never changes. If it exists, nothing is written, and its content must be the same.
    pub(super) async fn keep(&self, file: &File) -> Result<()> {
        match self.put(file, PutMode::Create).await {
            Err(object_store::Error::AlreadyExists { .. }) => {}
            written => return written.map_err(|error| self.sentence(error)),
        }
        match self.read(&file.path).await? {
            Some(bytes) if bytes == file.bytes => Ok(()),
            _ => bail!(
                "{} is at {self} already, with other content, and what is published under a hash never changes. Find out \
                 who wrote it; then remove it, or publish to another place.",
                file.path
            ),
        }
    }

    /// Writes or overwrites a file.
    pub(super) async fn replace(&self, file: &File) -> Result<()> {
        self.put(file, PutMode::Overwrite).await.map_err(|error| self.sentence(error))
    }

    async fn put(&self, file: &File, mode: PutMode) -> object_store::Result<()> {
        let attributes = match self.kind {
            Kind::Bucket(_) => attributes(&file.path),
            // Files have no attributes; the web server sets the headers.
            Kind::Folder(_) => Attributes::new(),
        };
        let options = PutOptions { mode, attributes, ..PutOptions::default() };
        self.store.put_opts(&self.key(&file.path), file.bytes.clone().into(), options).await?;
        Ok(())
    }

    fn key(&self, path: &str) -> Key {
        self.prefix.parts().chain(Key::from(path).parts()).collect()
    }

    fn sentence(&self, error: object_store::Error) -> Error {
        let text = error.to_string();
        match &self.kind {
            Kind::Bucket(bucket) if text.contains("NoSuchBucket") => anyhow!(
                "There is no bucket {bucket} at this endpoint: create it, or correct {self} or AWS_ENDPOINT_URL."
            ),
            Kind::Bucket(_) if is_refusal(&error) => anyhow!(
                "The bucket refused these credentials: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that they \
                 may list, read and write {self}."
            ),
            _ => Error::new(error).context(format!("{self} cannot be used")),
        }
    }
}

/// When listing, object_store does not report this by the kind of its error.
fn is_refusal(error: &object_store::Error) -> bool {
    matches!(
        error,
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }
    ) || error.to_string().contains("403 Forbidden")
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The headers that a bucket sends with a file. Compressed files have `Content-Encoding`, for a CDN that chooses among them.
fn attributes(path: &str) -> Attributes {
    let (path, encoding) = match path.rsplit_once('.') {
        Some((path, "br")) => (path, Some("br")),
        Some((path, "gz")) => (path, Some("gzip")),
        _ => (path, None),
    };
    let content_type = match path.rsplit_once('.') {
        Some((_, "wasm")) => "application/wasm",
        Some((_, "json")) => "application/json",
        _ => "text/javascript; charset=utf-8",
    };
    let is_hashed = path.split('/').count() > 2;
    let cache = if is_hashed {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=300, stale-while-revalidate=86400"
    };
    let mut attributes =
        Attributes::from_iter([(Attribute::ContentType, content_type), (Attribute::CacheControl, cache)]);
    if let Some(encoding) = encoding {
        attributes.insert(Attribute::ContentEncoding, encoding.into());
    }
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(path: &str) -> Vec<String> {
        let attributes = attributes(path);
        let all = [Attribute::ContentType, Attribute::ContentEncoding, Attribute::CacheControl];
        all.iter().filter_map(|name| attributes.get(name)).map(|value| value.to_string()).collect()
    }

    #[test]
    fn what_has_a_hash_is_kept_for_a_year_and_what_leads_to_it_for_five_minutes() {
        let year = "public, max-age=31536000, immutable";
        assert_eq!(sent("v1/0123456789abcdef/sdk.wasm"), ["application/wasm", year]);
        assert_eq!(sent("v1/0123456789abcdef/sdk.js.br"), ["text/javascript; charset=utf-8", "br", year]);
        let minutes = "public, max-age=300, stale-while-revalidate=86400";
        assert_eq!(sent("v1/embed.js"), ["text/javascript; charset=utf-8", minutes]);
        assert_eq!(sent("v1/manifest.json.gz"), ["application/json", "gzip", minutes]);
    }

    #[test]
    fn a_wrong_destination_is_told_how_to_write_a_right_one() {
        let error = Destination::open("gs://bucket").expect_err("not S3");
        assert_eq!(
            error.to_string(),
            "gs://bucket is neither a folder nor a bucket: write s3://BUCKET/PREFIX, or a path."
        );
        let error = Destination::open("s3:///prefix").expect_err("no bucket");
        assert_eq!(error.to_string(), "s3:///prefix names no bucket: write s3://BUCKET/PREFIX.");
        let file = tempfile::NamedTempFile::new().expect("a file");
        let name = file.path().display().to_string();
        let error = Destination::open(&name).expect_err("a file");
        assert_eq!(error.to_string(), format!("{name} is a file, but a bundle needs a folder."));
    }
}
