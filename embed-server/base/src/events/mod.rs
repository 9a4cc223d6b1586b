//! What happened. An event is recorded in the transaction of the change that it tells of: both come to be, or neither.
//!
//! Nothing is sent from here. Whoever tells others (webhooks) reads the outbox. What people have done is noted beside it,
//! in [`activity`].

pub mod activity;

use crate::db::{Tx, execute};
use crate::error::{Error, Result};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

/// Everything that can happen. The names and the members of `data` are public: they stand in webhook bodies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", content = "data", rename_all_fields = "camelCase")]
#[allow(
    missing_docs,
    reason = "the members say what they are: the domain's id and text, and what the event adds"
)]
pub enum Event {
    /// A domain came onto a module's list.
    #[serde(rename = "domain.added")]
    DomainAdded { domain_id: Uuid, domain: String },
    /// Its owner has proved it, by `method`.
    #[serde(rename = "domain.verified")]
    DomainVerified { domain_id: Uuid, domain: String, method: String },
    /// Pages of the domain can embed the module from now on.
    #[serde(rename = "domain.active")]
    DomainActive { domain_id: Uuid, domain: String },
    /// Its proof was gone for too long; it is no longer verified.
    #[serde(rename = "domain.error")]
    DomainError { domain_id: Uuid, domain: String, reason: String },
    /// It was taken off the list.
    #[serde(rename = "domain.removed")]
    DomainRemoved { domain_id: Uuid, domain: String },
    /// Its proof is missing; if it stays so, verification ends in `days_left` days.
    #[serde(rename = "domain.expiring_soon")]
    DomainExpiringSoon { domain_id: Uuid, domain: String, days_left: i64 },
    /// Its proof was missing and is back.
    #[serde(rename = "domain.renewed")]
    DomainRenewed { domain_id: Uuid, domain: String },
    /// The DNS record that proves it was found.
    #[serde(rename = "dns.verified")]
    DnsVerified { domain_id: Uuid, domain: String },
    /// The DNS record that proves it was looked for and not found.
    #[serde(rename = "dns.check_failed")]
    DnsCheckFailed { domain_id: Uuid, domain: String, reason: String },
    /// A page tried to embed a module and was refused with `code`.
    #[serde(rename = "embed.blocked")]
    EmbedBlocked { origin: String, code: &'static str },
    /// An API token was made.
    #[serde(rename = "token.created")]
    TokenCreated { token_id: Uuid, name: String },
    /// An API token was revoked.
    #[serde(rename = "token.revoked")]
    TokenRevoked { token_id: Uuid, name: String },
    /// A version of a module is served from now on.
    #[serde(rename = "module.published")]
    ModulePublished { name: String, version: String },
    /// A record was made; `record` is as the API shows it.
    #[serde(rename = "record.created")]
    RecordCreated { record: Value },
    /// Its data changed.
    #[serde(rename = "record.updated")]
    RecordUpdated { record: Value },
    /// It was removed; `record` is as it was.
    #[serde(rename = "record.deleted")]
    RecordDeleted { record: Value },
}

/// Writes the event into the outbox, within the transaction that it belongs to.
pub async fn record(
    tx: &mut Tx,
    site: Uuid,
    module: Option<Uuid>,
    event: &Event,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut event = serde_json::to_value(event).map_err(Error::internal)?;
    let data = event["data"].take();
    let name = event["event"].as_str().unwrap_or_default();
    let text =
        "INSERT INTO events (id, site_id, module_id, type, data, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
    execute!(
        tx,
        sqlx::query(text)
            .bind(Uuid::now_v7())
            .bind(site)
            .bind(module)
            .bind(name)
            .bind(Json::<&Value>(&data))
            .bind(now)
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_its_public_name_and_camel_case_data() {
        let id = Uuid::now_v7();
        let event = Event::DomainExpiringSoon { domain_id: id, domain: "example.com".into(), days_left: 2 };
        assert_eq!(
            serde_json::to_value(event).unwrap(),
            json!({
                "event": "domain.expiring_soon",
                "data": { "domainId": id, "domain": "example.com", "daysLeft": 2 },
            })
        );
    }
}
