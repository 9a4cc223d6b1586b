//! `docs/comparison.md` claims nothing for us that no test shows.

use anyhow::{Context, Result, ensure};
use stories::repository;

const TABLE: &str = "docs/comparison.md";

/// The tests that a line names, each as `path::function`.
fn named(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split('`').filter_map(|word| word.split_once(".rs::"))
}

/// Whether the source has a test of this name, and not just a function.
fn has_test(source: &str, name: &str) -> bool {
    let Some((before, _)) = source.split_once(&format!("fn {name}(")) else { return false };
    let above = before.rsplit('\n').skip(1).map(str::trim);
    above.take_while(|line| line.starts_with("#[")).any(|line| ["#[test]", "#[tokio::test]"].contains(&line))
}

#[test]
fn a_function_that_is_no_test_shows_nothing() {
    assert!(has_test("#[test]\n#[ignore]\nfn it_works() {}", "it_works"));
    assert!(has_test("    #[tokio::test]\n    async fn it_works() {}", "it_works"));
    assert!(!has_test("#[test]\nfn other() {}\n\nfn it_works() {}", "it_works"));
    assert!(!has_test("#[test]\nfn other() {}", "it_works"));
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
            ensure!(has_test(&source, name), "{path} has no test {name}: {row}");
        }
    }
    Ok(())
}
