//! `cdn`: builds the bundle into `cdn/dist/`, and checks what it weighs.

#![forbid(unsafe_code)]

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use cdn::budget::Report;
use cdn::{Build, Manifest, Mode, Step};
use clap::{Args, Parser, Subcommand};
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
    Build(BuildOptions),
    /// Build the bundle, and fail if a file is over its budget.
    Check(BuildOptions),
}

#[derive(Args)]
struct BuildOptions {
    /// Make it smaller with Binaryen, and add the SDK in JavaScript for pages that forbid WebAssembly. Needs Node.js.
    #[arg(long)]
    optimize: bool,
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
    let (Command::Build(options) | Command::Check(options)) = &arguments.command;
    let manifest = build(workspace, if options.optimize { Mode::Optimized } else { Mode::Plain })?;
    let report = Report::of(&manifest);
    let excesses = report.excesses();
    match (&arguments.command, arguments.json) {
        (Command::Build(_), true) => println!("{}", serde_json::to_string_pretty(&manifest)?),
        (Command::Check(_), true) => println!("{}", serde_json::to_string_pretty(&report)?),
        (_, false) => println!("{report}"),
    }
    for excess in &excesses {
        eprintln!("{excess}");
    }
    let failed = matches!(arguments.command, Command::Check(_)) && !excesses.is_empty();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Builds into `cdn/dist`, with a bar where somebody looks, and with a line for each step elsewhere.
fn build(workspace: &Path, mode: Mode) -> Result<Manifest> {
    let style = ProgressStyle::with_template("{spinner} {bar:20} {msg} ({elapsed})")?;
    let steps = Step::all(mode);
    let bar = ProgressBar::new(steps.len() as u64).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(100));
    let seen = std::io::stderr().is_terminal();
    let manifest = cdn::build(&Build {
        workspace,
        target_dir: &workspace.join("target/bundle"),
        out: &workspace.join("cdn/dist"),
        mode,
        progress: &|step| {
            bar.set_position(steps.iter().position(|each| *each == step).unwrap_or_default() as u64);
            bar.set_message(step.label());
            if !seen {
                eprintln!("{}", step.label());
            }
        },
    });
    bar.finish_and_clear();
    manifest
}
