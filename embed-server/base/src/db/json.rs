//! Values inside JSON columns, which both engines compare and order alike.
//!
//! A value is three terms: its [`rank`](JsonTerms::rank) among the types, its number and its text, each zero or empty
//! where the type has none. No term is ever null, so a row-value comparison of the three is a total order. Numbers
//! are compared as IEEE 754 doubles, as in JavaScript, and texts by code point.

use super::statement::{Argument, Engine, Fragment, Statement};
use crate::fragment;
use std::fmt::Write;

/// The position of each type in the order; a missing value comes first.
pub mod rank {
    /// There is no value.
    pub const MISSING: i64 = 0;
    pub const NULL: i64 = 1;
    /// `false` (number 0) and `true` (number 1).
    pub const BOOLEAN: i64 = 2;
    pub const NUMBER: i64 = 3;
    pub const STRING: i64 = 4;
    pub const ARRAY: i64 = 5;
    pub const OBJECT: i64 = 6;
}

/// Three SQL expressions for one JSON value, none of which is ever null or fails.
#[derive(Clone, Debug)]
pub struct JsonTerms {
    /// An integer, one of [`rank`].
    pub rank: Fragment,
    /// A double.
    pub number: Fragment,
    /// A text, compared by code point.
    pub text: Fragment,
}

/// The elements of a JSON array as rows.
#[derive(Clone, Debug)]
pub struct JsonElements {
    /// The source for `FROM`; without rows where the value is not an array.
    pub rows: Fragment,
    /// The terms of each element.
    pub terms: JsonTerms,
}

impl Statement {
    /// The value at `path` in the JSON column `column`. The names in the path have no `"`, `\` or control characters,
    /// which SQLite's paths cannot express.
    pub fn json_field(&mut self, column: &'static str, path: &[String]) -> JsonTerms {
        match self.engine {
            Engine::Sqlite => {
                let path = self.sqlite_path(path);
                sqlite_terms(
                    &fragment!("json_type(", column, ", ", &path, ")"),
                    &fragment!("json_extract(", column, ", ", &path, ")"),
                )
            }
            Engine::Postgres => postgres_terms(&self.postgres_value(column, path)),
        }
    }

    /// The elements of the array at `path`.
    pub fn json_elements(&mut self, column: &'static str, path: &[String]) -> JsonElements {
        match self.engine {
            Engine::Sqlite => {
                let path = self.sqlite_path(path);
                JsonElements {
                    rows: fragment!(
                        "json_each(CASE json_type(",
                        column,
                        ", ",
                        &path,
                        ") WHEN 'array' THEN json_extract(",
                        column,
                        ", ",
                        &path,
                        ") ELSE '[]' END) AS element"
                    ),
                    terms: sqlite_terms(&"element.type".into(), &"element.value".into()),
                }
            }
            Engine::Postgres => {
                let value = self.postgres_value(column, path);
                JsonElements {
                    rows: fragment!(
                        "jsonb_array_elements(CASE jsonb_typeof(",
                        &value,
                        ") WHEN 'array' THEN ",
                        &value,
                        " ELSE '[]'::jsonb END) AS element (value)"
                    ),
                    terms: postgres_terms(&"element.value".into()),
                }
            }
        }
    }

    /// A JSON number, to compare with [`JsonTerms::number`]. The engine parses it like those in its columns, so that
    /// equal texts are equal numbers.
    pub fn number(&mut self, text: String) -> Fragment {
        let place = self.place(Argument::Text(text));
        match self.engine {
            Engine::Sqlite => fragment!("CAST(", place, " AS REAL)"),
            Engine::Postgres => fragment!("CAST(", place, " AS DOUBLE PRECISION)"),
        }
    }

    /// The condition that a text contains another.
    pub fn contains(&self, text: &Fragment, part: &Fragment) -> Fragment {
        match self.engine {
            Engine::Sqlite => fragment!("instr(", text, ", ", part, ") > 0"),
            Engine::Postgres => fragment!("strpos(", text, ", ", part, ") > 0"),
        }
    }

    fn sqlite_path(&mut self, path: &[String]) -> Fragment {
        let path = path.iter().fold("$".to_owned(), |mut text, name| {
            // Writing to a String cannot fail.
            let _ = write!(text, ".\"{name}\"");
            text
        });
        self.place(Argument::Text(path))
    }

    /// `->` with a text looks only into objects; the functions that take a whole path would look into arrays too.
    fn postgres_value(&mut self, column: &'static str, path: &[String]) -> Fragment {
        path.iter().fold(column.into(), |value, name| {
            let name = self.place(Argument::Text(name.clone()));
            fragment!("(", value, " -> ", name, ")")
        })
    }
}

fn sqlite_terms(kind: &Fragment, value: &Fragment) -> JsonTerms {
    JsonTerms {
        rank: fragment!(
            "(CASE ",
            kind,
            " WHEN 'null' THEN 1 WHEN 'false' THEN 2 WHEN 'true' THEN 2 WHEN 'integer' THEN 3 WHEN 'real' THEN 3
              WHEN 'text' THEN 4 WHEN 'array' THEN 5 WHEN 'object' THEN 6 ELSE 0 END)"
        ),
        number: fragment!(
            "(CASE ",
            kind,
            " WHEN 'true' THEN 1.0 WHEN 'integer' THEN CAST(",
            value,
            " AS REAL) WHEN 'real' THEN CAST(",
            value,
            " AS REAL) ELSE 0.0 END)"
        ),
        text: fragment!("(CASE ", kind, " WHEN 'text' THEN ", value, " ELSE '' END)"),
    }
}

/// Each cast is inside a `CASE`, because it would fail on a value of another type.
fn postgres_terms(value: &Fragment) -> JsonTerms {
    JsonTerms {
        rank: fragment!(
            "(CASE jsonb_typeof(",
            value,
            ") WHEN 'null' THEN 1 WHEN 'boolean' THEN 2 WHEN 'number' THEN 3 WHEN 'string' THEN 4
              WHEN 'array' THEN 5 WHEN 'object' THEN 6 ELSE 0 END)"
        ),
        number: fragment!(
            "(CASE jsonb_typeof(",
            value,
            ") WHEN 'boolean' THEN CASE WHEN (",
            value,
            ")::boolean THEN 1 ELSE 0 END WHEN 'number' THEN (",
            value,
            ")::double precision ELSE 0 END)"
        ),
        text: fragment!(
            "(CASE jsonb_typeof(",
            value,
            ") WHEN 'string' THEN ",
            value,
            " #>> '{}' ELSE '' END COLLATE \"C\")"
        ),
    }
}
