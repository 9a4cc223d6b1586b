//! The command line. Every command calls the same functions as the server, on the same database: it needs no running server,
//! and a running one sees the change within two seconds.
//!
//! A command is a variant of `Command`, a file here with its arguments and its `run`, and a result that is both
//! `Serialize` (for `--json`) and `Readable` (for people).

mod client;
mod doctor;
mod domain;
mod domain_output;
mod keys;
mod module;
mod org;
mod requests;
mod serve;
mod site;
mod span;
mod token;
mod user;

use crate::output::{Output, Readable};
use clap::{Parser, Subcommand};
use embed_base::config::{Flags, Settings};
use embed_base::names;
use embed_base::{Code, Error, Result};
use serde::Serialize;
use std::fmt;
use std::process::ExitCode;

/// Publishes modules, and decides which websites may embed them.
#[derive(Parser)]
#[command(name = "embed-server", version)]
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
    /// Run everything on this machine, in a temporary folder
    Demo(crate::demo::Ports),
    /// Run the server
    Serve,
    /// Check settings, database, DNS, clock, addresses and bundle, and say what to fix
    Doctor,
    /// Bring the database's tables up to date
    Migrate,
    /// Create, list, show and delete sites
    #[command(subcommand)]
    Site(site::Command),
    /// Publish, list, show, roll back and unpublish modules
    #[command(subcommand)]
    Module(module::Command),
    /// Allow websites to embed a module, and verify their domains
    #[command(subcommand)]
    Domain(domain::Command),
    /// Create, list, rotate and revoke tokens for a module's API
    #[command(subcommand)]
    Token(token::Command),
    /// Register, list, show, change, rotate and delete apps that ask people for access to a module's data
    #[command(subcommand)]
    Client(client::Command),
    /// Rotate the keys that sign access tokens
    #[command(subcommand)]
    Keys(keys::Command),
    /// Watch the calls of the modules' APIs
    #[command(subcommand)]
    Requests(requests::Command),
    /// Create, list and rename organizations
    #[command(subcommand)]
    Org(org::Command),
    /// Manage people and their personal tokens
    #[command(subcommand)]
    User(user::Command),
}

/// The most threads that wait for files and long work. Each keeps memory of its own: a thousand slow downloads on the
/// default of 512 threads took 400 MiB.
const BLOCKING_THREADS: usize = 32;

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage_error(&error),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(arguments)),
        Err(error) => Err(Error::internal(error)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", names::shown(&sentence(&error)));
            ExitCode::FAILURE
        }
    }
}

async fn run(Arguments { command, flags, json }: Arguments) -> Result<()> {
    let output = Output { json };
    let settings = Settings::load(flags);
    // `doctor` reports wrong settings, and `demo` has its own.
    match command {
        Command::Demo(ports) => crate::demo::run(ports, output).await,
        Command::Doctor => doctor::run(settings, output).await,
        Command::Serve => serve::run(settings?).await,
        Command::Migrate => {
            let context = crate::open(settings?).await?;
            output.print(&Migrated { engine: context.db.engine() })
        }
        Command::Site(command) => site::run(command, crate::open(settings?).await?, output).await,
        Command::Module(command) => module::run(command, crate::open(settings?).await?, output).await,
        Command::Domain(command) => domain::run(command, crate::open(settings?).await?, output).await,
        Command::Org(command) => org::run(command, crate::open(settings?).await?, output).await,
        Command::User(command) => user::run(command, crate::open(settings?).await?, output).await,
        Command::Token(command) => token::run(command, crate::open(settings?).await?, output).await,
        Command::Client(command) => client::run(command, crate::open(settings?).await?, output).await,
        Command::Keys(command) => keys::run(command, crate::open(settings?).await?, output).await,
        Command::Requests(command) => requests::run(command, crate::open(settings?).await?, output).await,
    }
}

/// Prints in one sentence what is wrong with the command line. Help and version are printed as they are.
fn usage_error(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    if matches!(error.kind(), DisplayHelp | DisplayHelpOnMissingArgumentOrSubcommand | DisplayVersion) {
        error.exit();
    }
    let text = error.render().to_string();
    let message: Vec<_> =
        text.lines().take_while(|line| !line.starts_with("Usage:")).flat_map(str::split_whitespace).collect();
    let message = message.join(" ");
    let message = message.split(" For more information").next().unwrap_or_default();
    let message = message.trim_start_matches("error: ");
    eprintln!("Invalid command: {}. Add `-h` to see what it accepts.", names::shown(message));
    ExitCode::from(2)
}

/// The error's sentence. An internal error is printed with its causes, since commands write no log.
fn sentence(error: &Error) -> String {
    match error.causes().filter(|_| error.code() == Code::Internal) {
        Some(causes) => format!("Something went wrong inside embed-server: {causes}."),
        None => error.to_string(),
    }
}

#[derive(Serialize)]
struct Migrated {
    engine: &'static str,
}

impl Readable for Migrated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The tables in {} are up to date.", self.engine)
    }
}
