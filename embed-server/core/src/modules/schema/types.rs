//! The types that a schema allows at a path, as far as `properties`, `items`, `type`, and `$ref` within the schema
//! say. Where they say nothing, any value is allowed.

use serde_json::Value;
use std::collections::BTreeSet;

/// The types of JSON, as a schema names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    Null,
    Boolean,
    /// `number`, or the narrower `integer`.
    Number,
    String,
    Array,
    Object,
}

/// The types that a schema allows for a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldTypes {
    /// The field cannot exist; these fields can, at the node where the path leaves the schema.
    Absent(BTreeSet<String>),
    /// The field has one of these types; the items of an array have one of those, if the schema says so.
    Typed(BTreeSet<Type>, Option<BTreeSet<Type>>),
    /// The schema does not restrict the field.
    Anything,
}

/// The types that `schema` allows at `path`.
pub(super) fn field_types(schema: &Value, path: &[String]) -> FieldTypes {
    let mut node = resolved(schema, schema);
    for name in path {
        let properties = node.get("properties").and_then(Value::as_object);
        match properties.and_then(|properties| properties.get(name)) {
            Some(next) => node = resolved(schema, next),
            None if is_closed(node) => {
                return FieldTypes::Absent(
                    properties.into_iter().flat_map(|fields| fields.keys().cloned()).collect(),
                );
            }
            None => return FieldTypes::Anything,
        }
    }
    let items = || node.get("items").and_then(|items| types(resolved(schema, items)));
    types(node).map_or(FieldTypes::Anything, |types| FieldTypes::Typed(types, items()))
}

/// Whether an object here has no fields except those in `properties`.
fn is_closed(node: &Value) -> bool {
    node.get("additionalProperties") == Some(&Value::Bool(false)) && node.get("patternProperties").is_none()
}

/// Follows references, which form no cycle.
fn resolved<'s>(schema: &'s Value, mut node: &'s Value) -> &'s Value {
    while let Some(target) = node.get("$ref").and_then(Value::as_str) {
        match target.strip_prefix('#').and_then(|pointer| schema.pointer(pointer)) {
            Some(next) => node = next,
            None => break,
        }
    }
    node
}

fn types(node: &Value) -> Option<BTreeSet<Type>> {
    match node.get("type")? {
        Value::String(name) => named(name).map(|one| BTreeSet::from([one])),
        Value::Array(names) => names.iter().map(|name| named(name.as_str()?)).collect(),
        _ => None,
    }
}

fn named(name: &str) -> Option<Type> {
    Some(match name {
        "null" => Type::Null,
        "boolean" => Type::Boolean,
        "number" | "integer" => Type::Number,
        "string" => Type::String,
        "array" => Type::Array,
        "object" => Type::Object,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_schema_says_of_a_field_is_read_off() {
        let schema = json!({
            "additionalProperties": false,
            "$defs": { "address": { "properties": { "city": { "type": "string" } } } },
            "properties": {
                "home": { "$ref": "#/$defs/address" },
                "rating": { "type": ["integer", "null"] },
                "tags": { "type": "array", "items": { "type": "string" } },
                "free": {},
            },
        });
        let at = |path: &str| field_types(&schema, &path.split('.').map(str::to_owned).collect::<Vec<_>>());
        let set = |types: &[Type]| types.iter().copied().collect::<BTreeSet<_>>();
        assert_eq!(at("home.city"), FieldTypes::Typed(set(&[Type::String]), None));
        assert_eq!(at("home.street"), FieldTypes::Anything);
        assert_eq!(at("rating"), FieldTypes::Typed(set(&[Type::Null, Type::Number]), None));
        assert_eq!(at("tags"), FieldTypes::Typed(set(&[Type::Array]), Some(set(&[Type::String]))));
        assert_eq!(at("free"), FieldTypes::Anything);
        let there = BTreeSet::from(["free", "home", "rating", "tags"].map(str::to_owned));
        assert_eq!(at("ratting"), FieldTypes::Absent(there));
    }
}
