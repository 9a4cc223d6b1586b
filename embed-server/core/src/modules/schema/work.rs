//! The work of checking data against a schema, counted by walking both together before the check.
//!
//! It is never counted too low: every branch and every condition counts as if it were followed to its end. A unit is some
//! nanoseconds.

use super::pattern::Size;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The most work of a check, a fraction of a second.
pub(super) const MOST: u64 = 20_000_000;
/// A text in pieces of this many bytes takes as long as a value.
const PIECE: usize = 16;
/// Dividing numbers that are no integers exactly.
const DIVISION: u64 = 1_000;

/// The work of checking `data` against `schema`; `None` where it is more than [`MOST`].
pub(super) fn count(schema: &Value, data: &Value, patterns: &HashMap<String, Size>) -> Option<u64> {
    let mut counter = Counter { root: schema, patterns, left: MOST };
    counter.check(schema, data)?;
    Some(MOST - counter.left)
}

struct Counter<'s> {
    root: &'s Value,
    patterns: &'s HashMap<String, Size>,
    left: u64,
}

impl<'s> Counter<'s> {
    fn spend(&mut self, work: u64) -> Option<()> {
        self.left = self.left.checked_sub(work)?;
        Some(())
    }

    fn check(&mut self, schema: &'s Value, data: &Value) -> Option<()> {
        self.spend(1)?;
        let Value::Object(keywords) = schema else { return Some(()) };
        let before = self.left;
        for (keyword, value) in keywords {
            self.spend(1)?;
            self.keyword(keyword, value, data)?;
        }
        // What the other keywords have evaluated is found out again for each member.
        let again =
            ["unevaluatedProperties", "unevaluatedItems"].iter().filter(|one| keywords.contains_key(**one));
        if again.count() > 0 {
            self.spend((before - self.left).saturating_mul(members(data) as u64))?;
        }
        Some(())
    }

    fn keyword(&mut self, keyword: &str, value: &'s Value, data: &Value) -> Option<()> {
        match (keyword, value, data) {
            ("$ref", Value::String(target), _) => {
                let target = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
                target.map_or(Some(()), |target| self.check(target, data))
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(branches), _) => {
                branches.iter().try_for_each(|branch| self.check(branch, data))
            }
            ("not" | "if" | "then" | "else", branch, _) => self.check(branch, data),
            ("dependentSchemas" | "dependencies", Value::Object(branches), Value::Object(_)) => {
                branches.values().try_for_each(|branch| self.check(branch, data))
            }
            ("properties", Value::Object(properties), Value::Object(members)) => {
                self.spend(properties.len() as u64)?;
                let both = properties.iter().filter_map(|(name, schema)| Some((schema, members.get(name)?)));
                both.into_iter().try_for_each(|(schema, member)| self.check(schema, member))
            }
            ("patternProperties", Value::Object(schemas), Value::Object(members)) => {
                schemas.iter().try_for_each(|(pattern, schema)| {
                    members.iter().try_for_each(|(name, member)| {
                        self.matched(pattern, name)?;
                        self.check(schema, member)
                    })
                })
            }
            ("propertyNames", schema, Value::Object(members)) => {
                members.keys().try_for_each(|name| self.check(schema, &Value::String(name.clone())))
            }
            ("additionalProperties" | "unevaluatedProperties", schema, Value::Object(members)) => {
                self.siblings(members)?;
                members.values().try_for_each(|member| self.check(schema, member))
            }
            ("prefixItems" | "items", Value::Array(schemas), Value::Array(items)) => {
                schemas.iter().zip(items).try_for_each(|(schema, item)| self.check(schema, item))
            }
            ("items" | "additionalItems" | "unevaluatedItems" | "contains", schema, Value::Array(items)) => {
                items.iter().try_for_each(|item| self.check(schema, item))
            }
            ("pattern", Value::String(pattern), Value::String(text)) => self.matched(pattern, text),
            ("enum" | "const", known, _) => self.spend(size(known)),
            ("required" | "dependentRequired", names, Value::Object(_)) => self.spend(size(names)),
            ("uniqueItems", Value::Bool(true), Value::Array(items)) => self.compared(items),
            ("multipleOf", _, Value::Number(_)) => self.spend(DIVISION),
            (
                "format" | "contentMediaType" | "contentEncoding" | "minLength" | "maxLength",
                _,
                Value::String(text),
            ) => self.spend((4 * text.len() / PIECE) as u64),
            _ => Some(()),
        }
    }

    /// A text matched against a pattern.
    fn matched(&mut self, pattern: &str, text: &str) -> Option<()> {
        let states = self.patterns.get(pattern).map_or(1, |size| size.states);
        self.spend((text.len() as u64 + 1).saturating_mul(states as u64) / 2)
    }

    /// The names of members compared with those that other keywords name.
    fn siblings(&mut self, members: &Map<String, Value>) -> Option<()> {
        let patterns = self.patterns.values().map(|size| size.states as u64).sum::<u64>();
        let named = members.keys().map(|name| name.len() as u64 + 1).sum::<u64>();
        // Each name meets the patterns beside it, which are some of the schema's.
        self.spend(if patterns == 0 { named } else { named.saturating_mul(patterns) / 2 })
    }

    /// Items that must differ. They are hashed, but arrays that differ in their nesting alone have one hash.
    fn compared(&mut self, items: &[Value]) -> Option<()> {
        let nested = items.iter().filter(|item| item.is_array() || item.is_object()).count() as u64;
        self.spend(items.iter().map(size).sum())?;
        self.spend(nested.saturating_mul(nested))
    }
}

fn members(data: &Value) -> usize {
    match data {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    }
}

/// The number of values in a value, with long texts in pieces.
pub(super) fn size(value: &Value) -> u64 {
    match value {
        Value::String(text) => 1 + (text.len() / PIECE) as u64,
        Value::Array(items) => 1 + items.iter().map(size).sum::<u64>(),
        Value::Object(members) => {
            1 + members.iter().map(|(name, member)| (name.len() / PIECE) as u64 + size(member)).sum::<u64>()
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::schema::pattern;
    use serde_json::json;

    fn work(schema: Value, data: &Value) -> Option<u64> {
        count(&schema, data, &pattern::sizes(&schema).unwrap())
    }

    #[test]
    fn each_branch_counts_for_each_item() {
        let items = json!(vec![0; 10_000]);
        let branches =
            |count: usize| json!({ "anyOf": vec![json!({ "items": { "type": "string" } }); count] });
        let one = work(branches(1), &items).unwrap();
        assert!((20_000..40_000).contains(&one), "{one}");
        assert!((9 * one..11 * one).contains(&work(branches(10), &items).unwrap()));
        assert_eq!(work(branches(2_000), &items), None);
    }

    #[test]
    fn what_multiplies_is_counted() {
        let many =
            json!((0..5_000).map(|number| (format!("f{number}"), json!([number]))).collect::<Map<_, _>>());
        let text = json!("x".repeat(200_000));
        let nested: Value = (0..6_000).map(|number| json!([number])).collect();
        let each = |schema: Value| json!({ "additionalProperties": schema });
        for (schema, data) in [
            (json!({ "pattern": "^[a-z]{1,1000}$" }), &text),
            (json!({ "uniqueItems": true }), &nested),
            (json!({ "patternProperties": { "^[a-z0-9]{1,2000}$": {} } }), &many),
            (json!({ "propertyNames": { "enum": vec![0; 5_000] } }), &many),
            (each(json!({ "enum": vec![0; 5_000] })), &many),
            (each(json!({ "const": vec![0; 5_000] })), &many),
            (
                each(json!({ "contains": { "oneOf": vec![json!({ "not": { "type": "null" } }); 2_000] } })),
                &many,
            ),
            (each(json!({ "if": { "prefixItems": [{ "enum": vec![0; 5_000] }] } })), &many),
            (json!({ "allOf": [each(json!({ "type": "array" }))], "unevaluatedProperties": false }), &many),
            (json!({ "dependentSchemas": { "f1": each(json!({ "enum": vec![0; 5_000] })) } }), &many),
            (
                json!({ "$ref": "#/$defs/a", "$defs": { "a": each(json!({ "enum": vec![0; 5_000] })) } }),
                &many,
            ),
            (
                each(
                    json!({ "items": { "multipleOf": 1e-300, "allOf": vec![json!({ "multipleOf": 0.1 }); 9] } }),
                ),
                &many,
            ),
        ] {
            assert_eq!(
                work(schema.clone(), data),
                None,
                "{}",
                schema.to_string().get(..100).unwrap_or_default()
            );
        }
    }

    #[test]
    fn what_people_check_is_little_work() {
        let schema = json!({
            "type": "object", "required": ["mail"], "additionalProperties": false,
            "properties": {
                "mail": { "type": "string", "format": "email", "pattern": "^[^@ ]+@[^@ ]+$", "maxLength": 200 },
                "text": { "type": "string", "maxLength": 250_000, "pattern": "^[^<>]*$" },
                "tags": { "type": "array", "uniqueItems": true, "items": { "enum": ["a", "b", "c"] } },
            },
        });
        let data = json!({ "mail": "a@b.example", "text": "x".repeat(200_000), "tags": ["a", "b"] });
        assert!(work(schema, &data).unwrap() < 5_000_000);
    }
}
