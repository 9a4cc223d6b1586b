//! The signed-in person that a page is rendered for.

use super::gate::{SessionId, SessionStart};
use super::sign_in_link;
use crate::ConsoleState;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use embed_base::{Error, Result};
use embed_core::accounts::{Operator, Organization};
use serde::Deserialize;
use uuid::Uuid;

/// The rule of a page that needs a session and no role.
pub const SIGNED_IN: &str = "signed in";

/// A signed-in person, and what every page shows them.
#[derive(Clone, Debug)]
pub struct Viewer {
    pub operator: Operator,
    pub session: Uuid,
    /// When the session began.
    pub since: DateTime<Utc>,
    /// The token for the forms of this session.
    pub form_token: String,
    /// The person's organizations, oldest first.
    pub organizations: Vec<Organization>,
    /// The time of the request.
    pub now: DateTime<Utc>,
    /// The outcome of the form that led here.
    pub outcome: Option<Outcome>,
}

/// The outcome of a form. It is part of the next page's URL, so it holds no data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Created,
    Saved,
    Deleted,
    Published,
    PublishedLower,
    Unchanged,
    RolledBack,
    Unpublished,
    Verified,
    NotVerified,
    Removed,
    Revoked,
    Invited,
    #[serde(rename = "invited-by-letter")]
    InvitedByMail,
    #[serde(rename = "invited-without-letter")]
    InvitedWithoutMail,
    Ended,
    AccessEnded,
}

impl Outcome {
    /// The sentence at the top of the next page.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Created => "Created.",
            Self::Saved => "Saved.",
            Self::Deleted => "Deleted.",
            Self::Published => "Published. Websites get this version the next time they load.",
            Self::PublishedLower => {
                "Published. Websites get this version the next time they load, although it is lower than the one before; serve that again under Versions if you did not mean to."
            }
            Self::Unchanged => "This version is already published; nothing has changed.",
            Self::RolledBack => "Websites get this version the next time they load.",
            Self::Unpublished => {
                "Unpublished. Its id, domains and records are kept in case you publish it again."
            }
            Self::Verified => "The proof was found and the domain is verified.",
            Self::NotVerified => "The proof was not found; see the reason below.",
            Self::Removed => "Removed.",
            Self::Revoked => "Revoked. Every server refuses it within two seconds.",
            Self::Invited => {
                "Invited. No mail server is set up, so tell them to sign in here with their email address."
            }
            Self::InvitedByMail => "Invited. An email is on its way to them.",
            Self::InvitedWithoutMail => {
                "Invited, but the email could not be sent; the server's log says why. Tell them to sign in here with their email address."
            }
            Self::Ended => "The session has ended.",
            Self::AccessEnded => "The app’s access has ended. Every server refuses it within two seconds.",
        }
    }

    /// Whether what was asked for was not done, or only in part.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::NotVerified | Self::InvitedWithoutMail)
    }

    /// The value of `done` in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Saved => "saved",
            Self::Deleted => "deleted",
            Self::Published => "published",
            Self::PublishedLower => "published-lower",
            Self::Unchanged => "unchanged",
            Self::RolledBack => "rolled-back",
            Self::Unpublished => "unpublished",
            Self::Verified => "verified",
            Self::NotVerified => "not-verified",
            Self::Removed => "removed",
            Self::Revoked => "revoked",
            Self::Invited => "invited",
            Self::InvitedByMail => "invited-by-letter",
            Self::InvitedWithoutMail => "invited-without-letter",
            Self::Ended => "ended",
            Self::AccessEnded => "access-ended",
        }
    }
}

#[derive(Deserialize)]
struct OutcomeQuery {
    done: Option<Outcome>,
}

impl Viewer {
    /// The organization of this id, if the person belongs to it.
    pub fn organization(&self, id: Uuid) -> Option<&Organization> {
        self.organizations.iter().find(|organization| organization.id == id)
    }
}

impl FromRequestParts<ConsoleState> for Viewer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, console: &ConsoleState) -> Result<Self> {
        let session = parts.extensions.get::<Operator>().zip(parts.extensions.get::<SessionId>());
        let session = session.zip(parts.extensions.get::<SessionStart>());
        let Some(((operator, &SessionId(session)), &SessionStart(since))) = session else {
            return Err(sign_in_link::required());
        };
        // An unknown outcome is ignored.
        let outcome =
            Query::<OutcomeQuery>::try_from_uri(&parts.uri).ok().and_then(|Query(query)| query.done);
        Ok(Self {
            operator: operator.clone(),
            session,
            since,
            form_token: console.form_token(session),
            organizations: console.0.services.accounts.organizations_of(operator).await?,
            now: console.0.services.context.clock.now(),
            outcome,
        })
    }
}

/// Documents the page as open to every session, unless another extractor documents a role.
impl OperationInput for Viewer {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        operation.extensions.entry("x-required-role".to_owned()).or_insert_with(|| SIGNED_IN.into());
    }
}
