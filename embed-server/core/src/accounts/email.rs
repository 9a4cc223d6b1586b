//! Email addresses, which identify people.

use embed_base::{Error, Result};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// The longest address that a mail server takes (RFC 5321, section 4.5.3.1.3), and its part before the `@` (4.5.3.1.1).
const LONGEST: usize = 254;
const LONGEST_LOCAL: usize = 64;

/// An email address in lower case, so that two spellings are one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, sqlx::Type)]
#[sqlx(transparent)]
pub struct Email(String);

impl Email {
    /// Parses an address as a person types it. This refuses what no mail can be sent to, and rare forms (quotes,
    /// comments, addresses of hosts); only sending a mail shows whether the address exists.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim().to_lowercase();
        if text.len() <= LONGEST && is_address(&text) {
            return Ok(Self(text));
        }
        let shown =
            if text.chars().count() <= 64 { format!("`{}`", text.escape_debug()) } else { "This".to_owned() };
        Err(Error::invalid(format!("{shown} is not an email address; expected one such as ada@example.com.")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`: the default name of a person.
    pub fn local_part(&self) -> &str {
        self.0.split('@').next().unwrap_or_default()
    }
}

fn is_address(text: &str) -> bool {
    let Some((local, host)) = text.split_once('@') else { return false };
    let odd = |character: char| {
        character.is_control() || character.is_whitespace() || "\"'()<>[]\\,;:@".contains(character)
    };
    let dotted = |text: &str| text.split('.').all(|part| !part.is_empty());
    let label = |label: &str| {
        label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|character| character.is_alphanumeric() || character == '-')
    };
    (1..=LONGEST_LOCAL).contains(&local.len())
        && dotted(local)
        && !local.contains(odd)
        && host.contains('.')
        && dotted(host)
        && host.split('.').all(label)
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_compared_in_lower_case() {
        let address = Email::parse(" Ada.Lovelace+embed@Example.COM ").unwrap();
        assert_eq!(address.as_str(), "ada.lovelace+embed@example.com");
        assert_eq!(address.local_part(), "ada.lovelace+embed");
        assert_eq!(Email::parse("jörg@müller.example").unwrap().as_str(), "jörg@müller.example");
    }

    #[test]
    fn undeliverable_addresses_are_refused() {
        for text in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.com",
            "ada@localhost",
            "ada@example..com",
            "ada@.com",
            "ada@-example.com",
            "a@b@example.com",
            ".ada@example.com",
            "ada lovelace@example.com",
            "ada\n@example.com",
            "Ada <ada@example.com>",
            "ada@[192.0.2.1]",
            "ada@example.com,eve@example.com",
        ] {
            let error = Email::parse(text).unwrap_err();
            assert!(error.detail().ends_with("expected one such as ada@example.com."), "{text:?}: {error}");
        }
        assert!(Email::parse(&format!("{}@example.com", "x".repeat(65))).is_err());
        assert!(Email::parse(&format!("ada@{}.com", "x.".repeat(130))).is_err());
    }

    proptest! {
        #[test]
        fn an_accepted_address_is_one_line_with_one_at_sign(text in ".{0,10}@.{0,10}") {
            if let Ok(address) = Email::parse(&text) {
                prop_assert_eq!(address.as_str().matches('@').count(), 1);
                prop_assert!(!address.as_str().contains(char::is_control));
            }
        }
    }
}
