//! The README's table of settings is the one that the rows make.

use super::SECTIONS;
use super::setting::{Section, Setting};
use std::path::Path;

fn row(Setting { variable, default, meaning, expected, .. }: &Setting) -> String {
    format!("| `{variable}` | {meaning} | {expected} | {default} |\n")
}

fn table() -> String {
    let section = |Section { title, settings }: &Section| {
        format!("| **{title}** | | | |\n{}", settings.iter().map(row).collect::<String>())
    };
    let sections: String = SECTIONS.iter().map(section).collect();
    format!("| setting | what it is | expected | default |\n|---|---|---|---|\n{sections}")
}

#[test]
fn the_readme_has_the_table_of_the_settings() {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let root = folders.find(|folder| folder.join("Cargo.lock").exists()).unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let table = table();
    assert!(readme.contains(&table), "README.md must hold this table of settings:\n\n{table}");
}
