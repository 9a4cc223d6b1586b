//! What people have allowed ends with what it stands on: their membership, or the role that could give it.

use super::GRANTS;
use super::events::GrantRevoked;
use super::store;
use super::token::scopes_of;
use crate::accounts::Role;
use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::db::Tx;
use embed_base::events::Event;
use embed_base::http::ScopeSet;
use embed_base::subscriber::{Consequences, Ended, Subscriber};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

/// Ends grants.
#[derive(Clone, Copy, Debug)]
pub struct GrantEnder;

impl Subscriber for GrantEnder {
    fn ended<'a>(
        &'a self,
        tx: &'a mut Tx,
        ended: Ended,
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Consequences>> {
        let (user, organization, left) = match ended {
            Ended::Membership { user, organization } => (user, organization, Ok(ScopeSet::default())),
            Ended::Role { user, organization, role } => {
                (user, organization, Role::parse(role).map(scopes_of))
            }
        };
        async move {
            let left = left?;
            let mut consequences = Consequences::default();
            for grant in store::grants_in(tx, user, organization).await? {
                if left.covers_all(&grant.scopes) {
                    continue;
                }
                store::revoke_grant(tx, grant.site_id, grant.id, now).await?;
                consequences.forget(GRANTS, grant.id);
                let event = GrantRevoked { grant_id: grant.id, client_id: &grant.client };
                consequences.event((grant.site_id, Some(grant.module_id)), event.kind(), event.data())?;
            }
            Ok(consequences)
        }
        .boxed()
    }
}
