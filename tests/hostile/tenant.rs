//! A customer with credentials: what they send is a stranger's input, too.

use crate::target::{Target, connect};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How much of an answer is read.
const ANSWER: u64 = 64 << 10;

/// An owner of the target's site, with a personal token.
pub struct Tenant<'a> {
    target: &'a Target,
    token: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub text: String,
}

impl Answer {
    /// Where the records of a published module are.
    pub fn records(&self) -> Result<String> {
        let body = self.text.split_once("\r\n\r\n").context("an answer with a body")?.1;
        let published: Value = serde_json::from_str(body)?;
        let module = published["id"].as_str().context("an id")?;
        Ok(format!("/api/v1/modules/{module}/records/notes"))
    }
}

impl<'a> Tenant<'a> {
    pub async fn new(target: &'a Target) -> Result<Self> {
        target.installation.run(&["user", "invite", "ada@example.com", "--owner"]).await?;
        let made = target.installation.run(&["user", "token", "ada@example.com"]).await?;
        Ok(Self { target, token: made["token"].as_str().context("a token")?.to_owned() })
    }

    /// Publishes a module with this manifest.
    pub async fn publish(&self, manifest: &Value) -> Result<Answer> {
        let files =
            [("module.json", manifest.to_string().into_bytes()), ("index.html", b"<p>Hello".to_vec())];
        self.upload(&zip(&files)?).await
    }

    /// Sends an archive as a module.
    pub async fn upload(&self, archive: &[u8]) -> Result<Answer> {
        let path = format!("/api/v1/sites/{}/modules", self.target.site);
        self.post(&path, "application/zip", archive).await
    }

    /// Sends a record.
    pub async fn create(&self, records: &str, data: &Value) -> Result<Answer> {
        self.post(records, "application/json", data.to_string().as_bytes()).await
    }

    /// The request that this tenant sends, without a body.
    pub fn head(&self, method: &str, path: &str) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nAuthorization: Bearer {}\r\n",
            self.target.port(),
            self.token
        )
    }

    async fn post(&self, path: &str, kind: &str, body: &[u8]) -> Result<Answer> {
        let head = self.head("POST", path);
        let length = body.len();
        let head =
            format!("{head}Connection: close\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
        let mut stream = connect(Ipv4Addr::LOCALHOST, self.target.address()).await?;
        let (reader, mut writer) = stream.split();
        let (mut answer, mut reader) = (Vec::new(), reader.take(ANSWER));
        // A server that refuses a body may answer before it has read all of it.
        let send = async {
            writer.write_all(head.as_bytes()).await?;
            writer.write_all(body).await
        };
        let (_, read) = tokio::join!(send, reader.read_to_end(&mut answer));
        let text = String::from_utf8_lossy(&answer).into_owned();
        let Some(status) = text.get(9..12).and_then(|status| status.parse().ok()) else {
            read.context("no answer")?;
            bail!("no answer of HTTP: {text:?}");
        };
        Ok(Answer { status, text })
    }
}

/// A manifest of a new module with one collection, `notes`, of this schema.
pub fn manifest(schema: &Value) -> Value {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let name = format!("Notes {}", MADE.fetch_add(1, Ordering::Relaxed));
    json!({
        "name": name, "version": "1.0.0", "entry": "index.html", "embedTypes": ["inline"],
        "collections": { "notes": { "schema": schema, "visitors": ["create"] } },
    })
}

/// An archive of these files.
pub fn zip(files: &[(&str, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default())?;
        std::io::Write::write_all(&mut archive, bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}
