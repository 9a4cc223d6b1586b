//! The events of domains, and what operators do to them.

use embed_base::events::Event;
use embed_base::events::activity::Action;
use serde::Serialize;
use uuid::Uuid;

pub const ACTIONS: [Action; 4] = [DOMAIN_ADDED, DOMAIN_CHANGED, DOMAIN_VERIFIED, DOMAIN_REMOVED];
pub(super) const DOMAIN_ADDED: Action = Action("domain.added");
pub(super) const DOMAIN_CHANGED: Action = Action("domain.changed");
pub(super) const DOMAIN_VERIFIED: Action = Action("domain.verified");
pub(super) const DOMAIN_REMOVED: Action = Action("domain.removed");

/// The kinds of events that domains record.
pub const EVENTS: [&str; 9] = [
    "domain.added",
    "domain.verified",
    "domain.active",
    "domain.error",
    "domain.removed",
    "domain.expiring_soon",
    "domain.renewed",
    "dns.verified",
    "dns.check_failed",
];

/// An event of a domain. The members of `data` are public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DomainEvent {
    pub domain_id: Uuid,
    pub domain: String,
    pub kind: DomainEventKind,
}

/// The kind of an event, with the members that it adds to the domain's id and text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(super) enum DomainEventKind {
    /// The domain was added to a module's list.
    Added {},
    /// Its owner proved it, by `method`.
    Verified { method: String },
    /// Its pages may embed the module from now on.
    Active {},
    /// Its proof was missing for too long; it is no longer verified.
    Error { reason: String },
    /// It was removed from the list.
    Removed {},
    /// Its proof is missing; unless it returns, verification ends in `days_left` days.
    ExpiringSoon { days_left: i64 },
    /// Its proof was missing and has returned.
    Renewed {},
    /// The DNS record that proves it was found.
    DnsVerified {},
    /// The DNS record that proves it was not found.
    DnsCheckFailed { reason: String },
}

impl Event for DomainEvent {
    fn kind(&self) -> &'static str {
        match self.kind {
            DomainEventKind::Added {} => "domain.added",
            DomainEventKind::Verified { .. } => "domain.verified",
            DomainEventKind::Active {} => "domain.active",
            DomainEventKind::Error { .. } => "domain.error",
            DomainEventKind::Removed {} => "domain.removed",
            DomainEventKind::ExpiringSoon { .. } => "domain.expiring_soon",
            DomainEventKind::Renewed {} => "domain.renewed",
            DomainEventKind::DnsVerified {} => "dns.verified",
            DomainEventKind::DnsCheckFailed { .. } => "dns.check_failed",
        }
    }

    fn data(&self) -> impl Serialize {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Data<'a> {
            domain_id: Uuid,
            domain: &'a str,
            #[serde(flatten)]
            kind: &'a DomainEventKind,
        }
        Data { domain_id: self.domain_id, domain: &self.domain, kind: &self.kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_its_public_name_and_camel_case_data() {
        let id = Uuid::from_u128(7);
        let event = |kind| DomainEvent { domain_id: id, domain: "example.com".into(), kind };
        let expiring = event(DomainEventKind::ExpiringSoon { days_left: 2 });
        assert_eq!(expiring.kind(), "domain.expiring_soon");
        assert_eq!(
            serde_json::to_value(expiring.data()).unwrap(),
            json!({ "domainId": id, "domain": "example.com", "daysLeft": 2 })
        );
        assert_eq!(
            serde_json::to_value(event(DomainEventKind::Added {}).data()).unwrap(),
            json!({ "domainId": id, "domain": "example.com" })
        );
    }
}
