//! A folder, or a bucket of an S3 server that checks signatures, and the command that publishes there.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Key;
use object_store::{Attribute, ObjectStoreExt};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::bundle::Bundle;

const KEY: &str = "AKIATEST";
const SECRET: &str = "secret";

/// Where a test publishes to.
pub struct Place {
    root: TempDir,
    server: Option<Server>,
    secret: &'static str,
}

struct Server {
    address: SocketAddr,
    runtime: Runtime,
}

/// What the command said.
pub struct Outcome(Output);

impl Place {
    pub fn folder() -> Self {
        Place { root: tempfile::tempdir().unwrap(), server: None, secret: SECRET }
    }

    /// The prefix `some/prefix` of a bucket `cdn`.
    pub fn bucket() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("cdn")).unwrap();
        let server = Server::start(root.path());
        Place { root, server: Some(server), secret: SECRET }
    }

    pub fn with_secret(mut self, secret: &'static str) -> Self {
        self.secret = secret;
        self
    }

    /// What the command is told as its destination.
    pub fn name(&self) -> String {
        match &self.server {
            None => self.root.path().to_str().unwrap().to_owned(),
            Some(_) => "s3://cdn/some/prefix".to_owned(),
        }
    }

    pub fn publish(&self, bundle: &Bundle, options: &[&str]) -> Outcome {
        let name = self.name();
        let fixed = ["publish", &name, "--bundle", bundle.path().to_str().unwrap()];
        self.run(&[&fixed[..], options].concat())
    }

    pub fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cdn"));
        command.args(arguments).env_clear();
        if let Some(server) = &self.server {
            command
                .env("AWS_ENDPOINT_URL", format!("http://{}", server.address))
                .env("AWS_ACCESS_KEY_ID", KEY)
                .env("AWS_SECRET_ACCESS_KEY", self.secret);
        }
        Outcome(command.output().unwrap())
    }

    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.file(path)).ok()
    }

    pub fn write(&self, path: &str, bytes: &[u8]) {
        let file = self.file(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }

    /// Every file with its content's length.
    pub fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        list(&self.file(""), &mut files);
        files.sort();
        files
    }

    /// Content-Type, Content-Encoding and Cache-Control of an object.
    pub fn sent(&self, path: &str) -> [String; 3] {
        let server = self.server.as_ref().unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = AmazonS3Builder::new()
            .with_bucket_name("cdn")
            .with_endpoint(format!("http://{}", server.address))
            .with_allow_http(true)
            .with_access_key_id(KEY)
            .with_secret_access_key(SECRET)
            .build()
            .unwrap();
        let key = Key::from(format!("some/prefix/{path}"));
        let object = server.runtime.block_on(store.get(&key)).unwrap();
        [Attribute::ContentType, Attribute::ContentEncoding, Attribute::CacheControl]
            .map(|name| object.attributes.get(&name).map(|value| value.to_string()).unwrap_or_default())
    }

    /// The S3 server keeps its objects as plain files.
    fn file(&self, path: &str) -> PathBuf {
        match &self.server {
            None => self.root.path().join(path),
            Some(_) => self.root.path().join("cdn/some/prefix").join(path),
        }
    }
}

impl Server {
    fn start(root: &Path) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service.clone()));
            }
        });
        Server { address, runtime }
    }
}

impl Outcome {
    /// What it printed; fails where the command failed.
    pub fn success(self) -> String {
        assert!(self.0.status.success(), "{}", String::from_utf8_lossy(&self.0.stderr));
        String::from_utf8(self.0.stdout).unwrap()
    }

    /// What it complained of; fails where the command did not.
    pub fn failure(self) -> String {
        assert!(!self.0.status.success(), "{}", String::from_utf8_lossy(&self.0.stdout));
        String::from_utf8(self.0.stderr).unwrap().trim().to_owned()
    }
}

fn list(folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            list(&entry.path(), files);
        } else {
            files.push(format!("{} {}", entry.path().display(), entry.metadata().unwrap().len()));
        }
    }
}
