//! The names that people give to things.

use crate::error::{Error, Result};

/// The most characters that a name has.
const LENGTH: usize = 200;

/// The name without spaces around it; `whose` begins the sentence that refuses another ("A site's name").
pub fn checked(whose: &str, name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LENGTH || name.contains(char::is_control) {
        return Err(Error::invalid(format!("{whose} has 1 to {LENGTH} characters in one line.")));
    }
    Ok(name.to_owned())
}
