//! Figures as `performance.md` wants them: paired, alternating, with their spread.

use crate::{output, repository};
use anyhow::{Context, Result};
use serde::Serialize;

/// The median of some samples, with the smallest and the largest.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    /// Half of the samples are below, half above.
    pub median: f64,
    /// The smallest sample.
    pub min: f64,
    /// The largest sample.
    pub max: f64,
}

impl Spread {
    /// The spread of at least five samples.
    pub fn of(samples: &[f64]) -> Self {
        assert!(samples.len() >= 5, "a figure needs five samples, not {}", samples.len());
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        Self { median, min: sorted[0], max: sorted[sorted.len() - 1] }
    }

    /// The spread of the ratios of pairs: what was measured right after each other is compared.
    pub fn of_ratios(ours: &[f64], theirs: &[f64]) -> Self {
        Self::of(&ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect::<Vec<_>>())
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = if self.median < 10.0 { 2 } else { 0 };
        write!(f, "{:.digits$} ({:.digits$}–{:.digits$})", self.median, self.min, self.max)
    }
}

/// One line of a result.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What was measured, and how.
    pub what: String,
    /// Ours.
    pub ours: Spread,
    /// What it is compared with.
    pub theirs: Spread,
    /// Ours / theirs, pair by pair.
    pub ratio: Spread,
    /// What the ratio shall be, e.g. `≤ 1.1`.
    pub goal: &'static str,
    /// Whether the median of the ratio reaches the goal.
    pub reached: bool,
}

/// Prints the rows as a table, and writes them to `NAME.json` in the output folder.
pub fn publish(name: &str, unit: &str, rows: &[Row]) -> Result<()> {
    println!("\n{name}, in {unit}: median (min–max)\n");
    println!("{:<44} {:>22} {:>22} {:>20}  goal", "", "ours", "compared with", "ratio");
    for Row { what, ours, theirs, ratio, goal, reached } in rows {
        let verdict = if *reached { "reached" } else { "MISSED" };
        println!(
            "{what:<44} {:>22} {:>22} {:>20}  {goal} {verdict}",
            ours.to_string(),
            theirs.to_string(),
            ratio.to_string()
        );
    }
    let path = output().join(format!("{name}.json"));
    std::fs::write(&path, serde_json::to_vec_pretty(&rows)?)?;
    println!("\nwritten to {}", path.display());
    Ok(())
}

/// The same, and the table in `docs/benchmarks.md` too, between the marks of the section of this name.
pub fn publish_and_document(name: &str, unit: &str, rows: &[Row]) -> Result<()> {
    publish(name, unit, rows)?;
    let mut table = format!("|  | ours, {unit} | compared with | ours ÷ theirs | goal |  |\n");
    table.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for Row { what, ours, theirs, ratio, goal, reached } in rows {
        let verdict = if *reached { "reached" } else { "**lost**" };
        table.push_str(&format!("| {what} | {ours} | {theirs} | {ratio} | {goal} | {verdict} |\n"));
    }
    document(name, &table)
}

/// Replaces what stands between the marks of a section in `docs/benchmarks.md`.
pub fn document(section: &str, text: &str) -> Result<()> {
    let path = repository("docs/benchmarks.md");
    let page = std::fs::read_to_string(&path).context("docs/benchmarks.md cannot be read")?;
    let (begin, end) = (format!("<!-- {section} -->\n"), format!("<!-- /{section} -->"));
    let (before, rest) =
        page.split_once(&begin).with_context(|| format!("docs/benchmarks.md has no {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("docs/benchmarks.md has no {end}"))?;
    Ok(std::fs::write(&path, format!("{before}{begin}{text}{end}{after}"))?)
}
