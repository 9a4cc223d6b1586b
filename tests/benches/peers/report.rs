//! Tables: printed, kept as JSON, and written into `docs/benchmarks.md` between the marks of their section.

use anyhow::Result;
use serde::Serialize;
use stories::figures::Spread;
pub use stories::figures::document as put;
use stories::output;

/// What a ratio, ours to theirs, shall be.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
    Below(f64),
    Above(f64),
    /// Shown for orientation.
    None,
}

impl Goal {
    fn is_reached(self, ratio: f64) -> bool {
        match self {
            Goal::AtMost(most) => ratio <= most,
            Goal::AtLeast(least) => ratio >= least,
            Goal::Below(bound) => ratio < bound,
            Goal::Above(bound) => ratio > bound,
            Goal::None => true,
        }
    }

    fn text(self) -> String {
        match self {
            Goal::AtMost(most) => format!("≤ {most}"),
            Goal::AtLeast(least) => format!("≥ {least}"),
            Goal::Below(bound) => format!("< {bound}"),
            Goal::Above(bound) => format!("> {bound}"),
            Goal::None => "–".to_owned(),
        }
    }
}

/// Ours beside one other, measured in the same rounds.
#[derive(Debug, Serialize)]
pub struct Duel {
    /// What was measured, and under which conditions.
    pub what: String,
    /// Whom ours is compared with.
    pub against: &'static str,
    /// Ours.
    pub ours: Spread,
    /// The other's.
    pub theirs: Spread,
    /// Ours / theirs, round by round.
    pub ratio: Spread,
    /// What the ratio shall be.
    pub goal: String,
    /// Whether the median of the ratio reaches the goal.
    pub reached: bool,
}

impl Duel {
    /// Compares the samples of each round.
    pub fn new(what: String, against: &'static str, ours: &[f64], theirs: &[f64], goal: Goal) -> Self {
        let ratio = Spread::of_ratios(ours, theirs);
        let reached = goal.is_reached(ratio.median);
        Self {
            what,
            against,
            ours: Spread::of(ours),
            theirs: Spread::of(theirs),
            ratio,
            goal: goal.text(),
            reached,
        }
    }
}

/// A table of text, as it is printed and as it stands in Markdown.
pub struct Table {
    /// The names of the columns.
    pub head: Vec<String>,
    /// The lines, each with as many cells as the head.
    pub rows: Vec<Vec<String>>,
    /// One sentence for everything that lost.
    pub lost: Vec<String>,
}

impl Table {
    /// The table of such duels.
    pub fn of(duels: &[Duel], unit: &str) -> Self {
        let head = [
            "",
            &format!("ours, {unit}"),
            "against",
            &format!("theirs, {unit}"),
            "ours ÷ theirs",
            "goal",
            "",
        ];
        let mut last = "";
        let row = |duel: &Duel, what: &str| {
            let verdict = match (&*duel.goal, duel.reached) {
                ("–", _) => "",
                (_, true) => "reached",
                (_, false) => "**lost**",
            };
            [
                what,
                &duel.ours.to_string(),
                duel.against,
                &duel.theirs.to_string(),
                &ratio(duel.ratio),
                &duel.goal,
                verdict,
            ]
            .map(str::to_owned)
            .to_vec()
        };
        let mut rows = Vec::new();
        for duel in duels {
            rows.push(row(duel, if duel.what == last { "" } else { &duel.what }));
            last = &duel.what;
        }
        // A third digit, so that a goal that was only just missed is seen to be missed.
        let lost = duels.iter().filter(|duel| !duel.reached).map(|duel| {
            let Duel { what, against, ratio, goal, .. } = duel;
            format!("{what} against {against}: {:.3} where {goal} is the goal.", ratio.median)
        });
        Self { head: head.map(str::to_owned).to_vec(), rows, lost: lost.collect() }
    }

    fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let ruler: Vec<String> = self.head.iter().map(|_| "---".to_owned()).collect();
        let mut text = line(&self.head);
        text.push_str(&line(&ruler));
        text.extend(self.rows.iter().map(|row| line(row)));
        text.push('\n');
        text.push_str(if self.lost.is_empty() { "Nothing lost here.\n" } else { "What lost:\n\n" });
        text.extend(self.lost.iter().map(|lost| format!("- {lost}\n")));
        text
    }

    fn print(&self) {
        let width = |column: usize| {
            let cells = self.rows.iter().chain([&self.head]).map(|row| row[column].chars().count());
            cells.max().unwrap_or_default()
        };
        for row in [&self.head].into_iter().chain(&self.rows) {
            let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column)));
            println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
        self.lost.iter().for_each(|lost| println!("LOST: {lost}"));
    }
}

/// A ratio with two digits, also where it is large.
pub fn ratio(ratio: Spread) -> String {
    format!("{:.2} ({:.2}–{:.2})", ratio.median, ratio.min, ratio.max)
}

/// Prints a section's table, writes its figures to `peers-SECTION.json` in the output folder, and puts the table into
/// the documentation.
pub fn publish(section: &str, table: &Table, figures: &impl Serialize) -> Result<()> {
    println!("\n{section}\n");
    table.print();
    std::fs::write(output().join(format!("peers-{section}.json")), serde_json::to_vec_pretty(figures)?)?;
    put(section, &table.markdown())
}
