//! The size of a schema with all references written out, which bounds the work of checking a record.
//!
//! A reference counts as what it points to, each time that it occurs; a cycle would never end.

use serde_json::Value;
use std::collections::HashMap;

/// The largest size of a schema, in JSON values with all references written out.
pub(super) const MOST: u64 = 10_000;
/// The deepest nesting of a schema with its references written out: compiling and checking recurse as deep.
pub(super) const DEEPEST: usize = 100;
/// The longest chain of references.
pub(super) const LONGEST_CHAIN: usize = 32;
/// Keywords that can point anywhere, or that change what a reference means.
const REFUSED: &[&str] = &["$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$anchor"];

/// The size of a schema. Refuses one whose references leave it, form a cycle or make it too large.
pub(super) fn check(schema: &Value) -> Result<u64, String> {
    let mut counter = SizeCounter { schema, sizes: HashMap::new(), chain: Vec::new() };
    let Size { values: size, depth } = counter.size(schema, true)?;
    if depth > DEEPEST {
        return Err(format!("with its references written out it is nested more than {DEEPEST} levels deep."));
    }
    if size > MOST {
        return Err(format!(
            "with its references written out it has more than {MOST} values; use fewer or smaller references."
        ));
    }
    Ok(size)
}

#[derive(Clone, Copy)]
struct Size {
    values: u64,
    depth: usize,
}

impl Size {
    /// Adds what stands inside.
    fn add(&mut self, inside: Self) {
        self.values = self.values.saturating_add(inside.values);
        self.depth = self.depth.max(inside.depth + 1);
    }
}

struct SizeCounter<'s> {
    schema: &'s Value,
    /// The size of each reference's target.
    sizes: HashMap<&'s str, Size>,
    /// The references that are being followed.
    chain: Vec<&'s str>,
}

impl<'s> SizeCounter<'s> {
    fn size(&mut self, value: &'s Value, root: bool) -> Result<Size, String> {
        let mut size = Size { values: 1, depth: 1 };
        match value {
            Value::Array(items) => {
                for item in items {
                    size.add(self.size(item, false)?);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    let added = match (name.as_str(), member) {
                        ("$ref", Value::String(target)) => self.follow(target)?,
                        ("$id", Value::String(_)) if !root => {
                            return Err("`$id` is only allowed at the top level.".to_owned());
                        }
                        (keyword, Value::String(_) | Value::Bool(_)) if REFUSED.contains(&keyword) => {
                            return Err(format!(
                                "`{keyword}` is not supported; use `$ref` with `#/$defs/…`."
                            ));
                        }
                        _ => self.size(member, false)?,
                    };
                    size.add(added);
                }
            }
            _ => {}
        }
        Ok(size)
    }

    fn follow(&mut self, target: &'s str) -> Result<Size, String> {
        if let Some(&size) = self.sizes.get(target) {
            return Ok(size);
        }
        if self.chain.contains(&target) || target == "#" {
            return Err(format!("`$ref` to {target} forms a cycle; write out as many levels as are needed."));
        }
        let pointed = target.strip_prefix('#').filter(|pointer| pointer.starts_with('/'));
        let Some(found) = pointed.and_then(|pointer| self.schema.pointer(pointer)) else {
            return Err(format!(
                "`$ref` to {target} points to nothing; expected a place in the schema, such as #/$defs/name."
            ));
        };
        if self.chain.len() >= LONGEST_CHAIN {
            return Err(format!("`$ref` follows more than {LONGEST_CHAIN} others."));
        }
        self.chain.push(target);
        let size = self.size(found, false)?;
        self.chain.pop();
        self.sizes.insert(target, size);
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_within_the_schema_are_counted_each_time() {
        let address = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
        let schema = json!({
            "$defs": { "address": address },
            "properties": { "home": { "$ref": "#/$defs/address" }, "work": { "$ref": "#/$defs/address" } },
        });
        assert_eq!(check(&schema), Ok(20));
    }

    #[test]
    fn a_circle_is_refused_however_long() {
        let short = json!({ "properties": { "child": { "$ref": "#" } } });
        assert!(check(&short).unwrap_err().contains("forms a cycle"));
        let long = json!({ "$defs": {
            "a": { "items": { "$ref": "#/$defs/b" } }, "b": { "allOf": [{ "$ref": "#/$defs/a" }] },
        }});
        assert!(check(&long).unwrap_err().contains("forms a cycle"));
        let own_parent = json!({ "properties": { "a": { "items": { "$ref": "#/properties/a" } } } });
        assert!(check(&own_parent).unwrap_err().contains("forms a cycle"));
    }

    #[test]
    fn references_that_double_at_each_step_are_refused() {
        let step = |number: u32| {
            let next = format!("#/$defs/{}", number + 1);
            (number.to_string(), json!({ "anyOf": [{ "$ref": next }, { "$ref": next }] }))
        };
        let mut steps: serde_json::Map<_, _> = (0..24).map(step).collect();
        steps.insert("24".to_owned(), json!({ "type": "string" }));
        let schema = json!({ "$ref": "#/$defs/0", "$defs": steps });
        assert!(check(&schema).unwrap_err().contains("more than 10000 values"));
    }

    #[test]
    fn references_to_elsewhere_are_refused() {
        for target in ["https://example.com/schema.json", "other.json", "#name", "#/$defs/missing", ""] {
            assert!(check(&json!({ "$ref": target })).unwrap_err().contains("points to nothing"), "{target}");
        }
        assert!(check(&json!({ "items": { "$dynamicRef": "#x" } })).unwrap_err().contains("not supported"));
        assert!(check(&json!({ "items": { "$id": "https://x.test/" } })).unwrap_err().contains("`$id`"));
    }
}
