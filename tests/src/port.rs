//! Ports nobody listens on.

use anyhow::{Context, Result};
use std::net::TcpListener;

/// A free port of this machine, chosen by the system.
pub fn free() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port is free on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

/// Does someone listen on this port of 127.0.0.1?
pub fn taken(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}
