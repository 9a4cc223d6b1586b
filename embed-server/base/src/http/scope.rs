//! What a token may do: read, write or delete a module's records, in every collection or in one, and learn whose it is.
//!
//! Sets of scopes are compared by what they cover: `read` covers `read:entries`, and between verbs none implies another.
//! Whoever grants, narrows or checks scopes uses [`ScopeSet`] and compares no texts.

use crate::error::{Error, Result};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// The most scopes in a set.
pub const MAX_SCOPES: usize = 50;
/// The longest name of a collection (`module.json`).
const MAX_COLLECTION: usize = 64;

/// An operation on records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Read and list.
    Read,
    /// Create and change.
    Write,
    /// Delete.
    Delete,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Delete];

    /// The word for it in scopes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
        }
    }
}

/// One scope, such as `read`, `write:entries` or `profile`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// An operation on the records of every collection.
    Records(Verb),
    /// An operation on the records of the collection of this name.
    Collection(Verb, String),
    /// The name and address of the person that the token acts for.
    Profile,
}

impl Scope {
    /// Parses a scope; 400 for a text that is none.
    pub fn parse(text: &str) -> Result<Self> {
        let (verb, collection) = text.split_once(':').map_or((text, None), |(verb, name)| (verb, Some(name)));
        let verb = Verb::ALL.into_iter().find(|known| known.as_str() == verb);
        match (verb, collection) {
            (Some(verb), None) => Ok(Self::Records(verb)),
            (Some(verb), Some(name)) if is_collection(name) => Ok(Self::Collection(verb, name.to_owned())),
            _ if text == "profile" => Ok(Self::Profile),
            _ => {
                let shown: String = text.chars().take(80).collect();
                Err(Error::invalid(format!(
                    "`{}` is not a scope; expected read, write or delete, for one collection as in read:entries, or profile.",
                    shown.escape_debug()
                )))
            }
        }
    }

    /// Whether whoever has this scope may do everything that `other` allows.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Records(mine), Self::Collection(theirs, _)) => mine == theirs,
            _ => self == other,
        }
    }

    /// What it does with records; `None` for a scope of something else.
    pub fn verb(&self) -> Option<Verb> {
        match self {
            Self::Records(verb) | Self::Collection(verb, _) => Some(*verb),
            Self::Profile => None,
        }
    }

    /// The collection that it is limited to.
    pub fn collection(&self) -> Option<&str> {
        match self {
            Self::Collection(_, name) => Some(name),
            Self::Records(_) | Self::Profile => None,
        }
    }
}

fn is_collection(name: &str) -> bool {
    name.len() <= MAX_COLLECTION
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(verb) => f.write_str(verb.as_str()),
            Self::Collection(verb, name) => write!(f, "{}:{name}", verb.as_str()),
            Self::Profile => f.write_str("profile"),
        }
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| D::Error::custom(error.detail().trim_end_matches('.')))
    }
}

impl JsonSchema for Scope {
    fn schema_name() -> Cow<'static, str> {
        "Scope".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What a token may do: `read`, `write` or `delete` in every collection, the same in one, such as `read:entries`, or `profile`.",
            "type": "string",
            "pattern": "^((read|write|delete)(:[a-z][a-z0-9_-]{0,63})?|profile)$"
        })
    }
}

/// What a token or an app may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ScopeSet(BTreeSet<Scope>);

impl ScopeSet {
    /// Every operation on every collection.
    pub fn all_records() -> Self {
        Verb::ALL.into_iter().map(Scope::Records).collect()
    }

    /// Parses scopes between spaces (RFC 6749, section 3.3); 400 for one that is none, and for more than
    /// [`MAX_SCOPES`].
    pub fn parse(text: &str) -> Result<Self> {
        let scopes = text.split(' ').filter(|scope| !scope.is_empty());
        let set: Self = scopes.take(MAX_SCOPES + 1).map(Scope::parse).collect::<Result<_>>()?;
        if set.0.len() > MAX_SCOPES {
            return Err(Error::invalid(format!("There are more than {MAX_SCOPES} scopes.")));
        }
        Ok(set)
    }

    /// Whether it allows this operation on the records of a collection.
    pub fn allows(&self, verb: Verb, collection: &str) -> bool {
        self.0.contains(&Scope::Records(verb))
            || self.0.iter().any(|scope| {
                matches!(scope, Scope::Collection(known, name) if *known == verb && name == collection)
            })
    }

    /// Whether it covers a scope.
    pub fn covers(&self, scope: &Scope) -> bool {
        self.0.iter().any(|mine| mine.covers(scope))
    }

    /// Whether it covers every scope of another set.
    pub fn covers_all(&self, other: &Self) -> bool {
        other.0.iter().all(|scope| self.covers(scope))
    }

    /// What both sets cover.
    pub fn shared_with(&self, other: &Self) -> Self {
        let mine = self.0.iter().filter(|scope| other.covers(scope));
        let theirs = other.0.iter().filter(|scope| self.covers(scope));
        mine.chain(theirs).cloned().collect()
    }

    /// What this set has beyond what the other covers.
    pub fn beyond(&self, other: &Self) -> Self {
        self.0.iter().filter(|scope| !other.covers(scope)).cloned().collect()
    }

    /// What either set covers.
    pub fn united_with(&self, other: &Self) -> Self {
        self.0.iter().chain(&other.0).cloned().collect()
    }

    /// The scopes in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// How many scopes it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it allows nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

/// The scopes between spaces, as OAuth writes them.
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.0.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{scope}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(text: &str) -> ScopeSet {
        ScopeSet::parse(text).unwrap()
    }

    #[test]
    fn a_verb_covers_its_collections_and_no_other_verb() {
        let read = set("read");
        assert!(read.covers_all(&set("read:entries read:notes")));
        assert!(!read.covers_all(&set("write:entries")));
        assert!(!set("write").covers_all(&set("read")));
        assert!(!set("read:entries").covers_all(&read));
        assert!(!set("read write delete").covers_all(&set("profile")));
    }

    #[test]
    fn a_scope_of_one_collection_allows_nothing_elsewhere() {
        let scopes = set("read write:entries");
        assert!(scopes.allows(Verb::Read, "notes"));
        assert!(scopes.allows(Verb::Write, "entries"));
        assert!(!scopes.allows(Verb::Write, "notes"));
        assert!(!scopes.allows(Verb::Delete, "entries"));
    }

    #[test]
    fn sets_are_shared_by_what_they_cover() {
        assert_eq!(set("read write").shared_with(&set("read:entries delete")), set("read:entries"));
        assert_eq!(set("read:entries read:notes").shared_with(&set("read")), set("read:entries read:notes"));
        assert_eq!(set("read profile write:a").beyond(&set("read:x write")), set("read profile"));
    }

    #[test]
    fn what_is_no_scope_is_refused_with_a_sentence() {
        for text in ["", "READ", "read:", "read:Entries", "read:a b", "admin", "profile:x", "read:entries:x"]
        {
            let error = Scope::parse(text).unwrap_err();
            assert!(error.detail().contains("is not a scope; expected read"), "{}", error.detail());
        }
        let many: Vec<_> = (0..=MAX_SCOPES).map(|number| format!("read:c{number}")).collect();
        assert!(ScopeSet::parse(&many.join(" ")).is_err());
    }

    proptest! {
        #[test]
        fn a_set_is_read_back_as_it_is_written(
            text in "((read|write|delete)(:[a-z][a-z0-9_-]{0,5})?|profile)( ((read|write|delete)(:[a-z]{1,4})?)){0,5}"
        ) {
            let scopes = set(&text);
            prop_assert_eq!(&set(&scopes.to_string()), &scopes);
            let json = serde_json::to_string(&scopes).unwrap();
            prop_assert_eq!(serde_json::from_str::<ScopeSet>(&json).unwrap(), scopes);
        }

        #[test]
        fn what_is_shared_is_covered_by_both(
            one in "(read|write)(:[ab])?( (read|write|delete)(:[ab])?){0,4}",
            other in "(read|write)(:[ab])?( (read|write|delete)(:[ab])?){0,4}"
        ) {
            let (one, other) = (set(&one), set(&other));
            let shared = one.shared_with(&other);
            prop_assert!(one.covers_all(&shared) && other.covers_all(&shared));
            for verb in Verb::ALL {
                for collection in ["a", "b", "c"] {
                    prop_assert_eq!(
                        shared.allows(verb, collection),
                        one.allows(verb, collection) && other.allows(verb, collection)
                    );
                }
            }
        }
    }
}
