//! The installation that a published loader uses.

use anyhow::{Result, bail};
use embed_protocol::loader;
use url::Url;

/// The values for the loader's placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    server: String,
    modules: String,
}

impl Target {
    /// `server` is the embed server's public URL; without it each snippet has to set it (`data-dramac-server`).
    /// `module_host` is the server's `EMBED_MODULE_HOST`, e.g. `*.modules.example.com`; its scheme is the
    /// server's.
    pub fn parse(server: Option<&str>, module_host: Option<&str>) -> Result<Self> {
        let Some(server) = server else {
            if module_host.is_some() {
                bail!("--module-host needs --server, whose scheme the modules have.");
            }
            return Ok(Self::default());
        };
        let url = Url::parse(server).ok().filter(|url| {
            // It becomes a JavaScript string in double quotes.
            let is_plain = !url.as_str().contains(['"', '?', '#']);
            matches!(url.scheme(), "http" | "https") && is_plain
        });
        let Some(url) = url else {
            bail!(
                "--server is “{server}”, but it has to be the server's public URL, such as https://embed.example.com."
            );
        };
        let modules = module_host.map(|host| pattern(url.scheme(), host)).transpose()?.unwrap_or_default();
        Ok(Self { server: url.as_str().trim_end_matches('/').to_owned(), modules })
    }

    /// Whether the loader knows its server.
    pub fn has_server(&self) -> bool {
        !self.server.is_empty()
    }

    pub(super) fn fill(&self, loader: &str) -> String {
        loader::fill(loader, &self.server, &self.modules)
    }
}

fn pattern(scheme: &str, host: &str) -> Result<String> {
    let whole = |host: &&str| {
        let url = Url::parse(&format!("https://{host}"));
        url.is_ok_and(|url| url.as_str().trim_start_matches("https://").trim_end_matches('/') == *host)
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte))
    };
    match host.strip_prefix("*.").filter(whole) {
        Some(host) => Ok(format!("{scheme}://*.{host}")),
        None => bail!(
            "--module-host is “{host}”, but it has to be as EMBED_MODULE_HOST, such as *.modules.example.com."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_have_the_scheme_of_the_server() {
        let target =
            Target::parse(Some("http://localhost:8080/"), Some("*.localhost:8080")).expect("a target");
        assert_eq!(
            target.fill("__DRAMAC_SERVER__ __DRAMAC_MODULES__"),
            "http://localhost:8080 http://*.localhost:8080"
        );
    }

    #[test]
    fn what_is_no_server_or_no_host_is_refused() {
        for server in [
            "embed.example.com",
            "ftp://example.com",
            "https://example.com/?a",
            "https://example.com/#",
            "https://\"",
        ] {
            assert!(Target::parse(Some(server), None).is_err(), "{server}");
        }
        for host in [
            "modules.example.com",
            "https://*.example.com",
            "*.example.com/path",
            "*.\"",
            "*.",
            "*.*.example",
        ] {
            assert!(Target::parse(Some("https://example.com"), Some(host)).is_err(), "{host}");
        }
        let error = Target::parse(None, Some("*.example.com")).expect_err("no server");
        assert_eq!(error.to_string(), "--module-host needs --server, whose scheme the modules have.");
    }
}
