//! What the command says when it is started wrongly.

use std::path::Path;
use std::process::{Command, Output};

fn run(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_embed-server"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

fn refusal(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), arguments, environment);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing was made");
    said
}

#[test]
fn an_unknown_setting_stops_every_command() {
    let said = refusal(&["site", "list"], &[("EMBED_PUBLIC", "x")]);
    assert_eq!(
        said.trim_end(),
        "EMBED_PUBLIC is not a setting. Did you mean EMBED_PUBLIC_URL (see “Server” in the README's table of settings)?"
    );
}

#[test]
fn a_wrong_setting_says_what_was_expected() {
    let said = refusal(&["serve"], &[("EMBED_LISTEN", "everywhere")]);
    assert!(said.starts_with("EMBED_LISTEN is `everywhere`; expected host:port"), "{said}");
    let said = refusal(&["serve", "--verify-limit", "none"], &[]);
    assert!(said.starts_with("--verify-limit is `none`; expected a number"), "{said}");
    assert!(said.trim_end().ends_with("(see “Limits” in the README's table of settings)."), "{said}");
}

#[test]
fn help_groups_the_settings_by_section() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["serve", "--help"], &[]);
    let help = String::from_utf8(output.stdout).unwrap();
    let (_, server) = help.split_once("\nServer:\n").expect("the section Server");
    let (server, _) = server.split_once("\n\nStorage:\n").expect("the next section");
    for said in [
        "--listen <HOST:PORT>",
        "EMBED_LISTEN: where to accept connections [default: 127.0.0.1:8080]",
        "--dev\n",
    ] {
        assert!(server.contains(said), "{said} is missing: {help}");
    }
    assert!(!help.contains("secret-key"), "command lines are visible to every user of the machine: {help}");
}

#[test]
fn a_server_without_a_secret_does_not_start() {
    let said = refusal(&["serve"], &[]);
    assert!(said.starts_with("EMBED_SECRET_KEY is not set."), "{said}");
}

#[test]
fn a_postgres_that_does_not_answer_is_a_sentence() {
    let said = refusal(&["migrate"], &[("DATABASE_URL", "postgres://u:secret@127.0.0.1:1/db")]);
    assert!(said.starts_with("PostgreSQL cannot be reached with DATABASE_URL"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

#[test]
fn a_file_that_is_no_database_is_a_sentence_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "Milk, bread, and something that is far longer than the header of a database.")
        .unwrap();
    let before = std::fs::read(&file).unwrap();
    let output = run(folder.path(), &["migrate"], &[("DATABASE_URL", "sqlite://notes.txt")]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("notes.txt cannot be opened as a database"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn migrating_twice_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let output = run(folder.path(), &["migrate"], &[]);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "The tables in SQLite are up to date.\n");
    }
}
