//! Ports nobody listens on.

use anyhow::{Result, bail};
use std::net::TcpListener;
use std::ops::Range;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below those that the system hands out by itself: between the choice of a port and its use, no connection of a browser
/// and no program that asks for any port can take it.
const RANGE: Range<u16> = 10_000..32_000;

/// A free port of this machine, which this process has not been given before.
pub fn free() -> Result<u16> {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let span = RANGE.end - RANGE.start;
    // Processes that run side by side begin far from each other.
    let first = (process::id().wrapping_mul(509) % u32::from(span)) as u16;
    for _ in 0..span {
        let port = RANGE.start + (first + GIVEN.fetch_add(1, Ordering::Relaxed) % span) % span;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port from {} on is free on 127.0.0.1", RANGE.start)
}

/// Does someone listen on this port of 127.0.0.1?
pub fn taken(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}
