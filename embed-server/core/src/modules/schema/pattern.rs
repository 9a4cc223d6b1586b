//! The size of a pattern once it is compiled, which bounds the memory that it takes and the time that matching takes for
//! each byte.

use regex_automata::nfa::thompson::{Compiler, Config};
use serde_json::Value;
use std::collections::HashMap;

/// The most bytes of a pattern.
pub(super) const LONGEST: usize = 1_000;
/// The most bytes of a compiled pattern, before the engine adds what makes it fast.
pub(super) const LARGEST: usize = 256 * 1024;
/// The most bytes of the engine's cache for each pattern and thread.
pub(super) const LARGEST_CACHE: usize = 64 * 1024;
/// The most patterns of a schema that differ.
pub(super) const MOST: usize = 100;

/// The most bytes of all compiled patterns of a schema.
pub(super) const LARGEST_TOGETHER: usize = 2 * 1024 * 1024;

/// A compiled pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// The states of the automaton: at the worst, each is visited for each byte of the text.
    pub states: usize,
    /// The bytes that it takes.
    pub bytes: usize,
}

/// The sizes of all patterns in a schema; an error that says which is too large.
pub(super) fn sizes(schema: &Value) -> Result<HashMap<String, Size>, String> {
    let mut found = HashMap::new();
    collect(schema, &mut found)?;
    Ok(found)
}

fn collect(value: &Value, found: &mut HashMap<String, Size>) -> Result<(), String> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| collect(item, found)),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            match (name.as_str(), member) {
                ("pattern", Value::String(pattern)) => add(pattern, found)?,
                ("patternProperties", Value::Object(patterns)) => {
                    patterns.keys().try_for_each(|pattern| add(pattern, found))?;
                }
                _ => {}
            }
            collect(member, found)
        }),
        _ => Ok(()),
    }
}

fn add(pattern: &str, found: &mut HashMap<String, Size>) -> Result<(), String> {
    if found.contains_key(pattern) {
        return Ok(());
    }
    if found.len() >= MOST {
        return Err(format!("it has more than {MOST} patterns."));
    }
    let size = size(pattern)?;
    if size.bytes + found.values().map(|size| size.bytes).sum::<usize>() > LARGEST_TOGETHER {
        return Err(format!(
            "its patterns take more than {} KiB together once their repetitions are written out; repeat fewer times, and bound lengths with `maxLength`.",
            LARGEST_TOGETHER / 1024
        ));
    }
    found.insert(pattern.to_owned(), size);
    Ok(())
}

fn size(pattern: &str) -> Result<Size, String> {
    let shown: String = pattern.chars().take(60).collect();
    let shown = shown.escape_debug();
    if pattern.len() > LONGEST {
        return Err(format!("the pattern `{shown}…` has more than {LONGEST} bytes."));
    }
    // What the compiler of schemas refuses too, it says better and with its place.
    let Ok(translated) = jsonschema_regex::to_rust_regex(pattern) else {
        return Ok(Size { states: 1, bytes: 0 });
    };
    let compiler = Compiler::new().configure(Config::new().nfa_size_limit(Some(LARGEST))).build(&translated);
    match compiler {
        Ok(nfa) => Ok(Size { states: nfa.states().len(), bytes: nfa.memory_usage() }),
        Err(error) if error.size_limit().is_some() => Err(format!(
            "the pattern `{shown}` takes more than {} KiB once its repetitions are written out; repeat fewer times, and bound the length with `maxLength`.",
            LARGEST / 1024
        )),
        Err(_) => Ok(Size { states: 1, bytes: 0 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(schema: Value) -> String {
        sizes(&schema).unwrap_err()
    }

    #[test]
    fn patterns_that_people_write_are_small_enough() {
        for pattern in [
            r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
            r"^[\w.-]{1,64}$",
            r"^\p{L}[\p{L} '-]*$",
            r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
            r"^.{1,200}$",
            r"^\+?[0-9 ()/-]{5,30}$",
        ] {
            sizes(&json!({ "pattern": pattern })).unwrap();
        }
    }

    #[test]
    fn a_pattern_that_grows_large_is_refused() {
        let refused = refusal(json!({ "properties": { "a": { "pattern": r"(\pL%d{100}){90}" } } }));
        assert!(refused.starts_with(r"the pattern `(\\pL%d{100}){90}` takes more than 256 KiB"), "{refused}");
        assert!(refusal(json!({ "patternProperties": { r"\pL{500}": {} } })).contains("more than 256 KiB"));
        assert!(refusal(json!({ "pattern": "((a{100}){100}){100}" })).contains("more than 256 KiB"));
        assert!(refusal(json!({ "pattern": "x".repeat(1_001) })).contains("more than 1000 bytes"));
        let large: Vec<_> = (0..60).map(|number| json!({ "pattern": format!("{number}.{{200}}") })).collect();
        assert!(
            refusal(json!({ "allOf": large })).starts_with("its patterns take more than 2048 KiB together")
        );
        let many: Vec<_> = (0..=100).map(|number| json!({ "pattern": number.to_string() })).collect();
        assert_eq!(refusal(json!({ "allOf": many })), "it has more than 100 patterns.");
    }
}
