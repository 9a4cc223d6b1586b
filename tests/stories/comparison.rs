//! `docs/comparison.md` claims nothing for us that no test shows.

use anyhow::{Context, Result, ensure};
use stories::repository;

const TABLE: &str = "docs/comparison.md";

/// The tests that a line names, each as `path::function`.
fn named(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split('`').filter_map(|word| word.split_once(".rs::"))
}

#[test]
fn every_tick_of_ours_names_a_test_that_is_there() -> Result<()> {
    let guide = std::fs::read_to_string(repository(TABLE))?;
    let rows: Vec<&str> =
        guide.lines().filter(|line| line.starts_with("| ") && line.matches(" | ").count() >= 6).collect();
    ensure!(rows.len() > 20, "{TABLE} has only {} rows", rows.len());
    for row in &rows[1..] {
        let ours = row.split('|').nth(2).context("a row has cells")?.trim();
        let tests = named(row).count();
        ensure!(!ours.starts_with("yes") || tests > 0, "a tick without a test: {row}");
        for (file, name) in named(row) {
            let path = format!("{file}.rs");
            let source =
                std::fs::read_to_string(repository(&path)).with_context(|| format!("{path} of {row}"))?;
            ensure!(source.contains(&format!("fn {name}(")), "{path} has no test {name}: {row}");
        }
    }
    Ok(())
}
