//! Events. An event is recorded in the transaction of its change ([`crate::Change`]), so neither exists without the
//! other.
//!
//! An event is kept for the operator's time; what it tells of a thing may go earlier ([`forget_told`]).
//!
//! Nothing is sent from here. What operators do is also recorded in [`activity`].

pub mod activity;
mod retention;

pub use retention::{forget_subjects, forget_told, prune};

use crate::db::{Tx, execute};
use crate::error::{Error, Result};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

/// A kind of event. Each capability defines its own and lists their kinds. The kinds and the members of `data` are
/// public: webhook bodies have them.
pub trait Event {
    /// The kind, such as `domain.added`.
    fn kind(&self) -> &'static str;

    /// What the event tells, a JSON object.
    fn data(&self) -> impl Serialize;

    /// The id of what it tells of, where that can be deleted and its content has to go from here too.
    fn subject(&self) -> Option<Uuid> {
        None
    }
}

/// An event that is recorded when its change commits.
#[derive(Clone, Debug)]
pub(crate) struct NewEvent {
    kind: &'static str,
    data: Value,
    subject: Option<Uuid>,
}

impl NewEvent {
    /// An event of a thing that cannot be deleted by itself.
    pub fn of(kind: &'static str, data: Value) -> Self {
        Self { kind, data, subject: None }
    }

    pub fn new(event: &impl Event) -> Result<Self> {
        let data = serde_json::to_value(event.data()).map_err(Error::internal)?;
        Ok(Self { kind: event.kind(), data, subject: event.subject() })
    }
}

/// Inserts an event into the outbox.
pub(crate) async fn insert(
    tx: &mut Tx,
    id: Uuid,
    (site, module): (Uuid, Option<Uuid>),
    event: &NewEvent,
    now: DateTime<Utc>,
) -> Result<()> {
    let text = "INSERT INTO events (id, site_id, module_id, type, data, created_at, subject_id) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    execute!(
        tx,
        sqlx::query(text)
            .bind(id)
            .bind(site)
            .bind(module)
            .bind(event.kind)
            .bind(Json(&event.data))
            .bind(now)
            .bind(event.subject)
    )?;
    Ok(())
}
