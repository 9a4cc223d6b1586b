//! Prints a command's result: as JSON for programs, as text for people.

use embed_base::{Error, Result};
use serde::Serialize;
use std::fmt::{self, Display, Formatter};

/// The text form of a result. A trait of its own, because results are often types of other crates.
pub(crate) trait Readable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result;

    /// For use in a format string.
    fn text(&self) -> impl Display {
        fmt::from_fn(|f| self.fmt(f))
    }
}

/// The output format.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    pub json: bool,
}

impl Output {
    pub fn print(self, result: &(impl Serialize + Readable)) -> Result<()> {
        if self.json {
            println!("{}", serde_json::to_string(result).map_err(Error::internal)?);
        } else {
            println!("{}", result.text());
        }
        Ok(())
    }
}

/// Several results: `{"data": […], "nextCursor": null}` like the API's lists, or a line for each.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
    /// The text for an empty list.
    #[serde(skip)]
    none: &'static str,
}

impl<T> List<T> {
    /// Commands list everything, so there is no next page.
    pub fn new(data: Vec<T>, none: &'static str) -> Self {
        Self { data, next_cursor: None, none }
    }
}

impl<T: Readable> Readable for List<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (line, item) in self.data.iter().enumerate() {
            let end = if line == 0 { "" } else { "\n" };
            write!(f, "{end}{}", item.text())?;
        }
        if self.data.is_empty() { f.write_str(self.none) } else { Ok(()) }
    }
}
