//! The operands of comparisons. A value has a type, and is only equal to, less or greater than values of that type.

use super::field::Field;
use crate::modules::{FieldTypes, RecordSchema, Type};
use chrono::{DateTime, Utc};
use embed_base::db;
use serde_json::{Number, Value};
use std::collections::BTreeSet;
use uuid::Uuid;

/// A value to compare with.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// `null`, which does not equal a missing field.
    Null,
    Bool(bool),
    /// A number, compared as a double.
    Number(Number),
    /// A string, without U+0000.
    Text(String),
    /// A version.
    Integer(i64),
    Id(Uuid),
    Time(DateTime<Utc>),
}

/// The operands that a field accepts.
pub(super) enum Expected {
    Id,
    Time,
    Version,
    /// JSON of one of these types.
    Types(BTreeSet<Type>),
    /// Any JSON except arrays and objects.
    AnyScalar,
}

impl Expected {
    /// The operands that `field` accepts, or for `contains` its elements.
    pub(super) fn of(field: &Field, schema: &RecordSchema, contains: bool) -> Self {
        let path = match field {
            Field::Id => return Self::Id,
            Field::CreatedAt | Field::UpdatedAt => return Self::Time,
            Field::Version => return Self::Version,
            Field::Data(path) => path,
        };
        let FieldTypes::Typed(mut types, items) = schema.field_types(path) else { return Self::AnyScalar };
        if contains && types.remove(&Type::Array) {
            match items {
                Some(items) => types.extend(items),
                None => return Self::AnyScalar,
            }
        }
        types.remove(&Type::Array);
        types.remove(&Type::Object);
        Self::Types(types)
    }

    /// Parses a value from a query: by the type in the schema, or else as JSON if it is a number, `true`, `false` or
    /// `null`, and as a string if not.
    pub(super) fn text(&self, text: &str) -> Result<Operand, String> {
        match self {
            Self::Id | Self::Time | Self::Version => self.json(&scalar(text).unwrap_or_else(|| text.into())),
            Self::Types(types) => match scalar(text) {
                Some(value) if allowed(types, &value) => self.json(&value),
                _ if types.contains(&Type::String) => self.json(&text.into()),
                Some(value) => self.json(&value),
                None => self.json(&text.into()),
            },
            Self::AnyScalar => self.json(&scalar(text).unwrap_or_else(|| text.into())),
        }
    }

    /// Parses a value from JSON.
    pub(super) fn json(&self, value: &Value) -> Result<Operand, String> {
        let read = match (self, value) {
            (Self::Id, Value::String(text)) => Uuid::try_parse(text).ok().map(Operand::Id),
            (Self::Time, Value::String(text)) => time(text).map(Operand::Time),
            (Self::Version, Value::Number(number)) => number.as_i64().map(Operand::Integer),
            (Self::Types(types), value) if !allowed(types, value) => None,
            (Self::Types(_) | Self::AnyScalar, value) => match value {
                Value::Null => Some(Operand::Null),
                Value::Bool(value) => Some(Operand::Bool(*value)),
                Value::Number(number) => Some(Operand::Number(number.clone())),
                Value::String(text) if !text.contains('\0') => Some(Operand::Text(text.clone())),
                _ => None,
            },
            _ => None,
        };
        read.ok_or_else(|| format!("expected {}", self.description()))
    }

    fn description(&self) -> String {
        match self {
            Self::Id => "a record's id".to_owned(),
            Self::Time => "a time such as 2026-01-31T12:00:00Z".to_owned(),
            Self::Version => "a whole number".to_owned(),
            Self::AnyScalar => "a string, a number, true, false or null".to_owned(),
            Self::Types(types) => {
                let words: Vec<_> = types.iter().map(|&kind| word(kind)).collect();
                if words.is_empty() {
                    "nothing: its values cannot be compared".to_owned()
                } else {
                    words.join(" or ")
                }
            }
        }
    }
}

impl Operand {
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Number(number) => number.clone().into(),
            Self::Text(text) => text.as_str().into(),
            Self::Integer(integer) => (*integer).into(),
            Self::Id(id) => id.to_string().into(),
            Self::Time(time) => time.to_rfc3339().into(),
        }
    }
}

/// A time that both engines can store: of a year with four digits, in whole microseconds.
pub(super) fn time(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    let time = DateTime::from_timestamp_micros(time.timestamp_micros())?;
    db::holds(time).then_some(time)
}

/// Parses text that is a number, `true`, `false` or `null` in JSON.
fn scalar(text: &str) -> Option<Value> {
    let looks_like_json = text
        .starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 't', 'f', 'n'])
        && !text.ends_with(char::is_whitespace);
    looks_like_json.then(|| serde_json::from_str(text).ok()).flatten()
}

fn allowed(types: &BTreeSet<Type>, value: &Value) -> bool {
    types.contains(&match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Boolean,
        Value::Number(_) => Type::Number,
        Value::String(_) => Type::String,
        Value::Array(_) => Type::Array,
        Value::Object(_) => Type::Object,
    })
}

fn word(kind: Type) -> &'static str {
    match kind {
        Type::Null => "null",
        Type::Boolean => "true or false",
        Type::Number => "a number",
        Type::String => "a string",
        Type::Array => "an array",
        Type::Object => "an object",
    }
}
