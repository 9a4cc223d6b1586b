//! The events of records.

use super::Record;
use chrono::TimeDelta;
use embed_base::events::Event;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

/// The kinds of events that records record.
pub const EVENTS: [&str; 3] = ["record.created", "record.updated", "record.deleted"];

/// How long events tell the content of a record.
pub const TOLD: TimeDelta = TimeDelta::days(7);
/// How long they tell that of a deleted record.
pub const DELETED_TOLD: TimeDelta = TimeDelta::days(1);

/// An event of a record, with the record as the API shows it; a deleted one as it was.
#[derive(Clone, Copy, Debug)]
pub(super) enum RecordEvent<'a> {
    Created(&'a Record),
    Updated(&'a Record),
    Deleted(&'a Record),
}

impl Event for RecordEvent<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Created(_) => "record.created",
            Self::Updated(_) => "record.updated",
            Self::Deleted(_) => "record.deleted",
        }
    }

    fn data(&self) -> impl Serialize {
        let (Self::Created(record) | Self::Updated(record) | Self::Deleted(record)) = self;
        json!({ "record": record })
    }

    fn subject(&self) -> Option<Uuid> {
        let (Self::Created(record) | Self::Updated(record) | Self::Deleted(record)) = self;
        Some(record.id)
    }
}
