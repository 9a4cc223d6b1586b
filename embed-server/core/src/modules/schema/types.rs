//! What a schema says of the value at a path, as far as it can be read off: `properties`, `items`, `type`, and `$ref`
//! within the schema. Where it says nothing, anything may stand there.

use serde_json::Value;
use std::collections::BTreeSet;

/// The types of JSON, as a schema names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// `null`.
    Null,
    /// `boolean`.
    Boolean,
    /// `number`, or the narrower `integer`.
    Number,
    /// `string`.
    String,
    /// `array`.
    Array,
    /// `object`.
    Object,
}

/// What is known of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It cannot be there: these fields can, in the place where the path leaves the schema.
    Absent(BTreeSet<String>),
    /// It has one of these types; an array's items have one of those, where the schema says so.
    Typed(BTreeSet<Type>, Option<BTreeSet<Type>>),
    /// Nothing.
    Anything,
}

/// What `schema` says of the value at `path`.
pub(super) fn known(schema: &Value, path: &[String]) -> Known {
    let mut place = resolved(schema, schema);
    for name in path {
        let properties = place.get("properties").and_then(Value::as_object);
        match properties.and_then(|properties| properties.get(name)) {
            Some(next) => place = resolved(schema, next),
            None if is_closed(place) => {
                return Known::Absent(
                    properties.into_iter().flat_map(|known| known.keys().cloned()).collect(),
                );
            }
            None => return Known::Anything,
        }
    }
    let items = || place.get("items").and_then(|items| types(resolved(schema, items)));
    types(place).map_or(Known::Anything, |types| Known::Typed(types, items()))
}

/// Whether an object here has no fields but those in `properties`.
fn is_closed(place: &Value) -> bool {
    place.get("additionalProperties") == Some(&Value::Bool(false)) && place.get("patternProperties").is_none()
}

/// Follows references, which run in no circle.
fn resolved<'s>(schema: &'s Value, mut place: &'s Value) -> &'s Value {
    while let Some(target) = place.get("$ref").and_then(Value::as_str) {
        match target.strip_prefix('#').and_then(|pointer| schema.pointer(pointer)) {
            Some(next) => place = next,
            None => break,
        }
    }
    place
}

fn types(place: &Value) -> Option<BTreeSet<Type>> {
    match place.get("type")? {
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
        let at = |path: &str| known(&schema, &path.split('.').map(str::to_owned).collect::<Vec<_>>());
        let set = |types: &[Type]| types.iter().copied().collect::<BTreeSet<_>>();
        assert_eq!(at("home.city"), Known::Typed(set(&[Type::String]), None));
        assert_eq!(at("home.street"), Known::Anything);
        assert_eq!(at("rating"), Known::Typed(set(&[Type::Null, Type::Number]), None));
        assert_eq!(at("tags"), Known::Typed(set(&[Type::Array]), Some(set(&[Type::String]))));
        assert_eq!(at("free"), Known::Anything);
        let there = BTreeSet::from(["free", "home", "rating", "tags"].map(str::to_owned));
        assert_eq!(at("ratting"), Known::Absent(there));
    }
}
