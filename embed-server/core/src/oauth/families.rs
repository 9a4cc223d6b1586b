//! What one authorization gave: how long it lives, and how it ends.

use super::redirect_uri::Target;
use super::{Client, FAMILIES, OAuth, RedirectUri, store};
use chrono::TimeDelta;
use embed_base::Result;
use embed_base::change::{Change, Unlisted};
use uuid::Uuid;

/// How long a refresh token may be unused, and a family lives at most.
const LIFETIMES: (TimeDelta, TimeDelta) = (TimeDelta::days(30), TimeDelta::days(90));
/// The same for a page of a website, which keeps its token where every script of its origin can read it.
const PAGE_LIFETIMES: (TimeDelta, TimeDelta) = (TimeDelta::days(1), TimeDelta::days(7));

/// Why a family was ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum FamilyEnd {
    CodeReplayed,
    RefreshTokenReplayed,
    Revoked,
}

impl FamilyEnd {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CodeReplayed => "its code was used again",
            Self::RefreshTokenReplayed => "a used refresh token was sent again",
            Self::Revoked => "it was revoked",
        }
    }
}

/// How long a refresh token of this client may be unused, and how long its family lives at most.
pub(super) fn lifetimes(client: &Client, redirect_uri: &str) -> (TimeDelta, TimeDelta) {
    let is_web = RedirectUri::parse(redirect_uri).is_ok_and(|uri| uri.target() == Target::Web);
    if is_web && !client.is_confidential() { PAGE_LIFETIMES } else { LIFETIMES }
}

impl OAuth {
    /// Ends a family: every server refuses its tokens within two seconds.
    pub(super) async fn end_family(
        &self,
        mut change: Change<Unlisted>,
        site: Uuid,
        family: Uuid,
        why: FamilyEnd,
    ) -> Result<()> {
        let now = change.now();
        if store::revoke_family(&mut change, site, family, now).await? {
            tracing::warn!(%site, %family, why = why.as_str(), "an OAuth family was ended");
            change.forget(FAMILIES, family);
        }
        change.commit_unlisted().await
    }
}
