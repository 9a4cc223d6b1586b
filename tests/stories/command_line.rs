//! Bad input on the command line: a sentence that says what to do, an exit code, and nothing changed.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use stories::{Installation, module, port};

const UNKNOWN: &str = "0190c3a4-7b1e-7000-8000-000000000001";

/// An installation with one module and one allowed domain, no server running.
struct Desk {
    installation: Installation,
    site: String,
    module: String,
}

impl Desk {
    async fn new() -> Result<Self> {
        let installation = Installation::new()?;
        let site = installation.create_site().await?;
        let module = installation.publish(&site, &module::bridge()).await?;
        installation.allow(&site, &module, port::free()?, &[]).await?;
        Ok(Self { installation, site, module })
    }

    /// Everything that a command could have changed.
    async fn state(&self) -> Result<Value> {
        let of_site = ["--site", self.site.as_str()];
        let of_module = ["--site", self.site.as_str(), "--module", self.module.as_str()];
        Ok(json!({
            "sites": self.installation.run(&["site", "list"]).await?,
            "modules": self.installation.run(&[&["module", "list"][..], &of_site].concat()).await?,
            "domains": self.installation.run(&[&["domain", "list"][..], &of_module].concat()).await?,
        }))
    }

    /// The command fails with one sentence that contains all `words`, and changes nothing.
    async fn refuses(&self, args: &[&str], words: &[&str]) -> Result<()> {
        let before = self.state().await?;
        let refusal = self.installation.refuses(args).await?;
        is_a_sentence(&refusal, words).with_context(|| format!("embed-server {}", args.join(" ")))?;
        assert_eq!(before, self.state().await?, "embed-server {}", args.join(" "));
        Ok(())
    }

    async fn refuses_bundle(&self, folder: &Path, words: &[&str]) -> Result<()> {
        let folder = folder.to_str().context("the folder's path is UTF-8")?;
        self.refuses(&["module", "publish", folder, "--site", &self.site], words).await
    }

    /// A copy of a module that publishes well, to be spoiled.
    fn bundle(&self, name: &str) -> Result<PathBuf> {
        let folder = self.installation.folder().join(name);
        fs::create_dir(&folder)?;
        for file in ["module.json", "index.html", "app.js"] {
            fs::copy(module::bridge().join(file), folder.join(file))?;
        }
        Ok(folder)
    }
}

fn is_a_sentence(text: &str, words: &[&str]) -> Result<()> {
    ensure!(!text.contains('\n'), "more than a line: {text}");
    ensure!(text.ends_with(['.', '`', '?']), "not a sentence: {text:?}");
    ensure!(!text.contains("panicked") && !text.contains("Something went wrong inside"), "internal: {text}");
    for word in words {
        ensure!(text.contains(word), "{word:?} is not in {text:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_unknown_site_module_or_domain_is_named() -> Result<()> {
    let desk = Desk::new().await?;
    let (site, module) = (desk.site.as_str(), desk.module.as_str());
    let folder = module::bridge();
    let folder = folder.to_str().context("the folder's path is UTF-8")?;
    desk.refuses(&["site", "show", UNKNOWN], &[UNKNOWN, "site list"]).await?;
    desk.refuses(&["site", "delete", UNKNOWN], &[UNKNOWN]).await?;
    desk.refuses(&["site", "show", "acme"], &["acme", "site list"]).await?;
    desk.refuses(&["module", "publish", folder, "--site", UNKNOWN], &[UNKNOWN]).await?;
    desk.refuses(&["module", "publish", folder, "--site", "acme"], &["acme"]).await?;
    desk.refuses(&["module", "show", UNKNOWN, "--site", site], &[UNKNOWN]).await?;
    desk.refuses(&["module", "unpublish", UNKNOWN, "--site", site], &[UNKNOWN]).await?;
    desk.refuses(&["domain", "add", "example.com", "--site", site, "--module", UNKNOWN], &[UNKNOWN]).await?;
    desk.refuses(&["domain", "add", "example.com", "--site", UNKNOWN, "--module", module], &[]).await?;
    desk.refuses(&["domain", "add", "example.com", "--site", site, "--module", "bridge"], &["bridge"])
        .await?;
    desk.refuses(&["domain", "remove", "example.com", "--site", site, "--module", module], &["example.com"])
        .await?;
    desk.refuses(&["domain", "verify", UNKNOWN], &[UNKNOWN]).await
}

#[tokio::test]
async fn a_domain_that_is_none_is_refused_with_what_was_expected() -> Result<()> {
    let desk = Desk::new().await?;
    let long = format!("{}.com", "a".repeat(300));
    for domain in [
        "192.0.2.1",
        "[2001:db8::1]",
        "2130706433",
        "https://example.com/path",
        "https://example.com@evil.com",
        "ftp://example.com",
        "com",
        "*.com",
        "co.uk",
        "*.co.uk",
        "*.github.io",
        "*",
        "*.*.example.com",
        "exa*mple.com",
        "example..com",
        ".example.com",
        "exam ple.com",
        "localhost",
        "-example.com",
        &long,
        "💩",
        "",
    ] {
        desk.refuses(&["domain", "add", "--site", &desk.site, "--module", &desk.module, "--", domain], &[])
            .await?;
    }
    let types =
        ["domain", "add", "example.com", "--site", &desk.site, "--module", &desk.module, "--types", "banner"];
    desk.refuses(&types, &["banner", "widget", "popup", "inline"]).await
}

#[tokio::test]
async fn a_bundle_that_cannot_be_published_is_refused_with_the_reason() -> Result<()> {
    let desk = Desk::new().await?;
    desk.refuses_bundle(&desk.installation.folder().join("nowhere"), &["nowhere"]).await?;

    let empty = desk.installation.folder().join("empty");
    fs::create_dir(&empty)?;
    desk.refuses_bundle(&empty, &["module.json"]).await?;

    let link = desk.bundle("link")?;
    std::os::unix::fs::symlink("/etc/passwd", link.join("passwd.html"))?;
    desk.refuses_bundle(&link, &["passwd.html", "link"]).await?;

    let linked_folder = desk.bundle("linked-folder")?;
    std::os::unix::fs::symlink("/etc", linked_folder.join("etc"))?;
    desk.refuses_bundle(&linked_folder, &["etc", "link"]).await?;

    let many = desk.bundle("many")?;
    for n in 0..10_000 {
        fs::write(many.join(format!("{n}.txt")), "")?;
    }
    desk.refuses_bundle(&many, &["files"]).await?;

    let big = desk.bundle("big")?;
    // A hole: it takes no room on the disk, and a publisher that reads it before it looks at its length takes a minute.
    fs::File::create(big.join("film.mp4"))?.set_len(1 << 30)?;
    desk.refuses_bundle(&big, &["film.mp4"]).await?;

    for (name, field, value) in [
        ("outside", "entry", json!("../secret.html")),
        ("absolute", "entry", json!("/etc/passwd")),
        ("absent", "entry", json!("start.html")),
        ("banner", "embedTypes", json!(["banner"])),
        ("nameless", "name", json!("")),
        ("numbered", "version", json!(1)),
        ("unknown", "colour", json!("red")),
    ] {
        let folder = desk.bundle(name)?;
        let mut manifest: Value = serde_json::from_slice(&fs::read(folder.join("module.json"))?)?;
        manifest[field] = value;
        fs::write(folder.join("module.json"), manifest.to_string())?;
        desk.refuses_bundle(&folder, &[field]).await?;
    }

    let broken = desk.bundle("broken")?;
    fs::write(broken.join("module.json"), "{ name: Bridge }")?;
    desk.refuses_bundle(&broken, &["module.json"]).await
}

#[tokio::test]
async fn a_setting_or_file_that_is_wrong_stops_the_start_with_its_name() -> Result<()> {
    for (name, value) in [
        ("EMBED_LISTEN", "8080"),
        ("EMBED_PUBLIC_URL", "embed.example.com"),
        ("EMBED_MODULE_HOST", "modules.example.com"),
        ("EMBED_SECRET_KEY", "short"),
        ("EMBED_COLOUR", "red"),
        ("DATABASE_URL", "mysql://localhost/embed"),
    ] {
        let refusal = Installation::new()?.with(name, value).refuses(&["serve"]).await?;
        is_a_sentence(&refusal, &[name])?;
    }

    let installation = Installation::new()?;
    fs::write(installation.folder().join("embed.db"), "This is no database. ".repeat(1000))?;
    let refusal = installation.refuses(&["serve"]).await?;
    is_a_sentence(&refusal, &["embed.db"])?;
    let kept = fs::read_to_string(installation.folder().join("embed.db"))?;
    assert!(kept.starts_with("This is no database."), "the file is as it was");
    Ok(())
}

#[tokio::test]
async fn a_port_in_use_is_named() -> Result<()> {
    let installation = Installation::new()?;
    let _taken = std::net::TcpListener::bind(("127.0.0.1", installation.port))?;
    let refusal = installation.refuses(&["serve"]).await?;
    is_a_sentence(&refusal, &[&installation.port.to_string()])
}

#[tokio::test]
async fn a_forgotten_or_unknown_flag_is_named() -> Result<()> {
    let desk = Desk::new().await?;
    let site = desk.site.as_str();
    desk.refuses(&["domain", "add", "example.com", "--site", site], &["--module", "`-h`"]).await?;
    desk.refuses(&["site", "create", "Shop", "--colour", "red"], &["--colour"]).await?;
    desk.refuses(&["demo", "--port", "99999"], &["99999", "--port"]).await
}
