//! The commands `publish` and `rollback`.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cdn::publish::{self, Destination, Target};
use cdn::{Manifest, Release};
use clap::Args;
use serde::Serialize;

/// The placeholder in snippets if the destination's public URL is not known.
const UNKNOWN: &str = "https://YOUR-CDN";

const UNNAMED: &str = "The manifest of the release does not name it";

#[derive(Args)]
pub struct PublishOptions {
    /// A folder, or s3://BUCKET/PREFIX with endpoint, region and credentials in AWS_*.
    destination: String,
    /// The embed server's public URL. Without it each snippet has to name the server in data-dramac-server.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The server's EMBED_MODULE_HOST, e.g. *.modules.example.com, where it has one.
    #[arg(long, value_name = "PATTERN")]
    module_host: Option<String>,
    /// The bundle to publish, in place of cdn/dist.
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// The URL under which pages find the destination, for the printed snippets.
    #[arg(long, value_name = "URL")]
    cdn_url: Option<String>,
}

#[derive(Args)]
pub struct RollbackOptions {
    /// Where it was published.
    destination: String,
    /// The hash that `publish` printed.
    release: String,
}

/// What pages load after a rollback.
#[derive(Serialize)]
pub struct RolledBack {
    release: Release,
}

impl fmt::Display for RolledBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Pages now load the release {}; browsers that have the other ask within five minutes.",
            self.release.hash
        )
    }
}

/// The snippets for pages.
#[derive(Serialize)]
pub struct Published {
    release: Release,
    /// Follows later releases.
    snippet: String,
    /// Pinned to this release.
    pinned_snippet: String,
}

impl Published {
    fn new(manifest: Manifest, cdn_url: Option<&str>, has_server: bool) -> Result<Self> {
        let release = manifest.release.context(UNNAMED)?;
        let cdn = cdn_url.unwrap_or(UNKNOWN).trim_end_matches('/');
        let server = if has_server { "" } else { " data-dramac-server=\"https://YOUR-EMBED-SERVER\"" };
        let snippet = format!("<script async src=\"{cdn}/v1/embed.js\"{server}></script>");
        let pinned_snippet = format!(
            "<script async src=\"{cdn}/{}\" integrity=\"{}\" crossorigin{server}></script>",
            release.path, release.integrity
        );
        Ok(Self { release, snippet, pinned_snippet })
    }
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Pages now load the release {}.\n", self.release.hash)?;
        writeln!(f, "For pages that follow later releases:\n{}\n", self.snippet)?;
        write!(f, "For pages that stay with this one:\n{}", self.pinned_snippet)
    }
}

/// Publishes the bundle in `built`, or where the options say.
pub fn publish(options: &PublishOptions, built: &Path) -> Result<Published> {
    let target = Target::parse(options.server.as_deref(), options.module_host.as_deref())?;
    let bundle = options.bundle.as_deref().unwrap_or(built);
    let destination = Destination::open(&options.destination)?;
    let bar = crate::bar(0)?;
    bar.set_message(format!("Publishing to {destination}"));
    let manifest = wait(publish::publish(&destination, bundle, &target, &|done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    }));
    bar.finish_and_clear();
    Published::new(manifest??, options.cdn_url.as_deref(), target.has_server())
}

/// Goes back to an earlier release.
pub fn rollback(options: &RollbackOptions) -> Result<RolledBack> {
    let destination = Destination::open(&options.destination)?;
    let manifest = wait(publish::rollback(&destination, &options.release))??;
    Ok(RolledBack { release: manifest.release.context(UNNAMED)? })
}

fn wait<T>(task: impl Future<Output = T>) -> Result<T> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?.block_on(task))
}
