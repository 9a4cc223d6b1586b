//! The JSON Schema of a collection: what a record's data may be, and which types its fields have.
//!
//! Schemas come from publishers and cannot be turned against the server: they read nothing from the network, their
//! patterns match in linear time, and their references neither form a cycle nor multiply, so that checking a record
//! takes time in proportion to its size.

mod types;
mod weight;

pub use types::{FieldTypes, Type};

use embed_base::{Error, Result};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::OnceLock;

/// The most errors that are reported for one record.
const MOST_ERRORS: usize = 50;

/// One value in a record's data that violates the schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct FieldError {
    /// A JSON pointer (RFC 6901) into the data; empty for the data as a whole.
    pub field: String,
    /// What was expected there.
    pub detail: String,
}

/// A checked schema, compiled once when the first record is checked.
#[derive(Debug)]
pub struct RecordSchema {
    source: Value,
    validator: OnceLock<Result<Validator, String>>,
}

impl RecordSchema {
    /// Checks a schema; the error says what is wrong with it and where.
    pub(super) fn check(source: &Map<String, Value>) -> Result<(), String> {
        let source = Value::Object(source.clone());
        weight::check(&source)?;
        compile(&source).map(|_| ())
    }

    /// Takes a schema that was checked when it was published.
    pub(super) fn new(source: &Map<String, Value>) -> Self {
        Self { source: Value::Object(source.clone()), validator: OnceLock::new() }
    }

    /// A schema for tests of other capabilities.
    #[cfg(test)]
    pub(crate) fn of(source: Value) -> Self {
        source.as_object().map(Self::new).unwrap()
    }

    /// The fields of a record's data that violate the schema, sorted; if there are too many, the last entry says so.
    pub fn violations(&self, data: &Value) -> Result<Vec<FieldError>> {
        let validator = self.validator.get_or_init(|| compile(&self.source));
        let validator = validator.as_ref().map_err(|error| Error::internal(error.as_str()))?;
        let mut errors = validator.iter_errors(data);
        let mut found: Vec<_> =
            errors.by_ref().take(MOST_ERRORS + 1).flat_map(|error| described(&error)).collect();
        found.sort();
        found.dedup();
        if found.len() > MOST_ERRORS || errors.next().is_some() {
            found.truncate(MOST_ERRORS);
            let detail = "There are more errors than these; fix these first.".to_owned();
            found.push(FieldError { field: String::new(), detail });
        }
        Ok(found)
    }

    /// The types that the schema allows at a path into the data.
    pub fn field_types(&self, path: &[String]) -> FieldTypes {
        types::field_types(&self.source, path)
    }
}

fn compile(source: &Value) -> Result<Validator, String> {
    jsonschema::options()
        .offline()
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex())
        .build(source)
        .map_err(|error| {
            let place = error.instance_path().to_string();
            if place.is_empty() { error.to_string() } else { format!("at {place}: {error}") }
        })
}

/// The error, once for each field that it is about. It does not repeat the values, which may be long.
fn described(error: &ValidationError<'_>) -> Vec<FieldError> {
    let place = error.instance_path().to_string();
    let below = |name: &str| format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
    let at = |field: String, detail: &str| FieldError { field, detail: detail.to_owned() };
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            vec![at(below(property.as_str().unwrap_or_default()), "This field is required.")]
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let unknown = |name: &String| at(below(name), "The schema does not allow this field.");
            unexpected.iter().map(unknown).collect()
        }
        _ => vec![FieldError { field: place, detail: format!("{}.", error.masked_with("The value")) }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema(source: Value) -> RecordSchema {
        let Value::Object(source) = source else { panic!("a schema is an object") };
        RecordSchema::check(&source).unwrap();
        RecordSchema::new(&source)
    }

    fn refusal(source: Value) -> String {
        let Value::Object(source) = source else { panic!("a schema is an object") };
        RecordSchema::check(&source).unwrap_err()
    }

    #[test]
    fn every_field_that_violates_the_schema_is_named() {
        let schema = schema(json!({
            "type": "object", "required": ["rating"], "additionalProperties": false,
            "properties": {
                "rating": { "type": "integer", "maximum": 5 },
                "mail": { "type": "string", "format": "email" },
                "address": { "properties": { "a/b": { "type": "string" } } },
            },
        }));
        assert_eq!(schema.violations(&json!({ "rating": 5 })).unwrap(), []);
        let found =
            schema.violations(&json!({ "mail": "nobody", "x~y": 1, "address": { "a/b": 7 } })).unwrap();
        let fields: Vec<_> = found.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["/address/a~1b", "/mail", "/rating", "/x~0y"]);
        assert!(found.iter().all(|error| !error.detail.contains("nobody")), "{found:?}");
    }

    #[test]
    fn a_record_with_more_errors_than_are_listed_says_so() {
        let texts = schema(json!({ "additionalProperties": { "type": "string" } }));
        let wrong =
            |count: u32| -> Value { (0..count).map(|number| (format!("f{number:03}"), number)).collect() };
        let listed = texts.violations(&wrong(50)).unwrap();
        assert_eq!((listed.len(), listed[49].field.as_str()), (50, "/f049"));
        for count in [51, 52, 400] {
            let listed = texts.violations(&wrong(count)).unwrap();
            assert_eq!(listed.len(), 51, "{count}");
            assert_eq!((listed[50].field.as_str(), &listed[50].detail[..4]), ("", "Ther"), "{count}");
        }
        let closed = schema(json!({ "properties": { "a": {} }, "additionalProperties": false }));
        let listed = closed.violations(&wrong(60)).unwrap();
        assert_eq!((listed.len(), &listed[50].detail[..4]), (51, "Ther"));
    }

    #[test]
    fn an_invalid_schema_is_refused_with_the_place_of_the_error() {
        let refused = refusal(json!({ "properties": { "a": { "type": "strin" } } }));
        assert!(refused.starts_with("at /properties/a/type: "), "{refused}");
        let refused = refusal(json!({ "properties": { "a": { "pattern": "(a" } } }));
        assert!(refused.contains("/properties/a/pattern"), "{refused}");
    }

    #[test]
    fn a_pattern_that_needs_backtracking_is_refused() {
        assert!(refusal(json!({ "properties": { "a": { "pattern": "(?=x)y" } } })).contains("pattern"));
    }
}
