//! Checks of DNS, the public URL and the module host.

use super::Status;
use axum::http::{StatusCode, header};
use embed_base::config::{ModuleHost, Settings};
use embed_base::net::TrustedProxies;
use embed_base::outbound::{Limits, LookupError, Outbound, Resolver};
use std::time::Duration;
use url::{Host, Url};

/// A reserved name that always resolves (RFC 2606).
const KNOWN_NAME: &str = "example.com";
const CALL_LIMITS: Limits = Limits { time: Duration::from_secs(5), bytes: 1024, redirects: 0 };

pub(super) async fn dns(settings: &Settings, resolver: &Resolver) -> (Status, String) {
    match resolver.addresses(KNOWN_NAME).await {
        Ok(_) | Err(LookupError::Absent) => (Status::Ok, "answers".into()),
        Err(error) => {
            let status = if settings.server.dev { Status::Note } else { Status::Fix };
            (
                status,
                format!(
                    "{error}. Domains cannot be verified without DNS; choose another server with EMBED_DNS_SERVER"
                ),
            )
        }
    }
}

pub(super) async fn public_url(settings: &Settings, resolver: &Resolver) -> (Status, String) {
    let shown = &settings.server.public_url;
    let Some(host) = host(shown) else {
        return (
            Status::Fix,
            format!("{shown} has no host: set EMBED_PUBLIC_URL to the URL that browsers use"),
        );
    };
    if is_local(&host) {
        let status = if settings.server.dev { Status::Ok } else { Status::Note };
        return (
            status,
            format!(
                "{shown} can be reached from this computer only; set EMBED_PUBLIC_URL to the URL that browsers use"
            ),
        );
    }
    if !shown.starts_with("https://") {
        return (
            Status::Fix,
            format!(
                "{shown} is not https, and https pages load only https: put a proxy with a certificate in front"
            ),
        );
    }
    if matches!(Host::parse(&host), Ok(Host::Domain(_)))
        && resolver.addresses(&host).await == Err(LookupError::Absent)
    {
        return (
            Status::Fix,
            format!("{host} does not resolve: publish a DNS record for it, or correct EMBED_PUBLIC_URL"),
        );
    }
    let answer = match (Outbound::new(resolver.clone(), None), Url::parse(&format!("{shown}/healthz"))) {
        (Ok(outbound), Ok(url)) => outbound.get(url, CALL_LIMITS).await.map_err(|error| error.to_string()),
        _ => return (Status::Fix, format!("{shown} is not a valid URL")),
    };
    match answer {
        Ok(answer)
            if answer.status() == StatusCode::OK && answer.headers().contains_key(header::CONTENT_TYPE) =>
        {
            (Status::Ok, format!("{shown} answers"))
        }
        Ok(answer) => (
            Status::Note,
            format!(
                "{shown}/healthz answers with status {}: does the proxy forward to this server?",
                answer.status().as_u16()
            ),
        ),
        Err(reason) => (
            Status::Note,
            format!(
                "{reason}. This is expected if the server is not running, or if this machine cannot reach it by that URL"
            ),
        ),
    }
}

/// The server speaks plain HTTP, so whatever has https has a proxy in front of it.
pub(super) fn proxies(settings: &Settings) -> (Status, String) {
    let server = &settings.server;
    if server.trusted_proxies != TrustedProxies::default() {
        return (Status::Ok, "the clients' addresses are taken from X-Forwarded-For".into());
    }
    if server.public_url.starts_with("https://") {
        let detail = "EMBED_TRUSTED_PROXIES is not set, so all visitors share the limits of the proxy that serves https: set it to the proxy's address, such as 127.0.0.1,::1";
        return (Status::Fix, detail.into());
    }
    (Status::Ok, "none; if there is a proxy, set EMBED_TRUSTED_PROXIES to its address".into())
}

pub(super) async fn module_host(settings: &Settings, resolver: &Resolver) -> (Status, String) {
    let Some(module_host) = &settings.server.module_host else {
        let detail = "EMBED_MODULE_HOST is not set, so modules run sandboxed, without browser storage: set it to a wildcard host such as *.modules.example.net";
        return (Status::Note, detail.into());
    };
    let shown = module_host.pattern();
    let (Some(modules), Some(public)) = (example_host(module_host), host(&settings.server.public_url)) else {
        return (Status::Fix, format!("{shown} has no host"));
    };
    if is_local(&modules) {
        return (Status::Ok, format!("{shown}, on this computer"));
    }
    if registrable(&modules) == registrable(&public) {
        let domain = registrable(&modules).unwrap_or(&modules).to_owned();
        return (
            Status::Fix,
            format!(
                "modules and server share {domain}, so browsers treat them as one site: give modules a separate domain"
            ),
        );
    }
    match resolver.addresses(&modules).await {
        Ok(_) => (Status::Ok, format!("{shown} resolves")),
        Err(LookupError::Absent) => {
            (Status::Fix, format!("{modules} does not resolve: publish a wildcard DNS record for {shown}"))
        }
        Err(error) => (Status::Note, format!("could not check whether {shown} resolves: {error}")),
    }
}

/// The host of an example module.
fn example_host(module_host: &ModuleHost) -> Option<String> {
    host(&module_host.origin(uuid::Uuid::nil()))
}

fn host(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_owned)
}

fn is_local(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Ok(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Ok(Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        Err(_) => false,
    }
}

/// The registrable domain of a host.
fn registrable(host: &str) -> Option<&str> {
    psl::domain_str(host)
}
