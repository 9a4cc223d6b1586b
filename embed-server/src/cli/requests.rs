//! `embed-server requests`.

use super::Output;
use super::serve::asked_to_stop;
use crate::error::Result;
use crate::requests::{LoggedRequest, Requests};
use crate::state::Context;
use chrono::{TimeDelta, Utc};
use clap::Subcommand;
use std::collections::VecDeque;
use std::fmt::{self, Display};
use std::time::Duration;

/// Its subcommands.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Show calls of the modules' APIs as they are logged, until Ctrl-C
    Tail,
}

/// How often is looked.
const POLL: Duration = Duration::from_millis(500);
/// A call is logged when it is answered, and stands in the log under the time when it came: the longest that an answer
/// and its line may take lies between.
const LATE: TimeDelta = TimeDelta::seconds(40);
const MOST: i64 = 5_000;

pub(super) async fn run(Command::Tail: Command, context: Context, output: Output) -> Result<()> {
    let requests = Requests::new(&context);
    tokio::select! {
        followed = tail(&requests, output) => followed,
        stopped = asked_to_stop() => stopped,
    }
}

async fn tail(requests: &Requests, output: Output) -> Result<()> {
    let mut shown: VecDeque<LoggedRequest> = requests.since(Utc::now() - LATE, MOST).await?.into();
    loop {
        let since = Utc::now() - LATE;
        shown.retain(|known| known.created_at >= since);
        for request in requests.since(since, MOST).await? {
            if !shown.iter().any(|known| known.id == request.id) {
                output.print(&request)?;
                shown.push_back(request);
            }
        }
        tokio::time::sleep(POLL).await;
    }
}

impl Display for LoggedRequest {
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
