use super::setting::{Flag, section};
use super::values;
use crate::net::TrustedProxies;
use url::Url;
use uuid::Uuid;

section! {
    /// Where the server is reached, and from where modules are served.
    pub struct ServerSettings() titled "Server";

    listen: String = {
        variable: "EMBED_LISTEN",
        flag: Flag::Value("HOST:PORT"),
        meaning: "where to accept connections",
        default: "127.0.0.1:8080",
        expected: "host:port, for example 127.0.0.1:8080",
        parse: host_and_port,
    }
    public_url: String = {
        variable: "EMBED_PUBLIC_URL",
        flag: Flag::Value("URL"),
        meaning: "where browsers reach the server",
        derived: "localhost and the port" => local_url(&listen),
        expected: "a URL without a path, for example https://embed.example.com",
        parse: values::origin,
    }
    module_host: Option<ModuleHost> = {
        variable: "EMBED_MODULE_HOST",
        flag: Flag::Value("*.HOST"),
        meaning: "the hosts that modules are served from, best on another registrable domain than the server",
        unset: "none, modules are served sandboxed",
        expected: "a host that begins with `*.`, for example *.modules.example.com",
        parse: |text| ModuleHost::parse(text, &public_url),
    }
    trusted_proxies: TrustedProxies = {
        variable: "EMBED_TRUSTED_PROXIES",
        flag: Flag::Value("CIDR,…"),
        meaning: "proxies whose X-Forwarded-For is trusted",
        derived: "none" => TrustedProxies::default(),
        expected: "addresses and networks separated by commas, for example 10.0.0.0/8,::1",
        parse: TrustedProxies::parse,
    }
    dev: bool = {
        variable: "EMBED_DEV",
        flag: Flag::Switch,
        meaning: "for your own machine: websites on localhost need no proof, a readable log format, a random secret at each start",
        default: "0",
        expected: "1 or 0",
        parse: values::switch,
    }
}

impl ServerSettings {
    /// Whether a server that others reach runs in development mode. The sentence says what to do.
    pub fn dev_in_public(&self) -> Option<&'static str> {
        (self.dev && self.public_url.starts_with("https://")).then_some(
            "EMBED_DEV is set, but EMBED_PUBLIC_URL is https: development mode is for your own machine; pages on localhost need no proof, and without EMBED_SECRET_KEY every start ends all sessions. Unset EMBED_DEV",
        )
    }
}

/// Port 0 takes a free one.
fn host_and_port(text: &str) -> Option<String> {
    let (host, port) = text.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    (!host.is_empty()).then(|| text.to_owned())
}

/// Where a server that listens there is reached from the same machine.
fn local_url(listen: &str) -> String {
    let port = listen.rsplit_once(':').map_or("", |(_, port)| port);
    format!("http://localhost:{port}")
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
    fn parse(text: &str, public_url: &str) -> Option<Self> {
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
    fn other_hosts_serve_no_module() {
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
