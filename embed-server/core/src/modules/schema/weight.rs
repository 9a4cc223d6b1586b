//! How much work a schema can make.
//!
//! Without references that is its size. A reference stands for what it points to, so it is counted as often as it
//! stands there; in a circle that would be without end.

use serde_json::Value;
use std::collections::HashMap;

/// The most that a schema may weigh, in JSON values with all references written out.
const MOST: u64 = 10_000;
/// The longest way from reference to reference.
const LONGEST_WAY: usize = 32;
/// Keywords that can point anywhere, or that change what a reference means.
const REFUSED: &[&str] = &["$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$anchor"];

/// Refuses a schema whose references leave it, run in a circle or multiply without measure.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    let mut scale = Scale { schema, known: HashMap::new(), way: Vec::new() };
    let weight = scale.weigh(schema, true)?;
    if weight > MOST {
        return Err(format!(
            "with its references written out it has more than {MOST} values; refer less often, or to less."
        ));
    }
    Ok(())
}

struct Scale<'s> {
    schema: &'s Value,
    /// What each reference weighs.
    known: HashMap<&'s str, u64>,
    /// The references that are being followed.
    way: Vec<&'s str>,
}

impl<'s> Scale<'s> {
    fn weigh(&mut self, value: &'s Value, root: bool) -> Result<u64, String> {
        let mut weight = 1_u64;
        match value {
            Value::Array(items) => {
                for item in items {
                    weight = weight.saturating_add(self.weigh(item, false)?);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    let added = match (name.as_str(), member) {
                        ("$ref", Value::String(target)) => self.follow(target)?,
                        ("$id", Value::String(_)) if !root => {
                            return Err("`$id` may stand at its top only.".to_owned());
                        }
                        (keyword, Value::String(_) | Value::Bool(_)) if REFUSED.contains(&keyword) => {
                            return Err(format!(
                                "`{keyword}` is not supported; use `$ref` with `#/$defs/…`."
                            ));
                        }
                        _ => self.weigh(member, false)?,
                    };
                    weight = weight.saturating_add(added);
                }
            }
            _ => {}
        }
        Ok(weight)
    }

    fn follow(&mut self, target: &'s str) -> Result<u64, String> {
        if let Some(&weight) = self.known.get(target) {
            return Ok(weight);
        }
        if self.way.contains(&target) || target == "#" {
            return Err(format!(
                "`$ref` to {target} runs in a circle; write out as many levels as are needed."
            ));
        }
        let pointed = target.strip_prefix('#').filter(|pointer| pointer.starts_with('/'));
        let Some(found) = pointed.and_then(|pointer| self.schema.pointer(pointer)) else {
            return Err(format!(
                "`$ref` to {target} leads nowhere; expected a place in the schema, such as #/$defs/name."
            ));
        };
        if self.way.len() >= LONGEST_WAY {
            return Err(format!("`$ref` leads over more than {LONGEST_WAY} others."));
        }
        self.way.push(target);
        let weight = self.weigh(found, false)?;
        self.way.pop();
        self.known.insert(target, weight);
        Ok(weight)
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
        assert_eq!(check(&schema), Ok(()));
    }

    #[test]
    fn a_circle_is_refused_however_long() {
        let short = json!({ "properties": { "child": { "$ref": "#" } } });
        assert!(check(&short).unwrap_err().contains("runs in a circle"));
        let long = json!({ "$defs": {
            "a": { "items": { "$ref": "#/$defs/b" } }, "b": { "allOf": [{ "$ref": "#/$defs/a" }] },
        }});
        assert!(check(&long).unwrap_err().contains("runs in a circle"));
        let own_parent = json!({ "properties": { "a": { "items": { "$ref": "#/properties/a" } } } });
        assert!(check(&own_parent).unwrap_err().contains("runs in a circle"));
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
            assert!(check(&json!({ "$ref": target })).unwrap_err().contains("leads nowhere"), "{target}");
        }
        assert!(check(&json!({ "items": { "$dynamicRef": "#x" } })).unwrap_err().contains("not supported"));
        assert!(check(&json!({ "items": { "$id": "https://x.test/" } })).unwrap_err().contains("`$id`"));
    }
}
