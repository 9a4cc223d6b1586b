//! Who looks at a page.

use super::gate::SessionId;
use super::sign_in_link;
use crate::Console;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::{FromRef, FromRequestParts, Query};
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use embed_base::{Error, Result};
use embed_core::accounts::{Accounts, Operator, Organization};
use serde::Deserialize;
use uuid::Uuid;

/// What the rule of a page says that everybody who has signed in may open.
pub const SIGNED_IN: &str = "signed in";

/// Somebody who has signed in, and what every page shows him.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The person.
    pub operator: Operator,
    /// The session in which he looks.
    pub session: Uuid,
    /// What his forms carry.
    pub form_token: String,
    /// The organizations that he is in, oldest first.
    pub organizations: Vec<Organization>,
    /// What time it is.
    pub now: DateTime<Utc>,
    /// What he has just done, where a page says so.
    pub done: Option<Done>,
}

/// What was just done. It stands in the address of the page that follows, so it says nothing but this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the sentences below say it")]
pub enum Done {
    Created,
    Saved,
    Deleted,
    Published,
    Unchanged,
    RolledBack,
    Unpublished,
    Verified,
    NotVerified,
    Removed,
    Revoked,
    Invited,
    InvitedByLetter,
    InvitedWithoutLetter,
    Ended,
}

impl Done {
    /// The sentence that the next page begins with.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Created => "It is there now.",
            Self::Saved => "Saved.",
            Self::Deleted => "Deleted.",
            Self::Published => "Published. Websites get this version at their next load.",
            Self::Unchanged => "This very version is published already; nothing has changed.",
            Self::RolledBack => "Websites get this version at their next load.",
            Self::Unpublished => {
                "Unpublished. Its id, domains and records stay for when it is published again."
            }
            Self::Verified => "The proof was found: the domain is verified.",
            Self::NotVerified => "The proof was not found; the reason stands below.",
            Self::Removed => "Removed.",
            Self::Revoked => "Revoked. Every server refuses it within two seconds.",
            Self::Invited => {
                "Invited. No mail server is set, so tell them to sign in here with their address."
            }
            Self::InvitedByLetter => "Invited, and a letter is on its way.",
            Self::InvitedWithoutLetter => {
                "Invited, but the letter could not be sent; the server's log says why. Tell them to sign in here with their address."
            }
            Self::Ended => "The session has ended.",
        }
    }

    /// The word for it in an address.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Saved => "saved",
            Self::Deleted => "deleted",
            Self::Published => "published",
            Self::Unchanged => "unchanged",
            Self::RolledBack => "rolled-back",
            Self::Unpublished => "unpublished",
            Self::Verified => "verified",
            Self::NotVerified => "not-verified",
            Self::Removed => "removed",
            Self::Revoked => "revoked",
            Self::Invited => "invited",
            Self::InvitedByLetter => "invited-by-letter",
            Self::InvitedWithoutLetter => "invited-without-letter",
            Self::Ended => "ended",
        }
    }
}

#[derive(Deserialize)]
struct Notice {
    done: Option<Done>,
}

impl Viewer {
    /// The organization of this id, if he is in it.
    pub fn organization(&self, id: Uuid) -> Option<&Organization> {
        self.organizations.iter().find(|organization| organization.id == id)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Viewer
where
    Accounts: FromRef<S>,
    Console: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let known = parts.extensions.get::<Operator>().zip(parts.extensions.get::<SessionId>());
        let Some((operator, &SessionId(session))) = known else { return Err(sign_in_link::first()) };
        let console = Console::from_ref(state);
        // What is no notice of ours is none.
        let done = Query::<Notice>::try_from_uri(&parts.uri).ok().and_then(|Query(notice)| notice.done);
        Ok(Self {
            operator: operator.clone(),
            session,
            form_token: console.form_token(session),
            organizations: Accounts::from_ref(state).organizations_of(operator).await?,
            now: console.0.context.clock.now(),
            done,
        })
    }
}

/// A page that asks for no more than that says so; whatever asks for a role says that instead.
impl OperationInput for Viewer {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        operation.extensions.entry("x-required-role".to_owned()).or_insert_with(|| SIGNED_IN.into());
    }
}
