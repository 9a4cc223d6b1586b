//! The command line: every command calls the functions that the server calls, on the same database, so it works with no
//! server running, and one that runs sees the change within two seconds.
//!
//! A command is a variant of [`Command`], a file here with its arguments and its `run`, and a result that is both
//! [`Serialize`] (for `--json`) and [`Display`] (for people).

mod serve;

use crate::config::{Flags, Settings};
use crate::error::{Error, Result};
use crate::state::Context;
use clap::{Parser, Subcommand};
use serde::Serialize;
use std::fmt::Display;
use std::process::ExitCode;

/// Publishes modules, and decides which websites may embed them.
#[derive(Parser)]
#[command(name = "embed-server", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    flags: Flags,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve,
    /// Bring the database's tables up to date
    Migrate,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(arguments)),
        Err(error) => Err(Error::internal(error)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", sentence(&error));
            ExitCode::FAILURE
        }
    }
}

async fn run(Arguments { command, flags, json }: Arguments) -> Result<()> {
    let settings = Settings::load(flags)?;
    let output = Output { json };
    match command {
        Command::Serve => serve::run(settings).await,
        Command::Migrate => {
            let context = Context::open(settings).await?;
            output.print(&Migrated { engine: context.db.engine() })
        }
    }
}

/// The error's sentence. A fault of this program has no log here, so its causes are printed too.
fn sentence(error: &Error) -> String {
    match error.causes().filter(|_| error.code() == "internal") {
        Some(causes) => format!("Something went wrong inside embed-server: {causes}."),
        None => error.to_string(),
    }
}

/// Where results go.
#[derive(Clone, Copy)]
struct Output {
    json: bool,
}

impl Output {
    /// Prints a result, for a program or for a person.
    fn print(self, result: &(impl Serialize + Display)) -> Result<()> {
        if self.json {
            println!("{}", serde_json::to_string(result).map_err(Error::internal)?);
        } else {
            println!("{result}");
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Migrated {
    engine: &'static str,
}

impl Display for Migrated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "The tables in {} are up to date.", self.engine)
    }
}
