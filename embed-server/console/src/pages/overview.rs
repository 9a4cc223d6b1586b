//! An organization's start page: charts, recent activity and sites.

use super::activity::entries;
use crate::ConsoleState;
use crate::shell::chart::{Headline, Series, bars};
use crate::shell::elements::{empty, time};
use crate::shell::page::{Page, PageLocation, Section};
use crate::shell::viewer::Viewer;
use aide::axum::ApiRouter;
use aide::axum::routing::get;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use embed_base::Result;
use embed_base::http::Paging;
use embed_core::accounts::{ManagedOrganization, Member};
use embed_core::requests::{self};
use embed_core::services::Services;
use embed_core::views::{self};
use maud::{Markup, html};
use std::collections::HashMap;

/// How many entries of the activity the page shows.
const RECENT: u8 = 8;

/// `/console` and `/console/organizations/{organization}`.
pub fn router() -> ApiRouter<ConsoleState> {
    ApiRouter::new()
        .api_route("/console", get(home))
        .api_route("/console/organizations/{organization}", get(overview))
}

/// Redirects to the viewer's first organization.
async fn home(viewer: Viewer) -> Response {
    match viewer.organizations.first() {
        Some(organization) => {
            Redirect::to(&format!("/console/organizations/{}", organization.id)).into_response()
        }
        None => Redirect::to("/console/account").into_response(),
    }
}

async fn overview(
    viewer: Viewer,
    ManagedOrganization { organization, .. }: ManagedOrganization<Member>,
    State(services): State<Services>,
) -> Result<Page> {
    let id = organization.id;
    let sites = services.sites.list(id).await?;
    let seen = services.views.organization_per_hour(id, None, None).await?;
    let calls = services.requests.organization_per_hour(id, None, None).await?;
    let done = services.activity.organization_page(id, &Paging::new(Some(RECENT), None)?).await?;
    let charts = charts(&viewer, &seen, &calls);
    let location = PageLocation::top(id, Section::Overview);
    Ok(viewer.page(&location, "Overview", html! {
        @if sites.is_empty() {
            (empty("Nothing is embedded yet.", html! {
                "Start with a " a href={ "/console/organizations/" (id) "/sites" } { "site" } ", which holds the modules that websites embed."
            }))
        }
        (charts)
        div.columns {
            section {
                h2 { "Recent activity" }
                @if done.data.is_empty() { p.hint { "Nobody has changed anything yet." } } @else { (entries(&done.data, &sites, viewer.now)) }
                @if done.next_cursor.is_some() { p.more { a href={ "/console/organizations/" (id) "/activity" } { "All activity" } } }
            }
            section {
                h2 { "Sites" }
                ul.plain {
                    @for site in &sites {
                        li { a href={ "/console/sites/" (site.id) } { (site.name) } " " span.hint { "since " (time(site.created_at, viewer.now)) } }
                    }
                }
            }
        }
    }))
}

/// The four charts: embeds shown and blocked, API calls and errors.
pub fn charts(viewer: &Viewer, seen: &[views::HourOfViews], calls: &[requests::HourOfRequests]) -> Markup {
    let views = |count: fn(&views::HourOfViews) -> i64| -> HashMap<_, _> {
        seen.iter().map(|hour| (hour.hour.clone(), count(hour))).collect()
    };
    let requests = |count: fn(&requests::HourOfRequests) -> i64| -> HashMap<_, _> {
        calls.iter().map(|hour| (hour.hour.clone(), count(hour))).collect()
    };
    let now = viewer.now;
    let series = |name, class, counts| Series { name, class, counts };
    html! {
        div.charts #charts data-live {
            (bars("shown", ("Embeds shown", Headline::Sum), &[series("shown", "bar", views(|hour| hour.shown))], now))
            (bars("blocked", ("Blocked", Headline::Sum), &[series("blocked", "bar bad", views(|hour| hour.blocked))], now))
            (bars("calls", ("API calls", Headline::Sum), &[series("calls", "bar", requests(|hour| hour.requests))], now))
            (bars("errors", ("Errors", Headline::Sum), &[
                series("refused", "bar open", requests(|hour| hour.refused)),
                series("failed", "bar bad", requests(|hour| hour.failed)),
            ], now))
        }
    }
}
