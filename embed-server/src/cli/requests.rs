//! `embed-server requests`.

use crate::output::Output;
use crate::output::Readable;
use crate::shutdown;
use chrono::{TimeDelta, Utc};
use clap::Subcommand;
use embed_base::Context;
use embed_base::Result;
use embed_core::requests::{LoggedRequest, Requests};
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;
use uuid::Uuid;

/// Its subcommands.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Show calls of the modules' APIs as they are logged, until Ctrl-C
    Tail,
}

/// How often the log is read.
const POLL: Duration = Duration::from_millis(500);
/// How far back each read goes. A batch's ids are made when its transaction begins and become visible when it ends, so rows
/// can appear after others with greater ids; clocks of two servers can differ too.
const OVERLAP: TimeDelta = TimeDelta::seconds(10);
/// Calls in one query.
const MOST: i64 = 1_000;

pub(super) async fn run(Command::Tail: Command, context: Context, output: Output) -> Result<()> {
    let requests = Requests::new(&context);
    tokio::select! {
        followed = tail(&requests, output) => followed,
        stopped = shutdown::requested() => stopped,
    }
}

/// Prints calls that are logged from now on. Each read starts [`OVERLAP`] before the previous one, and skips what was printed.
async fn tail(requests: &Requests, output: Output) -> Result<()> {
    let mut floor = overlap_start();
    let mut printed: BTreeSet<Uuid> = all_after(requests, floor).await?.iter().map(|call| call.id).collect();
    loop {
        let next = overlap_start();
        for call in all_after(requests, floor).await? {
            if printed.insert(call.id) {
                output.print(&call)?;
            }
        }
        floor = next;
        printed = printed.split_off(&floor);
        tokio::time::sleep(POLL).await;
    }
}

/// The lowest id of the time [`OVERLAP`] before now.
fn overlap_start() -> Uuid {
    let millis = (Utc::now() - OVERLAP).timestamp_millis();
    // The first 48 bits of a UUIDv7 (RFC 9562, section 5.7).
    Uuid::from_u128(u128::try_from(millis).unwrap_or_default() << 80)
}

/// Reads all calls with ids above `last`.
async fn all_after(requests: &Requests, mut last: Uuid) -> Result<Vec<LoggedRequest>> {
    let mut all = Vec::new();
    loop {
        let page = requests.after(last, MOST).await?;
        let more = page.len() as i64 == MOST;
        all.extend(page);
        match all.last() {
            Some(newest) if more => last = newest.id,
            _ => return Ok(all),
        }
    }
}

impl Readable for LoggedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, status_code, response_time_ms, caller, ip_address, .. } = self;
        let time = self.created_at.format("%FT%TZ");
        write!(
            f,
            "{time}  {status_code}  {response_time_ms:>5} ms  {method:<6} {path}  {caller} {ip_address}"
        )?;
        match &self.error_code {
            Some(code) => write!(f, "  {code}"),
            None => Ok(()),
        }
    }
}
