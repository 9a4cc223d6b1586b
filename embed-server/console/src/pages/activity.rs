//! The list of what people changed in an organization.

use crate::ConsoleState;
use crate::shell::elements::{empty, older_link, time};
use crate::shell::form::PageQuery;
use crate::shell::page::{Page, PageLocation, Section};
use crate::shell::viewer::Viewer;
use aide::axum::ApiRouter;
use aide::axum::routing::get;
use axum::extract::State;
use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::http::Paging;
use embed_core::accounts::{ManagedOrganization, Member};
use embed_core::activity::ActivityEntry;
use embed_core::services::Services;
use embed_core::sites::Site;
use maud::{Markup, html};
use serde::Deserialize;

/// `/console/organizations/{organization}/activity`.
pub fn router() -> ApiRouter<ConsoleState> {
    ApiRouter::new().api_route("/console/organizations/{organization}/activity", get(list))
}

/// The query of the list.
#[derive(Default, Deserialize)]
pub struct ActivityQuery {
    /// The `next_cursor` of the previous page.
    pub cursor: Option<String>,
}

async fn list(
    viewer: Viewer,
    ManagedOrganization { organization, .. }: ManagedOrganization<Member>,
    State(services): State<Services>,
    PageQuery(ActivityQuery { cursor }): PageQuery<ActivityQuery>,
) -> Result<Page> {
    let page =
        services.activity.organization_page(organization.id, &Paging::new(None, cursor.as_deref())?).await?;
    let address = format!("/console/organizations/{}/activity", organization.id);
    Ok(viewer.page(&PageLocation::top(organization.id, Section::Activity), "Activity", html! {
        p.lead { "Who changed what, when and from where. Entries are kept for a year." }
        @if page.data.is_empty() {
            (empty("Nothing has happened yet.", html! { "Changes made here, on the command line or over the API appear in this list." }))
        } @else {
            (entries(&page.data, &services.sites.list(organization.id).await?, viewer.now))
            (older_link(&address, page.next_cursor.as_deref()))
        }
    }))
}

/// Renders entries as sentences. `sites` are the organization's sites, whose names they show.
pub fn entries(entries: &[ActivityEntry], sites: &[Site], now: DateTime<Utc>) -> Markup {
    let site_of = |entry: &ActivityEntry| {
        let within = entry.site_id.filter(|_| !entry.action.starts_with("site."));
        sites.iter().find(|site| Some(site.id) == within)
    };
    html! {
        ol.entries {
            @for entry in entries {
                li {
                    span.what { strong { (entry.actor) } " " (describe_action(&entry.action)) " " @if entry.subject != entry.actor { span.subject { (entry.subject) } }
                        @if let Some(detail) = &entry.detail { " " (detail) }
                        @if let Some(site) = site_of(entry) { " in " a href={ "/console/sites/" (site.id) } { (site.name) } } }
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

/// The verb for an action in such a sentence.
fn describe_action(action: &str) -> &str {
    match action {
        "organization.created" => "created the organization",
        "organization.renamed" => "renamed the organization to",
        "member.invited" => "invited",
        "member.role_changed" => "changed the role of",
        "member.removed" => "removed",
        "session.started" => "signed in",
        "session.ended" => "ended a session",
        "personal_token.created" => "created the personal token",
        "personal_token.revoked" => "revoked the personal token",
        "site.created" => "created the site",
        "site.renamed" => "renamed a site to",
        "site.deleted" => "deleted the site",
        "module.published" => "published",
        "module.rolled_back" => "rolled back to",
        "module.changed" => "changed the settings of",
        "module.unpublished" => "unpublished",
        "domain.added" => "allowed the domain",
        "domain.changed" => "changed the domain",
        "domain.verified" => "verified the domain",
        "domain.removed" => "removed the domain",
        "token.created" => "created the API token",
        "token.rotated" => "rotated the API token",
        "token.revoked" => "revoked the API token",
        "oauth_client.created" => "registered the app",
        "oauth_client.changed" => "changed the app",
        "oauth_client.rotated" => "rotated the secret of the app",
        "oauth_client.deleted" => "deleted the app",
        "oauth_grant.created" => "allowed access to the app",
        "oauth_grant.revoked" => "ended the access of the app",
        other => other,
    }
}
