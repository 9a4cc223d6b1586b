//! What happens to domains, and what operators do to them.

use embed_base::events::Event;
use embed_base::events::activity::Action;
use serde::Serialize;
use uuid::Uuid;

/// What operators do to domains.
pub const ACTIONS: [Action; 4] = [DOMAIN_ADDED, DOMAIN_CHANGED, DOMAIN_VERIFIED, DOMAIN_REMOVED];
pub(super) const DOMAIN_ADDED: Action = Action("domain.added");
pub(super) const DOMAIN_CHANGED: Action = Action("domain.changed");
pub(super) const DOMAIN_VERIFIED: Action = Action("domain.verified");
pub(super) const DOMAIN_REMOVED: Action = Action("domain.removed");

/// The kinds of events that are recorded here.
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

/// What happened to a domain. The members of `data` are public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DomainEvent {
    pub domain_id: Uuid,
    pub domain: String,
    pub what: What,
}

/// What it was, and the members that it adds to the domain's id and text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(super) enum What {
    /// It came onto a module's list.
    Added {},
    /// Its owner has proved it, by `method`.
    Verified { method: String },
    /// Its pages can embed the module from now on.
    Active {},
    /// Its proof was gone for too long; it is no longer verified.
    Error { reason: String },
    /// It was taken off the list.
    Removed {},
    /// Its proof is missing; if it stays so, verification ends in `days_left` days.
    ExpiringSoon { days_left: i64 },
    /// Its proof was missing and is back.
    Renewed {},
    /// The DNS record that proves it was found.
    DnsVerified {},
    /// The DNS record that proves it was looked for and not found.
    DnsCheckFailed { reason: String },
}

impl Event for DomainEvent {
    fn kind(&self) -> &'static str {
        match self.what {
            What::Added {} => "domain.added",
            What::Verified { .. } => "domain.verified",
            What::Active {} => "domain.active",
            What::Error { .. } => "domain.error",
            What::Removed {} => "domain.removed",
            What::ExpiringSoon { .. } => "domain.expiring_soon",
            What::Renewed {} => "domain.renewed",
            What::DnsVerified {} => "dns.verified",
            What::DnsCheckFailed { .. } => "dns.check_failed",
        }
    }

    fn data(&self) -> impl Serialize {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Data<'a> {
            domain_id: Uuid,
            domain: &'a str,
            #[serde(flatten)]
            what: &'a What,
        }
        Data { domain_id: self.domain_id, domain: &self.domain, what: &self.what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_its_public_name_and_camel_case_data() {
        let id = Uuid::from_u128(7);
        let event = |what| DomainEvent { domain_id: id, domain: "example.com".into(), what };
        let expiring = event(What::ExpiringSoon { days_left: 2 });
        assert_eq!(expiring.kind(), "domain.expiring_soon");
        assert_eq!(
            serde_json::to_value(expiring.data()).unwrap(),
            json!({ "domainId": id, "domain": "example.com", "daysLeft": 2 })
        );
        assert_eq!(
            serde_json::to_value(event(What::Added {}).data()).unwrap(),
            json!({ "domainId": id, "domain": "example.com" })
        );
    }
}
