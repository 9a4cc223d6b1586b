//! The callers of a module's API, and what they may do there.
//!
//! The gateway ([`super::behind_gateway`]) authenticates the caller once, before any handler runs, and adds a [`Call`] to the
//! request. Handlers see the caller's [`Grant`] and not its kind, so a further kind of caller changes no handler.

use super::ScopeSet;
use crate::error::{Code, Error};
use uuid::Uuid;

/// How a caller is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// Not at all: the request has no credentials.
    Nobody,
    /// By an embed token: the visitor of a page that embeds the module.
    Visitor,
    /// By an API token.
    Token,
    /// By a personal token.
    Operator,
    /// By an OAuth access token: an app, for a person or for itself.
    OAuth,
}

impl CallerKind {
    /// The word for it in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Visitor => "visitor",
            Self::Token => "token",
            Self::Operator => "operator",
            Self::OAuth => "oauth",
        }
    }
}

/// What a caller may do with a module's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Nothing, without credentials.
    Nothing,
    /// What each collection of the manifest grants visitors.
    Visitors,
    /// What the scopes say.
    Scopes(ScopeSet),
}

/// An authenticated caller, or nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// How the caller is authenticated.
    pub kind: CallerKind,
    /// The id of the embed token, API token, person or grant; nil for nobody.
    pub id: Uuid,
    /// What the caller may do.
    pub grant: Grant,
}

impl Caller {
    /// The caller of a request without credentials.
    pub const NOBODY: Self = Self { kind: CallerKind::Nobody, id: Uuid::nil(), grant: Grant::Nothing };

    /// The caller's name among all callers of a module, for what is kept by caller.
    pub fn key(&self) -> String {
        format!("{}:{}", self.kind.as_str(), self.id)
    }
}

/// A call of a module's API: the module and the caller. An extension of every request behind the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The tenant.
    pub site: Uuid,
    /// The module.
    pub module: Uuid,
    /// The caller.
    pub caller: Caller,
}

/// 401 `unauthenticated`: there are no credentials, or they are not valid.
pub fn unauthenticated(detail: impl Into<String>) -> Error {
    Error::new(Code::Unauthenticated, detail)
}

/// 403 `forbidden`: the caller is known, and may not do this.
pub fn forbidden(detail: impl Into<String>) -> Error {
    Error::new(Code::Forbidden, detail)
}
