//! The browser that a person signs in with.

use aide::OperationInput;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use embed_base::net::ClientAddress;
use embed_base::{Error, Result};
use std::net::{IpAddr, Ipv4Addr};

/// The longest part of `User-Agent` that is stored, in characters.
const USER_AGENT: usize = 300;

/// What the server knows of a browser.
#[derive(Clone, Debug)]
pub struct Browser {
    pub address: IpAddr,
    /// The first `USER_AGENT` characters of its `User-Agent`.
    pub user_agent: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Browser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let unknown = IpAddr::from(Ipv4Addr::UNSPECIFIED);
        let address = parts.extensions.get().map_or(unknown, |&ClientAddress(address)| address);
        let user_agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let user_agent = user_agent.map(|agent| agent.chars().take(USER_AGENT).collect());
        Ok(Self { address, user_agent })
    }
}

impl OperationInput for Browser {}
