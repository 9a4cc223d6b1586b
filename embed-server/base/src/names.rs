//! The names that people give to things.

use crate::error::{Error, Result};

/// The most characters of a name.
const LENGTH: usize = 200;

/// The name without surrounding spaces; `subject` begins the error for an invalid one ("A site's name").
pub fn checked(subject: &str, name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LENGTH || name.contains(char::is_control) {
        return Err(Error::invalid(format!("{subject} must be 1 to {LENGTH} characters in one line.")));
    }
    Ok(name.to_owned())
}
