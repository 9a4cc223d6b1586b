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

/// How often is looked.
const POLL: Duration = Duration::from_millis(500);
/// A batch is seen when its transaction ends, and its ids are made when that begins: as much later than others with greater
/// ids it may come, also where the clocks of two servers differ a little.
const LATE: TimeDelta = TimeDelta::seconds(10);
/// Calls that are read at once.
const MOST: i64 = 1_000;

pub(super) async fn run(Command::Tail: Command, context: Context, output: Output) -> Result<()> {
    let requests = Requests::new(&context);
    tokio::select! {
        followed = tail(&requests, output) => followed,
        stopped = shutdown::requested() => stopped,
    }
}

/// Prints what is written from now on. Each look goes back to [`LATE`] before the one that was before it, and what was
/// printed since then is known.
async fn tail(requests: &Requests, output: Output) -> Result<()> {
    let mut floor = recently();
    let mut known: BTreeSet<Uuid> = all_behind(requests, floor).await?.iter().map(|call| call.id).collect();
    loop {
        let next = recently();
        for call in all_behind(requests, floor).await? {
            if known.insert(call.id) {
                output.print(&call)?;
            }
        }
        floor = next;
        known = known.split_off(&floor);
        tokio::time::sleep(POLL).await;
    }
}

/// Below every id that is made from [`LATE`] before now on.
fn recently() -> Uuid {
    let millis = (Utc::now() - LATE).timestamp_millis();
    // The first 48 bits of a UUIDv7 (RFC 9562, section 5.7).
    Uuid::from_u128(u128::try_from(millis).unwrap_or_default() << 80)
}

/// All of them, however many there are.
async fn all_behind(requests: &Requests, mut last: Uuid) -> Result<Vec<LoggedRequest>> {
    let mut all = Vec::new();
    loop {
        let some = requests.after(last, MOST).await?;
        let more = some.len() as i64 == MOST;
        all.extend(some);
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
