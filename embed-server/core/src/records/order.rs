//! In which order records come, and a place in it.
//!
//! A field of the data may hold anything, so values are ordered by type first (missing, null, booleans, numbers, strings,
//! arrays, objects), then by number, or by the first 200 characters of a string. The id comes last, so that no two
//! records share a place.

use super::Record;
use super::field::Field;
use crate::modules::RecordSchema;
use chrono::{DateTime, Utc};
use embed_base::db::json::rank;
use embed_base::{Code, Error, Result};
use serde_json::Value;
use std::fmt;
use uuid::Uuid;

/// Characters of a string that count; a cursor holds them, and stands in a URL.
pub const CHARACTERS: usize = 200;

/// An order of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub field: Field,
    /// From the greatest to the least.
    pub descending: bool,
}

/// The newest first.
impl Default for Sort {
    fn default() -> Self {
        Self { field: Field::CreatedAt, descending: true }
    }
}

/// Where a record stands in an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// Where its field stands.
    pub key: Key,
    /// Its id, which decides between equals.
    pub id: Uuid,
}

/// Where the value of a field stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// The order is that of ids.
    Id,
    /// `createdAt` or `updatedAt`.
    Time(DateTime<Utc>),
    /// `version`.
    Version(i64),
    /// A value in the data.
    Value {
        /// One of [`rank`].
        rank: i64,
        /// A number of JSON.
        number: String,
        /// At most [`CHARACTERS`].
        text: String,
    },
}

impl Sort {
    /// Reads a field, with a `-` before it to turn the order round.
    pub fn parse(text: &str, schema: &RecordSchema) -> Result<Self> {
        let (field, descending) = text.strip_prefix('-').map_or((text, false), |field| (field, true));
        let field = Field::parse(field, schema).map_err(|reason| {
            let detail =
                format!("`sort` cannot be understood: {reason}. A `-` before it turns the order round.");
            Error::new(Code::InvalidSort, detail)
        })?;
        Ok(Self { field, descending })
    }

    /// Where a record stands.
    pub fn position(&self, record: &Record) -> Position {
        let key = match &self.field {
            Field::Id => Key::Id,
            Field::CreatedAt => Key::Time(record.created_at),
            Field::UpdatedAt => Key::Time(record.updated_at),
            Field::Version => Key::Version(record.version),
            Field::Data(path) => {
                let first = path.first().and_then(|name| record.data.get(name));
                Key::of(
                    path.iter()
                        .skip(1)
                        .try_fold(first, |value, name| value.map(|value| value.get(name)))
                        .flatten(),
                )
            }
        };
        Position { key, id: record.id }
    }
}

impl Key {
    fn of(value: Option<&Value>) -> Self {
        let zero = || "0".to_owned();
        let (rank, number, text) = match value {
            None => (rank::MISSING, zero(), String::new()),
            Some(Value::Null) => (rank::NULL, zero(), String::new()),
            Some(Value::Bool(value)) => (rank::BOOLEAN, i64::from(*value).to_string(), String::new()),
            Some(Value::Number(number)) => (rank::NUMBER, number.to_string(), String::new()),
            Some(Value::String(text)) => (rank::STRING, zero(), text.chars().take(CHARACTERS).collect()),
            Some(Value::Array(_)) => (rank::ARRAY, zero(), String::new()),
            Some(Value::Object(_)) => (rank::OBJECT, zero(), String::new()),
        };
        Self::Value { rank, number, text }
    }
}

/// As it is written in a query.
impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.descending { "-" } else { "" }, self.field)
    }
}
