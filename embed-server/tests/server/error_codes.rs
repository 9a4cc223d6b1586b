//! The list of error codes, held against the code of the server that answers with them.

use embed_base::Code;
use std::collections::HashSet;
use std::fs;
use std::path::Path;

#[test]
fn every_error_code_is_one_that_the_server_answers_with() {
    let mut used = HashSet::new();
    note_used(Path::new(env!("CARGO_MANIFEST_DIR")), &mut used);
    let unused: Vec<_> = Code::ALL.iter().filter(|code| !used.contains(&format!("{code:?}"))).collect();
    assert!(unused.is_empty(), "error/code.rs lists codes that no error has: {unused:?}");
}

/// Notes the codes that a folder's files name, but for tests and for what only tells the OpenAPI document of them.
fn note_used(folder: &Path, used: &mut HashSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if name != "tests" {
                note_used(&path, used);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" && !path.ends_with("error/code.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let text: String = text.split("#[cfg(test)]").next().unwrap().split_whitespace().collect();
            let told = text.replace("refuses(ctx,operation,Code::", "").replace("refused(Code::", "");
            let named = told.split("Code::").skip(1);
            used.extend(
                named.filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next()).map(str::to_owned),
            );
        }
    }
}
