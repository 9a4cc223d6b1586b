//! The JSON Schema of a collection: what a record's data may be, and which types its fields have.
//!
//! Schemas come from publishers and cannot be turned against the server: they read nothing from the network, their
//! patterns are small and match in linear time, and their references neither form a cycle nor multiply. The work of
//! checking a record is counted before it is done.

mod compiled;
mod pattern;
mod types;
mod weight;
mod work;

pub(super) use compiled::{Compiler, bounds};

pub use types::{FieldTypes, Type};

use compiled::Compiled;
use embed_base::Result;
use embed_base::files::Digest;
#[cfg(test)]
use embed_base::work::Work;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// One value in a record's data that violates the schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct FieldError {
    /// A JSON pointer (RFC 6901) into the data; empty for the data as a whole.
    pub field: String,
    /// What was expected there.
    pub detail: String,
}

/// A checked schema. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RecordSchema {
    source: Arc<Value>,
    digest: Digest,
    compiler: Compiler,
}

impl RecordSchema {
    /// Checks a schema and returns its weight; the error says what is wrong with it and where.
    pub(super) fn check(source: &Map<String, Value>) -> Result<u64, String> {
        let source = Arc::new(Value::Object(source.clone()));
        Compiled::new(source).map(|compiled| compiled.weight())
    }

    /// Takes a schema that was checked when it was published.
    pub(super) fn new(source: &Map<String, Value>, compiler: &Compiler) -> Self {
        let source = Value::Object(source.clone());
        let digest = Digest::of(source.to_string().as_bytes());
        Self { source: Arc::new(source), digest, compiler: compiler.clone() }
    }

    /// A schema for tests of other capabilities.
    #[cfg(test)]
    pub(crate) fn of(source: Value) -> Self {
        source.as_object().map(|source| Self::new(source, &Compiler::new(&Work::default()))).unwrap()
    }

    /// The fields of a record's data that violate the schema, and the data. Errors are sorted; if there are too many, the
    /// last entry says so.
    pub async fn violations(&self, data: Value) -> Result<(Value, Vec<FieldError>)> {
        self.compiler.violations(&self.source, &self.digest, data).await
    }

    /// The types that the schema allows at a path into the data.
    pub fn field_types(&self, path: &[String]) -> FieldTypes {
        types::field_types(&self.source, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_base::Code;
    use serde_json::json;

    fn schema(source: Value) -> RecordSchema {
        let Value::Object(source) = source else { panic!("a schema is an object") };
        RecordSchema::check(&source).unwrap();
        RecordSchema::of(Value::Object(source))
    }

    async fn violations(schema: &RecordSchema, data: Value) -> Vec<FieldError> {
        schema.violations(data).await.unwrap().1
    }

    fn refusal(source: Value) -> String {
        let Value::Object(source) = source else { panic!("a schema is an object") };
        RecordSchema::check(&source).unwrap_err()
    }

    #[tokio::test]
    async fn every_field_that_violates_the_schema_is_named() {
        let schema = schema(json!({
            "type": "object", "required": ["rating"], "additionalProperties": false,
            "properties": {
                "rating": { "type": "integer", "maximum": 5 },
                "mail": { "type": "string", "format": "email" },
                "address": { "properties": { "a/b": { "type": "string" } } },
            },
        }));
        assert_eq!(violations(&schema, json!({ "rating": 5 })).await, []);
        let found = violations(&schema, json!({ "mail": "nobody", "x~y": 1, "address": { "a/b": 7 } })).await;
        let fields: Vec<_> = found.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["/address/a~1b", "/mail", "/rating", "/x~0y"]);
        assert!(found.iter().all(|error| !error.detail.contains("nobody")), "{found:?}");
    }

    #[tokio::test]
    async fn a_record_with_more_errors_than_are_listed_says_so() {
        let texts = schema(json!({ "additionalProperties": { "type": "string" } }));
        let wrong =
            |count: u32| -> Value { (0..count).map(|number| (format!("f{number:03}"), number)).collect() };
        let listed = violations(&texts, wrong(50)).await;
        assert_eq!((listed.len(), listed[49].field.as_str()), (50, "/f049"));
        for count in [51, 52, 400] {
            let listed = violations(&texts, wrong(count)).await;
            assert_eq!(listed.len(), 51, "{count}");
            assert_eq!((listed[50].field.as_str(), &listed[50].detail[..4]), ("", "Ther"), "{count}");
        }
        let closed = schema(json!({ "properties": { "a": {} }, "additionalProperties": false }));
        let listed = violations(&closed, wrong(60)).await;
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

    #[tokio::test]
    async fn a_check_that_would_take_too_long_is_refused_and_its_errors_are_not_made() {
        let branches =
            |count: usize| schema(json!({ "anyOf": vec![json!({ "items": { "type": "string" } }); count] }));
        let items = json!(vec![0; 125_000]);
        let found = violations(&branches(2_000), items.clone()).await;
        assert!(
            found[0].detail.starts_with("Checking the data against the schema would take too long"),
            "{found:?}"
        );
        let found = violations(&branches(10), items).await;
        assert!(found[0].detail.contains("too large to say where"), "{found:?}");
        assert_eq!(violations(&branches(10), json!(vec!["a"; 10_000])).await, []);
        assert_eq!(violations(&branches(10), json!(vec![0; 100])).await.len(), 1);
    }

    #[tokio::test]
    async fn a_stored_schema_beyond_the_bounds_says_what_to_do() {
        let stored = RecordSchema::of(json!({ "pattern": r"(\pL%d{100}){90}" }));
        let refused = stored.violations(json!({})).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidManifest);
        assert!(refused.detail().ends_with("Publish a version with another one."), "{refused}");
    }

    #[test]
    fn a_schema_that_is_nested_through_its_references_is_refused() {
        let nested = |levels: usize| (0..levels).fold(json!({}), |inner, _| json!({ "not": inner }));
        assert!(refusal(nested(101)).contains("nested more than 100 levels deep"));
        let step = |number: usize| {
            let target = format!("#/$defs/{}", number + 1);
            let inner = (0..20).fold(json!({ "$ref": target }), |inner, _| json!({ "not": inner }));
            (number.to_string(), inner)
        };
        let mut steps: Map<_, _> = (0..6).map(step).collect();
        steps.insert("6".to_owned(), json!({}));
        assert!(
            refusal(json!({ "$ref": "#/$defs/0", "$defs": steps }))
                .contains("nested more than 100 levels deep")
        );
    }
}
