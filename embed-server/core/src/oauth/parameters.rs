//! The parameters of requests below `/oauth` (RFC 6749, sections 3.1 and 3.2): none may be repeated, those that nobody knows
//! are ignored, and one without a value counts as left out.

use embed_base::{Error, Result};

/// The longest query or form in bytes.
pub(super) const LONGEST: usize = 16 * 1024;

/// Parsed parameters.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Parses a query or form; 400 for one that is too long or not UTF-8.
    pub fn parse(text: &[u8]) -> Result<Self> {
        if text.len() > LONGEST {
            return Err(Error::invalid("The parameters are longer than 16 KiB."));
        }
        let pairs = url::form_urlencoded::parse(text).into_owned();
        let pairs: Vec<_> = pairs.filter(|(_, value)| !value.is_empty()).collect();
        // The parser puts U+FFFD where bytes are no UTF-8.
        if pairs.iter().any(|(name, value)| name.contains('\u{fffd}') || value.contains('\u{fffd}')) {
            return Err(Error::invalid("A parameter is not UTF-8."));
        }
        if pairs.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
            return Err(Error::invalid("A parameter has the character U+0000."));
        }
        Ok(Self(pairs))
    }

    /// A parameter; 400 where it is repeated.
    pub fn one(&self, name: &str) -> Result<Option<&str>> {
        let mut values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let value = values.next();
        match values.next() {
            None => Ok(value),
            Some(_) => Err(Error::invalid(format!("`{name}` is given more than once."))),
        }
    }

    /// A parameter; 400 where it is left out or repeated.
    pub fn required(&self, name: &str) -> Result<&str> {
        self.one(name)?.ok_or_else(|| Error::invalid(format!("`{name}` is missing.")))
    }

    /// Every value of a parameter that may be repeated.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_is_refused_and_an_empty_one_is_left_out() {
        let parsed = Parameters::parse(b"a=1&b=&c=x+y%26&a=2").unwrap();
        assert!(parsed.one("a").unwrap_err().detail().contains("more than once"));
        assert_eq!(parsed.one("b").unwrap(), None);
        assert_eq!(parsed.required("c").unwrap(), "x y&");
        assert!(parsed.required("d").is_err());
    }

    #[test]
    fn what_is_no_utf_8_or_too_long_is_refused() {
        assert!(Parameters::parse(b"a=%ff").is_err());
        assert!(Parameters::parse(b"a=%00").is_err());
        assert!(Parameters::parse(&[b'a'; LONGEST + 1]).is_err());
    }
}
