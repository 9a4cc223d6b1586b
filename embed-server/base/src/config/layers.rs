//! Where settings come from, and which place wins.

use crate::error::{Error, Result};
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Read from the working folder when it is there.
const DEFAULT_FILE: &str = "embed-server.toml";

/// The name of each setting in the file, and in the environment. Its flag is the name with hyphens.
const NAMES: [(&str, &str); 21] = [
    ("database_url", "DATABASE_URL"),
    ("redis_url", "REDIS_URL"),
    ("listen", "EMBED_LISTEN"),
    ("public_url", "EMBED_PUBLIC_URL"),
    ("module_host", "EMBED_MODULE_HOST"),
    ("cdn_url", "CDN_URL"),
    ("secret_key", "EMBED_SECRET_KEY"),
    ("storage_url", "EMBED_STORAGE_URL"),
    ("bundle_dir", "EMBED_BUNDLE_DIR"),
    ("dev", "EMBED_DEV"),
    ("verify_limit", "EMBED_VERIFY_LIMIT"),
    ("request_days", "EMBED_REQUEST_DAYS"),
    ("trusted_proxies", "EMBED_TRUSTED_PROXIES"),
    ("dns_server", "EMBED_DNS_SERVER"),
    ("smtp_url", "SMTP_URL"),
    ("mail_from", "EMBED_MAIL_FROM"),
    ("github_client_id", "EMBED_GITHUB_CLIENT_ID"),
    ("github_client_secret", "EMBED_GITHUB_CLIENT_SECRET"),
    ("github_url", "EMBED_GITHUB_URL"),
    ("github_api_url", "EMBED_GITHUB_API_URL"),
    ("log", "RUST_LOG"),
];

/// Settings given on the command line.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Settings")]
pub struct Flags {
    /// Read settings from this file [default: embed-server.toml, where there is one]
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    config: Option<PathBuf>,
    /// DATABASE_URL: sqlite://FILE or postgres://… [default: sqlite://embed.db]
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    database_url: Option<String>,
    /// REDIS_URL: where limits are counted that several servers share, redis://…
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    redis_url: Option<String>,
    /// EMBED_LISTEN: where to accept connections [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "HOST:PORT", hide_short_help = true)]
    listen: Option<String>,
    /// EMBED_PUBLIC_URL: where browsers reach the server [default: localhost and the port]
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    public_url: Option<String>,
    /// EMBED_MODULE_HOST: hosts that modules are served from, such as *.modules.example.com
    #[arg(long, global = true, value_name = "*.HOST", hide_short_help = true)]
    module_host: Option<String>,
    /// CDN_URL: where pages load the bundle from, when that is not this server
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    cdn_url: Option<String>,
    /// EMBED_STORAGE_URL: the folder of the modules' files [default: embed-files beside the database]
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    storage_url: Option<String>,
    /// EMBED_BUNDLE_DIR: a bundle to serve in place of the one inside this program
    #[arg(long, global = true, value_name = "DIR", hide_short_help = true)]
    bundle_dir: Option<String>,
    /// EMBED_DEV: allow loopback origins, log for people, make up a secret
    #[arg(long, global = true, hide_short_help = true)]
    dev: bool,
    /// EMBED_VERIFY_LIMIT: questions per minute and address that `verify` answers [default: 600]
    #[arg(long, global = true, value_name = "NUMBER", hide_short_help = true)]
    verify_limit: Option<String>,
    /// EMBED_REQUEST_DAYS: how long the request log and the counts of views are kept [default: 30]
    #[arg(long, global = true, value_name = "NUMBER", hide_short_help = true)]
    request_days: Option<String>,
    /// EMBED_TRUSTED_PROXIES: proxies whose X-Forwarded-For is believed, addresses and networks
    #[arg(long, global = true, value_name = "CIDR,…", hide_short_help = true)]
    trusted_proxies: Option<String>,
    /// EMBED_DNS_SERVER: the DNS server to ask [default: the system's]
    #[arg(long, global = true, value_name = "ADDRESS:PORT", hide_short_help = true)]
    dns_server: Option<String>,
    /// EMBED_MAIL_FROM: who letters are from [default: embed@ and the public host]
    #[arg(long, global = true, value_name = "ADDRESS", hide_short_help = true)]
    mail_from: Option<String>,
    /// EMBED_GITHUB_CLIENT_ID: the OAuth app with which people sign in by GitHub
    #[arg(long, global = true, value_name = "ID", hide_short_help = true)]
    github_client_id: Option<String>,
    /// EMBED_GITHUB_URL: where GitHub is [default: https://github.com]
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    github_url: Option<String>,
    /// EMBED_GITHUB_API_URL: where its API is [default: https://api.github.com]
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    github_api_url: Option<String>,
}

impl Flags {
    /// What holds a secret has no flag: command lines are visible to every user of the machine.
    fn given(self) -> impl Iterator<Item = (&'static str, String)> {
        [
            ("database_url", self.database_url),
            ("redis_url", self.redis_url),
            ("listen", self.listen),
            ("public_url", self.public_url),
            ("module_host", self.module_host),
            ("cdn_url", self.cdn_url),
            ("storage_url", self.storage_url),
            ("bundle_dir", self.bundle_dir),
            ("dev", self.dev.then(|| "1".to_owned())),
            ("verify_limit", self.verify_limit),
            ("request_days", self.request_days),
            ("trusted_proxies", self.trusted_proxies),
            ("dns_server", self.dns_server),
            ("mail_from", self.mail_from),
            ("github_client_id", self.github_client_id),
            ("github_url", self.github_url),
            ("github_api_url", self.github_api_url),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
    }
}

/// What was given, by key; for each the place that wins.
pub(super) struct Layers(BTreeMap<&'static str, Given>);

struct Given {
    value: String,
    /// The setting's name as it was given, for error messages.
    name: String,
}

impl Layers {
    pub(super) fn read(flags: Flags, environment: impl Iterator<Item = (String, String)>) -> Result<Self> {
        let mut layers = match &flags.config {
            Some(path) => from_file(path)?,
            None if Path::new(DEFAULT_FILE).exists() => from_file(Path::new(DEFAULT_FILE))?,
            None => BTreeMap::new(),
        };
        for (name, value) in environment {
            if let Some(&(key, _)) = NAMES.iter().find(|(_, known)| *known == name) {
                layers.insert(key, Given { value, name });
            } else if name.starts_with("EMBED_") {
                let known: Vec<_> = NAMES.iter().map(|(_, name)| *name).collect();
                return Err(Error::invalid(format!(
                    "{name} is not a setting. The settings are {}.",
                    known.join(", ")
                )));
            }
        }
        layers.extend(flags.given().map(|(key, value)| {
            let name = format!("--{}", key.replace('_', "-"));
            (key, Given { value, name })
        }));
        Ok(Self(layers))
    }

    /// The setting `key`, or `None` where it was not given; an empty value counts as not given.
    pub(super) fn parse<T>(
        &self,
        key: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(Given { value, name }) = self.0.get(key).filter(|given| !given.value.is_empty()) else {
            return Ok(None);
        };
        match parse(value) {
            Some(parsed) => Ok(Some(parsed)),
            // A secret, or a URL with a password, is not repeated where a log may keep it.
            None if key.ends_with("secret") || key == "secret_key" || value.contains('@') => {
                Err(Error::invalid(format!("{name} is not what was expected: {expected}.")))
            }
            None => Err(Error::invalid(format!("{name} is `{value}`; expected {expected}."))),
        }
    }
}

fn from_file(path: &Path) -> Result<BTreeMap<&'static str, Given>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::invalid(format!("{shown} cannot be read: {error}.")).caused_by(error))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        Error::invalid(format!("{shown} is not TOML: {}.", error.message())).caused_by(error)
    })?;
    let mut layer = BTreeMap::new();
    for (name, value) in table {
        let Some(&(key, _)) = NAMES.iter().find(|(key, _)| *key == name) else {
            let known: Vec<_> = NAMES.iter().map(|(key, _)| *key).collect();
            let known = known.join(", ");
            return Err(Error::invalid(format!(
                "`{name}` in {shown} is not a setting. The settings are {known}."
            )));
        };
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(on) => on.to_string(),
            _ => {
                return Err(Error::invalid(format!(
                    "`{name}` in {shown} must be text, a number, true or false."
                )));
            }
        };
        layer.insert(key, Given { value, name: format!("`{name}` in {shown}") });
    }
    Ok(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    fn listen(layers: &Layers) -> Option<String> {
        layers.parse("listen", "anything", |text| Some(text.to_owned())).unwrap()
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_file() {
        let file = file("listen = 'file:1'\ndev = true");
        let flags = |listen: Option<&str>| Flags {
            config: Some(file.path().to_owned()),
            listen: listen.map(str::to_owned),
            ..Flags::default()
        };
        let environment = || std::iter::once(("EMBED_LISTEN".to_owned(), "environment:2".to_owned()));
        let layers = |flags, environment: Vec<_>| Layers::read(flags, environment.into_iter()).unwrap();
        assert_eq!(listen(&layers(flags(None), vec![])).as_deref(), Some("file:1"));
        assert_eq!(listen(&layers(flags(None), environment().collect())).as_deref(), Some("environment:2"));
        assert_eq!(
            listen(&layers(flags(Some("flag:3")), environment().collect())).as_deref(),
            Some("flag:3")
        );
    }

    #[test]
    fn an_unknown_key_in_the_file_stops_the_start_with_its_name() {
        let file = file("lisen = '127.0.0.1:80'");
        let flags = Flags { config: Some(file.path().to_owned()), ..Flags::default() };
        let error = Layers::read(flags, std::iter::empty()).err().unwrap();
        assert!(error.detail().starts_with("`lisen` in"), "{error}");
    }
}
