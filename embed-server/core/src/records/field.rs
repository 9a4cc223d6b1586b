//! The part of a record that a filter or an order refers to.

use crate::modules::{FieldTypes, RecordSchema};
use std::fmt;

const MOST_NAMES: usize = 8;
const LONGEST_NAME: usize = 100;

/// A part of a record. Fields that the server adds hide those of the same name in the data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    Id,
    CreatedAt,
    UpdatedAt,
    Version,
    /// A path into the data, such as `address.city`: names without `"`, `\` and control characters.
    Data(Vec<String>),
}

impl Field {
    /// Parses a field as it is written in a query; the error says what is wrong with it.
    pub fn parse(text: &str, schema: &RecordSchema) -> Result<Self, String> {
        match text {
            "id" => return Ok(Self::Id),
            "createdAt" => return Ok(Self::CreatedAt),
            "updatedAt" => return Ok(Self::UpdatedAt),
            "version" => return Ok(Self::Version),
            _ => {}
        }
        let path: Vec<_> = text.split('.').map(str::to_owned).collect();
        if path.len() > MOST_NAMES || !path.iter().all(|name| is_name(name)) {
            let shown: String = text.chars().take(LONGEST_NAME).collect();
            return Err(format!(
                "`{}` is not a field; expected id, createdAt, updatedAt, version, or a path into the data such as address.city",
                shown.escape_debug()
            ));
        }
        if let FieldTypes::Absent(there) = schema.field_types(&path) {
            let there = if there.is_empty() { "none".to_owned() } else { Vec::from_iter(there).join(", ") };
            return Err(format!(
                "records have no field `{text}`; its schema has {there}, besides id, createdAt, updatedAt and version"
            ));
        }
        Ok(Self::Data(path))
    }
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.chars().count())
        && !text.contains(|character: char| character.is_control() || matches!(character, '"' | '\\'))
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id => f.write_str("id"),
            Self::CreatedAt => f.write_str("createdAt"),
            Self::UpdatedAt => f.write_str("updatedAt"),
            Self::Version => f.write_str("version"),
            Self::Data(path) => f.write_str(&path.join(".")),
        }
    }
}
