//! `cdn`: builds the bundle into `cdn/dist/`, checks its size, and publishes it.

#![forbid(unsafe_code)]

mod publishing;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use cdn::budget::Report;
use cdn::{Build, Manifest, Mode, Step, sizes};
use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

/// Builds and publishes what runs on customers' pages.
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
    /// Print what each part of the SDK weighs.
    Sizes,
    /// Publish a bundle that was built, and print the snippets for pages.
    Publish(publishing::PublishOptions),
    /// Make an earlier release the one that pages load.
    Rollback(publishing::RollbackOptions),
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
    match &arguments.command {
        Command::Build(options) => {
            let manifest = build(options)?;
            print(arguments.json, &manifest, &Report::of(&manifest))?;
            report_excesses(&manifest);
        }
        Command::Check(options) => {
            let manifest = build(options)?;
            let report = Report::of(&manifest);
            print(arguments.json, &report, &report)?;
            if report_excesses(&manifest) {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Sizes => {
            let workspace = workspace()?;
            let parts = sizes::measure(&workspace, &workspace.join("target/bundle"))?;
            print(arguments.json, &parts, &parts)?;
        }
        Command::Publish(options) => {
            let published = publishing::publish(options, &workspace()?.join("cdn/dist"))?;
            print(arguments.json, &published, &published)?;
        }
        Command::Rollback(options) => {
            let published = publishing::rollback(options)?;
            print(arguments.json, &published, &published)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(json: bool, value: &impl serde::Serialize, text: &impl std::fmt::Display) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(value)?);
    } else {
        println!("{text}");
    }
    Ok(())
}

/// Prints which budgets are exceeded.
fn report_excesses(manifest: &Manifest) -> bool {
    let excesses = Report::of(manifest).excesses();
    for excess in &excesses {
        eprintln!("{excess}");
    }
    !excesses.is_empty()
}

fn workspace() -> Result<PathBuf> {
    let parent = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    Ok(parent.context("The cdn crate has no workspace around it")?.to_owned())
}

/// Builds into `cdn/dist`, with a progress bar on a terminal, and a line for each step elsewhere.
fn build(options: &BuildOptions) -> Result<Manifest> {
    let workspace = workspace()?;
    let mode = if options.optimize { Mode::Optimized } else { Mode::Plain };
    let steps = Step::all(mode);
    let bar = bar(steps.len())?;
    let seen = std::io::stderr().is_terminal();
    let manifest = cdn::build(&Build {
        workspace: &workspace,
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

/// A bar on the terminal; elsewhere it draws nothing.
fn bar(length: usize) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{spinner} {bar:20} {msg} ({elapsed})")?;
    let bar = ProgressBar::new(length as u64).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(100));
    Ok(bar)
}
