//! Who has changed what.

use crate::Console;
use crate::shell::elements::{empty, more, time};
use crate::shell::form::Asked;
use crate::shell::page::{Page, Place, Section};
use crate::shell::viewer::Viewer;
use aide::axum::ApiRouter;
use aide::axum::routing::get;
use axum::extract::{FromRef, State};
use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::http::Paging;
use embed_core::accounts::{Accounts, ManagedOrganization, Member};
use embed_core::activity::{Activity, ActivityEntry};
use embed_core::sites::{Site, Sites};
use maud::{Markup, html};
use serde::Deserialize;

/// `/console/organizations/{organization}/activity`.
pub fn router<S>() -> ApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
    Activity: FromRef<S>,
    Console: FromRef<S>,
    Sites: FromRef<S>,
{
    ApiRouter::new().api_route("/console/organizations/{organization}/activity", get(list))
}

/// Where in a list somebody is.
#[derive(Default, Deserialize)]
pub struct Where {
    /// What the page before has answered with.
    pub cursor: Option<String>,
}

async fn list(
    viewer: Viewer,
    ManagedOrganization { organization, .. }: ManagedOrganization<Member>,
    State(activity): State<Activity>,
    State(sites): State<Sites>,
    Asked(Where { cursor }): Asked<Where>,
) -> Result<Page> {
    let page = activity.organization_page(organization.id, &Paging::new(None, cursor.as_deref())?).await?;
    let address = format!("/console/organizations/{}/activity", organization.id);
    Ok(viewer.page(&Place::top(organization.id, Section::Activity), "Activity", html! {
        p.lead { "Who changed what, when, and from where. Entries are kept for a year." }
        @if page.data.is_empty() {
            (empty("Nothing has happened yet.", html! { "Whatever somebody changes here, on the command line or over the API is noted." }))
        } @else {
            (entries(&page.data, &sites.list(organization.id).await?, viewer.now))
            (more(&address, page.next_cursor.as_deref()))
        }
    }))
}

/// Entries, as sentences; `sites` are those of the organization, which they name.
pub fn entries(entries: &[ActivityEntry], sites: &[Site], now: DateTime<Utc>) -> Markup {
    let site_of = |entry: &ActivityEntry| {
        let within = entry.site_id.filter(|_| !entry.action.starts_with("site."));
        sites.iter().find(|site| Some(site.id) == within)
    };
    html! {
        ol.entries {
            @for entry in entries {
                li {
                    span.what { strong { (entry.actor) } " " (deed(&entry.action)) " " @if entry.subject != entry.actor { span.subject { (entry.subject) } }
                        @if let Some(detail) = &entry.detail { " " (detail) }
                        @if let Some(site) = site_of(entry) { " at " a href={ "/console/sites/" (site.id) } { (site.name) } } }
                    span.hint {
                        (time(entry.created_at, now))
                        @if entry.means != entry.actor { " by " (entry.means) }
                        @if let Some(address) = &entry.ip_address { " from " (address) }
                    }
                }
            }
        }
    }
}

/// What was done, as it stands in a sentence.
fn deed(action: &str) -> &str {
    match action {
        "organization.created" => "made the organization",
        "organization.renamed" => "renamed the organization to",
        "member.invited" => "invited",
        "member.role_changed" => "changed the role of",
        "member.removed" => "took out",
        "session.started" => "signed in",
        "session.ended" => "ended a session",
        "personal_token.created" => "made the personal token",
        "personal_token.revoked" => "revoked the personal token",
        "site.created" => "made the site",
        "site.renamed" => "renamed a site to",
        "site.deleted" => "deleted the site",
        "module.published" => "published",
        "module.rolled_back" => "went back to",
        "module.unpublished" => "unpublished",
        "domain.added" => "allowed",
        "domain.changed" => "changed the domain",
        "domain.verified" => "verified",
        "domain.removed" => "took off the list",
        "token.created" => "made the API token",
        "token.rotated" => "rotated the API token",
        "token.revoked" => "revoked the API token",
        other => other,
    }
}
