//! What people may do in their organization.

use embed_base::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A role, ordered from the least to the most powerful.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads everything.
    Member,
    /// Changes modules, domains and tokens, and makes sites.
    Admin,
    /// Manages people, and deletes sites.
    Owner,
}

impl Role {
    /// Its name in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    pub fn parse(word: &str) -> Result<Self> {
        let roles = [Self::Member, Self::Admin, Self::Owner];
        roles.into_iter().find(|role| role.as_str() == word).ok_or_else(|| {
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

/// The role that a handler requires at least, as a type in its signature.
pub trait AtLeast: Send + Sync + 'static {
    const ROLE: Role;
}

/// Requires [`Role::Member`].
#[derive(Clone, Copy, Debug)]
pub enum Member {}

/// Requires [`Role::Admin`].
#[derive(Clone, Copy, Debug)]
pub enum Admin {}

/// Requires [`Role::Owner`].
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
    fn an_owner_ranks_above_an_admin_and_an_admin_above_a_member() {
        assert!(Role::Owner > Role::Admin && Role::Admin > Role::Member);
    }

    #[test]
    fn an_unknown_role_is_refused_with_a_sentence() {
        assert_eq!(Role::parse("admin").unwrap(), Role::Admin);
        let error = Role::parse("Root\n").unwrap_err();
        assert_eq!(error.detail(), "`Root\\n` is not a role; expected owner, admin or member.");
    }
}
