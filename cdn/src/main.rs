//! `cdn`: builds the bundle into `cdn/dist/`, and checks what it weighs.

#![forbid(unsafe_code)]

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use cdn::budget::Report;
use cdn::{Build, Manifest, Step};
use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

/// Builds what runs on customers' pages.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Print the result as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Build the bundle into cdn/dist.
    Build,
    /// Build the bundle, and fail if a file is over its budget.
    Check,
}

fn main() -> ExitCode {
    run(&Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let workspace =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("The cdn crate has no workspace around it")?;
    let manifest = build(workspace)?;
    let report = Report::of(&manifest);
    let excesses = report.excesses();
    match (&arguments.command, arguments.json) {
        (Command::Build, true) => println!("{}", serde_json::to_string_pretty(&manifest)?),
        (Command::Check, true) => println!("{}", serde_json::to_string_pretty(&report)?),
        (_, false) => println!("{report}"),
    }
    for excess in &excesses {
        eprintln!("{excess}");
    }
    let failed = matches!(arguments.command, Command::Check) && !excesses.is_empty();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Builds into `cdn/dist`, with a bar where somebody looks, and with a line for each step elsewhere.
fn build(workspace: &Path) -> Result<Manifest> {
    let style = ProgressStyle::with_template("{spinner} {bar:20} {msg} ({elapsed})")?;
    let bar = ProgressBar::new(Step::ALL.len() as u64).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(100));
    let seen = std::io::stderr().is_terminal();
    let manifest = cdn::build(&Build {
        workspace,
        target_dir: &workspace.join("target/bundle"),
        out: &workspace.join("cdn/dist"),
        progress: &|step| {
            bar.set_position(Step::ALL.iter().position(|each| *each == step).unwrap_or_default() as u64);
            bar.set_message(step.label());
            if !seen {
                eprintln!("{}", step.label());
            }
        },
    });
    bar.finish_and_clear();
    manifest
}
