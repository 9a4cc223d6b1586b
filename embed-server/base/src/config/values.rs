//! What single settings may look like.

use std::path::{Path, PathBuf};
use url::Url;
use uuid::Uuid;

/// `DATABASE_URL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// The URL of a server, with its password.
    Postgres(String),
}

impl DatabaseUrl {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Some(Self::Postgres(text.to_owned()));
        }
        let path = text.strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        // A database in memory would be a different one for each connection.
        (!path.is_empty() && !path.contains(":memory:")).then(|| Self::Sqlite(path.into()))
    }

    /// The folder that belongs to the database: where a SQLite file is, else the working folder.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Sqlite(path) => path.parent().unwrap_or(Path::new("")),
            Self::Postgres(_) => Path::new(""),
        }
    }
}

/// `EMBED_MODULE_HOST`: every module is served from a host, and so an origin, of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleHost {
    /// `https://*.modules.example.com`; see [`embed_protocol::frame::origin`].
    pattern: String,
    /// `.modules.example.com`.
    suffix: String,
}

impl ModuleHost {
    /// Takes `*.host` or `*.host:port`; the scheme is that of the public URL.
    pub(super) fn parse(text: &str, public_url: &str) -> Option<Self> {
        let host = text.strip_prefix("*.")?;
        let url = Url::parse(&format!("https://{host}")).ok()?;
        let same = url.as_str().strip_prefix("https://")?.strip_suffix('/')? == host;
        let (scheme, _) = public_url.split_once("://")?;
        same.then(|| Self {
            pattern: format!("{scheme}://*.{host}"),
            suffix: format!(".{}", url.host_str().unwrap_or_default()),
        })
    }

    /// The pattern of module origins, `https://*.modules.example.com`.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The origin of one module.
    pub fn origin(&self, module: Uuid) -> String {
        embed_protocol::frame::origin(&self.pattern, &module.to_string())
    }

    /// The module whose origin a request is for, by its `Host` header. The port is the proxy's affair and not looked at.
    pub fn module(&self, host: &str) -> Option<Uuid> {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let (label, rest) = name.split_at_checked(36)?;
        if !rest.eq_ignore_ascii_case(&self.suffix) {
            return None;
        }
        Uuid::try_parse(label).ok()
    }
}

/// An OAuth app of GitHub's, with which people sign in.
#[derive(Clone)]
pub struct GitHubApp {
    /// `EMBED_GITHUB_CLIENT_ID`.
    pub client_id: String,
    /// `EMBED_GITHUB_CLIENT_SECRET`.
    pub client_secret: String,
    /// `EMBED_GITHUB_URL`: where people sign in, an origin.
    pub url: String,
    /// `EMBED_GITHUB_API_URL`: where it tells their addresses, without a trailing slash.
    pub api_url: String,
}

/// Its secret is not printed.
impl std::fmt::Debug for GitHubApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitHubApp")
            .field("client_id", &self.client_id)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

pub(super) fn host_and_port(text: &str) -> Option<String> {
    let (host, port) = text.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    (!host.is_empty()).then(|| text.to_owned())
}

/// Where a server that listens there is reached from the same machine.
pub(super) fn local_url(listen: &str) -> String {
    let port = listen.rsplit_once(':').map_or("", |(_, port)| port);
    format!("http://localhost:{port}")
}

/// A URL that is an origin: scheme, host and port.
pub(super) fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let bare =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    (bare && matches!(url.scheme(), "http" | "https")).then(|| url.origin().ascii_serialization())
}

/// A URL under which paths are put.
pub(super) fn base_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none();
    plain.then(|| url.as_str().trim_end_matches('/').to_owned())
}

/// A Redis server; TLS is a proxy's affair.
pub(super) fn redis_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    (url.scheme() == "redis" && url.has_host()).then(|| text.to_owned())
}

/// A mail server; how its connection is secured, the URL says itself.
pub(super) fn smtp_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "smtp" | "smtps") && url.has_host()).then(|| text.to_owned())
}

/// An e-mail address.
pub(super) fn address(text: &str) -> Option<String> {
    text.parse::<lettre::Address>().ok().map(|address| address.to_string())
}

/// Who letters are from, unless set: an address at the host of the public URL.
pub(super) fn usual_sender(public_url: &str) -> String {
    let url = Url::parse(public_url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or("localhost");
    format!("embed@{host}")
}

pub(super) fn folder(text: &str) -> Option<PathBuf> {
    Url::parse(text).ok().filter(|url| url.scheme() == "file")?.to_file_path().ok()
}

pub(super) fn path(text: &str) -> Option<PathBuf> {
    Some(text.into())
}

pub(super) fn switch(text: &str) -> Option<bool> {
    match text {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

pub(super) fn log_filter(text: &str) -> Option<String> {
    tracing_subscriber::EnvFilter::try_new(text).ok().map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_host_gives_every_module_an_origin_of_its_own() {
        let host = ModuleHost::parse("*.localhost:8080", "http://localhost:8080").unwrap();
        let module = Uuid::now_v7();
        assert_eq!(host.pattern(), "http://*.localhost:8080");
        assert_eq!(host.origin(module), format!("http://{module}.localhost:8080"));
        assert_eq!(host.module(&format!("{module}.localhost:8080")), Some(module));
        assert_eq!(host.module(&format!("{module}.LOCALHOST")), Some(module));
    }

    #[test]
    fn other_hosts_are_nobodys_module() {
        let host = ModuleHost::parse("*.modules.example.com", "https://example.com").unwrap();
        let module = Uuid::now_v7();
        for other in [
            "modules.example.com".to_owned(),
            format!("{module}.modules.example.com.evil.com"),
            format!("{module}.evil-modules.example.com"),
            format!("x.{module}.modules.example.com"),
            format!("{}é.modules.example.com", &module.to_string()[..35]),
            "feedback.modules.example.com".to_owned(),
            String::new(),
        ] {
            assert_eq!(host.module(&other), None, "{other}");
        }
    }
}
