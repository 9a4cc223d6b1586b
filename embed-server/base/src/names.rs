//! The names that people give to things, and texts of strangers where they are shown.
//!
//! A name is in Unicode's form NFC, so that names that look alike are alike, and has no character that is not seen: those
//! reorder, hide or delete what stands beside them.

use crate::error::{Error, Result};
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;
use std::borrow::Cow;
use std::fmt;

/// The most characters of a name.
const LENGTH: usize = 200;

/// The name without surrounding spaces; `subject` begins the error for an invalid one ("A site's name").
pub fn checked(subject: &str, name: &str) -> Result<String> {
    let name = normalized(name.trim());
    if name.is_empty() || name.chars().count() > LENGTH || name.contains(char::is_control) {
        return Err(Error::invalid(format!("{subject} must be 1 to {LENGTH} characters in one line.")));
    }
    if let Some(invisible) = invisible(&name) {
        return Err(Error::invalid(format!(
            "{subject} has the character {invisible}, which nobody sees; leave it out."
        )));
    }
    Ok(name)
}

/// The text in NFC.
pub fn normalized(text: &str) -> String {
    ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned()
}

/// The first character of a text that is not seen: a control or format character, one that separates lines, or one that
/// Unicode has not assigned.
pub fn invisible(text: &str) -> Option<Invisible> {
    text.chars().find(|&character| is_invisible(character)).map(Invisible)
}

/// A character that is not seen, shown by its number: `U+202E`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invisible(char);

impl fmt::Display for Invisible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U+{:04X}", u32::from(self.0))
    }
}

/// A text of strangers for a terminal, a page or a log: what is not seen is written out, as `\u{202e}`. Ends of lines and
/// tabs stay.
pub fn shown(text: &str) -> Cow<'_, str> {
    written_out(text, |character, shown| shown.extend(character.escape_unicode()))
}

/// As [`shown`], for the text of a JSON document: `\u202e`.
pub fn shown_in_json(json: &str) -> Cow<'_, str> {
    written_out(json, |character, shown| {
        let mut units = [0; 2];
        for unit in character.encode_utf16(&mut units) {
            *shown += &format!("\\u{unit:04x}");
        }
    })
}

fn written_out(text: &str, write: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let hides = |character: char| !matches!(character, '\n' | '\t') && is_invisible(character);
    if !text.contains(hides) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if hides(character) { write(character, &mut shown) } else { shown.push(character) }
    }
    Cow::Owned(shown)
}

fn is_invisible(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    matches!(
        CodePointMapData::<GeneralCategory>::new().get(character),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::Unassigned
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_composed_and_hide_nothing() {
        assert_eq!(checked("A name", " Cafe\u{301} ").unwrap(), "Caf\u{e9}");
        assert_eq!(checked("A name", "\u{0929} 日本 👋🏽").unwrap(), "\u{0929} 日本 👋🏽");
        for (name, sentence) in [
            ("a\u{202e}b", "A name has the character U+202E, which nobody sees; leave it out."),
            ("a\u{200b}b", "U+200B"),
            ("a\u{ad}b", "U+00AD"),
            ("a\u{2028}b", "U+2028"),
            ("a\u{378}b", "U+0378"),
            ("a\u{1b}[31mb", "in one line"),
            ("a\u{9b}31mb", "in one line"),
            ("", "1 to 200 characters"),
        ] {
            let refused = checked("A name", name).unwrap_err();
            assert!(refused.detail().contains(sentence), "{refused}");
        }
    }

    #[test]
    fn what_is_not_seen_is_written_out() {
        assert_eq!(shown("a\tb\nc"), "a\tb\nc");
        assert_eq!(shown("\u{1b}[31m\u{202e}é"), "\\u{1b}[31m\\u{202e}é");
        assert_eq!(shown_in_json("\"\u{9b}\u{e0001}\""), "\"\\u009b\\udb40\\udc01\"");
    }

    proptest! {
        #[test]
        fn a_shown_text_is_shown_as_it_is(text in any::<String>()) {
            let once = shown(&text).into_owned();
            prop_assert_eq!(shown(&once), &*once);
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(serde_json::from_str::<String>(&shown_in_json(&json)).unwrap(), text);
        }
    }
}
