//! The order of records, and positions in it.
//!
//! A field of the data may hold any value, so values are ordered by type first (missing, null, booleans, numbers,
//! strings, arrays, objects), then by number, or by the first 200 characters of a string. The id comes last, so that
//! no two records share a position.

use super::Record;
use super::field::Field;
use crate::modules::RecordSchema;
use chrono::{DateTime, Utc};
use embed_base::db::json::rank;
use embed_base::{Code, Error, Result};
use serde_json::Value;
use std::fmt;
use uuid::Uuid;

/// The number of a string's characters that count; a cursor holds them, and is part of URLs.
pub const CHARACTERS: usize = 200;

/// An order of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    pub field: Field,
    pub descending: bool,
}

/// The newest records first.
impl Default for Sort {
    fn default() -> Self {
        Self { field: Field::CreatedAt, descending: true }
    }
}

/// The position of a record in an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    pub key: SortKey,
    /// The record's id, which orders records with equal keys.
    pub id: Uuid,
}

/// The value that records are ordered by.
#[derive(Clone, Debug, PartialEq)]
pub enum SortKey {
    /// Records are ordered by id alone.
    Id,
    /// `createdAt` or `updatedAt`.
    Time(DateTime<Utc>),
    /// `version`.
    Version(i64),
    /// A value in the data.
    Value {
        /// The type's rank, one of [`rank`].
        rank: i64,
        /// A JSON number.
        number: String,
        /// At most [`CHARACTERS`] characters.
        text: String,
    },
}

impl Sort {
    /// Parses a field, with a `-` in front to reverse the order.
    pub fn parse(text: &str, schema: &RecordSchema) -> Result<Self> {
        let (field, descending) = text.strip_prefix('-').map_or((text, false), |field| (field, true));
        let field = Field::parse(field, schema).map_err(|reason| {
            let detail = format!("`sort` is invalid: {reason}. A `-` in front reverses the order.");
            Error::new(Code::InvalidSort, detail)
        })?;
        Ok(Self { field, descending })
    }

    pub fn position(&self, record: &Record) -> Position {
        let key = match &self.field {
            Field::Id => SortKey::Id,
            Field::CreatedAt => SortKey::Time(record.created_at),
            Field::UpdatedAt => SortKey::Time(record.updated_at),
            Field::Version => SortKey::Version(record.version),
            Field::Data(path) => {
                let first = path.first().and_then(|name| record.data.get(name));
                SortKey::of(
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

impl SortKey {
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

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.descending { "-" } else { "" }, self.field)
    }
}
