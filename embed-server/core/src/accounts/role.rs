//! What people may do in their organization.

use embed_base::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A role, from the one that may least to the one that may most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks at everything.
    Member,
    /// Changes modules, domains and tokens, and makes sites.
    Admin,
    /// Manages people, and deletes sites.
    Owner,
}

impl Role {
    /// The word for it in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Result<Self> {
        let known = [Self::Member, Self::Admin, Self::Owner];
        known.into_iter().find(|role| role.as_str() == word).ok_or_else(|| {
            Error::invalid(format!(
                "`{}` is not a role; expected owner, admin or member.",
                word.escape_debug()
            ))
        })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for Role {
    type Error = Error;

    fn try_from(word: String) -> Result<Self> {
        Self::parse(&word)
    }
}

/// The least role that a handler asks for, as a type in its signature.
pub trait AtLeast: Send + Sync + 'static {
    /// The role.
    const ROLE: Role;
}

/// Asks for [`Role::Member`].
#[derive(Clone, Copy, Debug)]
pub enum Member {}

/// Asks for [`Role::Admin`].
#[derive(Clone, Copy, Debug)]
pub enum Admin {}

/// Asks for [`Role::Owner`].
#[derive(Clone, Copy, Debug)]
pub enum Owner {}

impl AtLeast for Member {
    const ROLE: Role = Role::Member;
}

impl AtLeast for Admin {
    const ROLE: Role = Role::Admin;
}

impl AtLeast for Owner {
    const ROLE: Role = Role::Owner;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_may_more_than_an_admin_and_he_more_than_a_member() {
        assert!(Role::Owner > Role::Admin && Role::Admin > Role::Member);
    }

    #[test]
    fn a_word_that_is_no_role_is_a_sentence() {
        assert_eq!(Role::parse("admin").unwrap(), Role::Admin);
        let error = Role::parse("Root\n").unwrap_err();
        assert_eq!(error.detail(), "`Root\\n` is not a role; expected owner, admin or member.");
    }
}
