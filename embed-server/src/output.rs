//! Prints a command's result: as JSON for programs, as text for people.

use embed_base::names;
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
        println!("{}", self.text(result)?);
        Ok(())
    }

    /// The result as it is printed: what is not seen is written out, since a terminal would obey it.
    fn text(self, result: &(impl Serialize + Readable)) -> Result<String> {
        Ok(if self.json {
            names::shown_in_json(&serde_json::to_string(result).map_err(Error::internal)?).into_owned()
        } else {
            names::shown(&result.text().to_string()).into_owned()
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Named(&'static str);

    impl Readable for Named {
        fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    #[test]
    fn no_name_is_a_command_to_the_terminal() {
        let named = Named("a\u{1b}[2Jb\u{9b}31m\u{202e}c");
        let text = Output { json: false }.text(&named).unwrap();
        assert_eq!(text, r"a\u{1b}[2Jb\u{9b}31m\u{202e}c");
        let json = Output { json: true }.text(&named).unwrap();
        assert_eq!(json, r#""a\u001b[2Jb\u009b31m\u202ec""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), named.0);
    }
}
