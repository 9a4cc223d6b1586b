//! Settings: what an operator may say, where, and what each means.
//!
//! A flag wins over the environment, the environment over `embed-server.toml`, the file over the default. A setting that
//! is unknown or wrong stops the start with its name and with what was expected; nothing is ignored in silence.

mod layers;
mod values;

pub use layers::Flags;
pub use values::{DatabaseUrl, GitHubApp, ModuleHost};

use crate::crypto::Secret;
use crate::error::{Error, Result};
use crate::net::TrustedProxies;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use layers::Layers;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// Everything that can be set, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `DATABASE_URL`.
    pub database: DatabaseUrl,
    /// `REDIS_URL`: where limits are counted that several servers share; without it each counts by itself.
    pub redis_url: Option<String>,
    /// `EMBED_LISTEN`, `host:port`; port 0 takes a free one.
    pub listen: String,
    /// `EMBED_PUBLIC_URL`: where browsers reach this server, without a trailing slash.
    pub public_url: String,
    /// `EMBED_MODULE_HOST`: the hosts that modules are served from, each its own; without it they are sandboxed.
    pub module_host: Option<ModuleHost>,
    /// `CDN_URL`: where pages load the bundle from, when that is not this server; without a trailing slash.
    pub cdn_url: Option<String>,
    /// `EMBED_SECRET_KEY`; see [`Settings::require_secret`].
    pub secret_key: Option<Secret>,
    /// `EMBED_STORAGE_URL`: the folder of the modules' files.
    pub storage: PathBuf,
    /// `EMBED_BUNDLE_DIR`: a bundle to serve in place of the one inside this binary.
    pub bundle_dir: Option<PathBuf>,
    /// `EMBED_DEV`: loopback origins may be allowed, logs are for people, and a secret is made up.
    pub dev: bool,
    /// `EMBED_VERIFY_LIMIT`: questions per minute and address that `POST /api/embed/verify` answers.
    pub verify_limit: NonZeroU32,
    /// `EMBED_REQUEST_DAYS`: how long the request log and the counts of views are kept.
    pub request_days: NonZeroU32,
    /// `EMBED_TRUSTED_PROXIES`: whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// `EMBED_DNS_SERVER`: the server to ask, in place of the system's.
    pub dns_server: Option<SocketAddr>,
    /// `SMTP_URL`: the mail server that takes letters; without it codes are printed in the log.
    pub smtp_url: Option<String>,
    /// `EMBED_MAIL_FROM`: who letters are from.
    pub mail_from: String,
    /// `EMBED_GITHUB_CLIENT_ID` and `EMBED_GITHUB_CLIENT_SECRET`: the OAuth app with which people sign in by GitHub.
    pub github: Option<GitHubApp>,
    /// `RUST_LOG`: what is logged, as `tracing-subscriber` filters it.
    pub log: String,
}

impl Settings {
    /// Reads the flags of this command, the environment and the file.
    pub fn load(flags: Flags) -> Result<Self> {
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
        Self::from_layers(Layers::read(flags, environment)?)
    }

    /// The settings of a process whose environment is `environment` alone; how tests start a server.
    pub fn from_environment<'a>(environment: impl IntoIterator<Item = (&'a str, String)>) -> Result<Self> {
        let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), value));
        Self::from_layers(Layers::read(Flags::default(), environment)?)
    }

    fn from_layers(layers: Layers) -> Result<Self> {
        let database = layers
            .parse(
                "database_url",
                "sqlite://FILE or postgres://user:password@host/database",
                DatabaseUrl::parse,
            )?
            .unwrap_or_else(|| DatabaseUrl::Sqlite("embed.db".into()));
        let listen = layers
            .parse("listen", "host:port, for example 127.0.0.1:8080", values::host_and_port)?
            .unwrap_or_else(|| "127.0.0.1:8080".to_owned());
        let public_url = layers
            .parse(
                "public_url",
                "a URL without a path, for example https://embed.example.com",
                values::origin,
            )?
            .unwrap_or_else(|| values::local_url(&listen));
        let module_host = layers.parse(
            "module_host",
            "a host that begins with `*.`, for example *.modules.example.com",
            |text| ModuleHost::parse(text, &public_url),
        )?;
        let storage = layers
            .parse("storage_url", "file:/// and the path of a folder", values::folder)?
            .unwrap_or_else(|| database.folder().join("embed-files"));
        Ok(Self {
            database,
            listen,
            module_host,
            cdn_url: layers.parse(
                "cdn_url",
                "a URL, for example https://cdn.example.com",
                values::base_url,
            )?,
            secret_key: layers.parse("secret_key", SECRET_EXPECTED, secret)?,
            storage,
            redis_url: layers.parse(
                "redis_url",
                "redis://host:port or redis://:password@host:port/number",
                values::redis_url,
            )?,
            bundle_dir: layers.parse("bundle_dir", "the path of a folder", values::path)?,
            dev: layers.parse("dev", "1 or 0", values::switch)?.unwrap_or(false),
            verify_limit: layers
                .parse("verify_limit", "a number of requests per minute, at least 1", |text| {
                    text.parse().ok()
                })?
                .unwrap_or(VERIFY_LIMIT),
            request_days: layers
                .parse("request_days", "a number of days, at least 1", |text| text.parse().ok())?
                .unwrap_or(REQUEST_DAYS),
            trusted_proxies: layers
                .parse(
                    "trusted_proxies",
                    "addresses and networks separated by commas, for example 10.0.0.0/8,::1",
                    TrustedProxies::parse,
                )?
                .unwrap_or_default(),
            smtp_url: layers.parse(
                "smtp_url",
                "smtps://user:password@host, smtp://host:port?tls=required, or smtp://host:port",
                values::smtp_url,
            )?,
            mail_from: layers
                .parse("mail_from", "an e-mail address, for example embed@example.com", values::address)?
                .unwrap_or_else(|| values::usual_sender(&public_url)),
            github: github(&layers)?,
            public_url,
            dns_server: layers
                .parse("dns_server", "address:port, for example 127.0.0.1:5353", |text| text.parse().ok())?,
            log: layers
                .parse("log", "a filter such as `info` or `embed_server=debug`", values::log_filter)?
                .unwrap_or_else(|| "info".to_owned()),
        })
    }

    /// Refuses settings with which nothing can be signed: there is no default, because a key that everybody knows signs for
    /// everybody. In development one is made up.
    pub fn require_secret(&self) -> Result<()> {
        if self.secret_key.is_some() || self.dev { Ok(()) } else { Err(Self::no_secret()) }
    }

    /// What whoever has set no secret is told.
    pub fn no_secret() -> Error {
        Error::invalid(
            "EMBED_SECRET_KEY is not set. Make one with `openssl rand -base64 32`, keep it safe, and set it for every server of this installation.",
        )
    }
}

/// `POST /api/embed/verify` per minute and address, unless set (server.md, "Limits").
const VERIFY_LIMIT: NonZeroU32 = NonZeroU32::new(600).expect("600 is not zero");

/// Days for which the request log is kept, unless set.
const REQUEST_DAYS: NonZeroU32 = NonZeroU32::new(30).expect("30 is not zero");

/// The two halves of the app come together, or not at all.
fn github(layers: &Layers) -> Result<Option<GitHubApp>> {
    let text = |text: &str| Some(text.to_owned());
    let client_id = layers.parse("github_client_id", "the client id of an OAuth app", text)?;
    let client_secret = layers.parse("github_client_secret", "the client secret of an OAuth app", text)?;
    let expected = "a URL without a path, for example https://github.example.com";
    let url = layers.parse("github_url", expected, values::origin)?;
    let api_url =
        layers.parse("github_api_url", "a URL, for example https://api.github.com", values::base_url)?;
    match (client_id, client_secret) {
        (None, None) => Ok(None),
        (Some(client_id), Some(client_secret)) => Ok(Some(GitHubApp {
            client_id,
            client_secret,
            url: url.unwrap_or_else(|| "https://github.com".to_owned()),
            api_url: api_url.unwrap_or_else(|| "https://api.github.com".to_owned()),
        })),
        _ => Err(Error::invalid(
            "EMBED_GITHUB_CLIENT_ID and EMBED_GITHUB_CLIENT_SECRET belong together; set both, or neither.",
        )),
    }
}

const SECRET_EXPECTED: &str = "32 bytes in base64, as `openssl rand -base64 32` prints them";

fn secret(text: &str) -> Option<Secret> {
    Some(Secret::new(BASE64_STANDARD.decode(text).ok()?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(environment: &[(&'static str, &str)]) -> Result<Settings> {
        Settings::from_environment(environment.iter().map(|&(name, value)| (name, value.to_owned())))
    }

    #[test]
    fn nothing_needs_to_be_set_to_look_around() {
        let settings = load(&[]).unwrap();
        assert_eq!(settings.database, DatabaseUrl::Sqlite("embed.db".into()));
        assert_eq!(settings.public_url, "http://localhost:8080");
        assert_eq!(settings.storage, PathBuf::from("embed-files"));
    }

    #[test]
    fn an_unknown_setting_stops_the_start_with_its_name() {
        let error = load(&[("EMBED_LISTENN", "0.0.0.0:80")]).unwrap_err();
        assert!(error.detail().starts_with("EMBED_LISTENN is not a setting"), "{error}");
        assert!(error.detail().contains("EMBED_LISTEN"), "{error}");
    }

    #[test]
    fn a_wrong_value_says_what_was_expected() {
        for (name, value, expected) in [
            ("EMBED_LISTEN", "8080", "host:port"),
            ("EMBED_PUBLIC_URL", "embed.example.com", "a URL without a path"),
            ("EMBED_PUBLIC_URL", "https://example.com/embed", "a URL without a path"),
            ("EMBED_MODULE_HOST", "modules.example.com", "a host that begins with `*.`"),
            ("EMBED_MODULE_HOST", "*.", "a host that begins with `*.`"),
            ("EMBED_STORAGE_URL", "s3://bucket", "file:///"),
            ("EMBED_DEV", "maybe", "1 or 0"),
            ("EMBED_VERIFY_LIMIT", "0", "a number of requests per minute"),
            ("EMBED_REQUEST_DAYS", "0", "a number of days"),
            ("EMBED_TRUSTED_PROXIES", "10.0.0.0/8;::1", "addresses and networks"),
            ("REDIS_URL", "localhost:6379", "redis://host:port"),
            ("EMBED_DNS_SERVER", "one.one.one.one", "address:port"),
            ("DATABASE_URL", "mysql://localhost/x", "sqlite://FILE or postgres://"),
            ("SMTP_URL", "mail.example.com", "smtps://user:password@host"),
            ("EMBED_MAIL_FROM", "embed", "an e-mail address"),
            ("EMBED_GITHUB_URL", "github", "a URL without a path"),
            ("EMBED_GITHUB_API_URL", "github", "a URL, for example"),
            ("RUST_LOG", "=;=", "a filter"),
        ] {
            let error = load(&[(name, value)]).unwrap_err();
            assert!(
                error.detail().starts_with(&format!("{name} is `{value}`; expected {expected}")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_wrong_secret_is_not_repeated() {
        let error = load(&[("EMBED_SECRET_KEY", "hunter2")]).unwrap_err();
        assert!(!error.detail().contains("hunter2"), "{error}");
        assert!(error.detail().contains("openssl rand -base64 32"), "{error}");
    }

    #[test]
    fn half_an_app_of_githubs_is_refused() {
        let error = load(&[("EMBED_GITHUB_CLIENT_ID", "x")]).unwrap_err();
        assert!(error.detail().contains("belong together"), "{error}");
    }

    #[test]
    fn outside_development_there_is_no_default_secret() {
        let error = load(&[]).unwrap().require_secret().unwrap_err();
        assert!(error.detail().contains("openssl rand -base64 32"), "{error}");
        assert!(load(&[("EMBED_DEV", "1")]).unwrap().require_secret().is_ok());
    }
}
