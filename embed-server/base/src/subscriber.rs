//! Who hears, in its transaction, that something ends on which others' authority stands: a capability that the one which ends
//! it does not know.

use crate::db::{Topic, Tx};
use crate::error::{Error, Result};
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// What ends or shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A person's membership in an organization.
    Membership {
        /// The person.
        user: Uuid,
        /// The organization.
        organization: Uuid,
    },
    /// A person has another role in an organization.
    Role {
        /// The person.
        user: Uuid,
        /// The organization.
        organization: Uuid,
        /// The new role's word.
        role: &'static str,
    },
}

/// What a subscriber has done in the transaction of the change.
#[derive(Debug, Default)]
pub struct Consequences {
    pub(crate) forget: Vec<(Topic, String)>,
    /// Site, module, kind and data.
    pub(crate) events: Vec<(Uuid, Option<Uuid>, &'static str, Value)>,
}

impl Consequences {
    /// Invalidates every server's cache entries that depend on this key, once the change is committed.
    pub fn forget(&mut self, topic: Topic, key: impl ToString) {
        self.forget.push((topic, key.to_string()));
    }

    /// Records an event of a site, or of one of its modules, with the change.
    pub fn event(
        &mut self,
        (site, module): (Uuid, Option<Uuid>),
        kind: &'static str,
        data: impl Serialize,
    ) -> Result<()> {
        let data = serde_json::to_value(data).map_err(Error::internal)?;
        self.events.push((site, module, kind, data));
        Ok(())
    }
}

/// Hears what ends. It keeps nothing: the command line has it as the server has.
pub trait Subscriber: Send + Sync + 'static {
    /// Called in the transaction, which is that of an organization.
    fn ended<'a>(
        &'a self,
        tx: &'a mut Tx,
        ended: Ended,
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Consequences>>;
}
