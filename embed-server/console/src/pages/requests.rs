//! What happened at a site: which websites showed its modules, and what was asked of their data.

use super::overview::charts;
use super::sites::{Part, place};
use crate::Console;
use crate::shell::chart::{Headline, Series, bars};
use crate::shell::elements::{Mood, badge, complaint, empty, more, number, time};
use crate::shell::form::{Asked, filled};
use crate::shell::viewer::Viewer;
use aide::axum::ApiRouter;
use aide::axum::routing::get;
use axum::extract::{FromRef, State};
use axum::response::{IntoResponse, Response};
use embed_base::http::{Paged, Paging};
use embed_base::{Error, Result};
use embed_core::accounts::{Accounts, Member};
use embed_core::modules::{Module, Modules};
use embed_core::requests::{Filter, LoggedRequest, Requests};
use embed_core::sites::{ManagedSite, Site, Sites};
use embed_core::views::{OriginViews, Views};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;
use url::form_urlencoded::Serializer;
use uuid::Uuid;

/// `/console/sites/{site}/requests`.
pub fn router<S>() -> ApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
    Console: FromRef<S>,
    Requests: FromRef<S>,
    Sites: FromRef<S>,
    Views: FromRef<S>,
    Arc<Modules>: FromRef<S>,
{
    ApiRouter::new().api_route("/console/sites/{site}/requests", get(log))
}

/// What is looked for.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    #[serde(deserialize_with = "filled")]
    module: Option<String>,
    #[serde(deserialize_with = "filled")]
    token: Option<String>,
    #[serde(deserialize_with = "filled")]
    method: Option<String>,
    #[serde(deserialize_with = "filled")]
    status: Option<String>,
    #[serde(deserialize_with = "filled")]
    origin: Option<String>,
    cursor: Option<String>,
}

impl Wanted {
    fn filter(&self) -> Result<Filter> {
        let id = |text: &Option<String>, what: &str| {
            let parse = |text: &String| {
                Uuid::try_parse(text).map_err(|_| Error::invalid(format!("{what} is named by its id.")))
            };
            text.as_ref().map(parse).transpose()
        };
        Ok(Filter {
            module: id(&self.module, "A module")?,
            token: id(&self.token, "A token")?,
            method: self.method.as_ref().map(|method| method.to_ascii_uppercase()),
            status: self.status.clone(),
            origin: self.origin.clone(),
            from: None,
            to: None,
        })
    }

    /// The same page of the log without its place in it.
    fn address(&self, site: &Site) -> String {
        let named = [
            ("module", &self.module),
            ("token", &self.token),
            ("method", &self.method),
            ("status", &self.status),
            ("origin", &self.origin),
        ];
        let given = named.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let query = Serializer::new(String::new()).extend_pairs(given).finish();
        let joint = if query.is_empty() { "" } else { "?" };
        format!("/console/sites/{}/requests{joint}{query}", site.id)
    }
}

async fn log(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Member>,
    State(modules): State<Arc<Modules>>,
    State(views): State<Views>,
    State(requests): State<Requests>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response> {
    let modules = modules.list(site.id).await?;
    let found = async {
        let filter = wanted.filter()?;
        let calls = requests.page(site.id, &filter, &Paging::new(None, wanted.cursor.as_deref())?).await?;
        let hours = requests.per_hour(site.id, &filter).await?;
        let seen = views.per_hour(site.id, filter.module, None, None).await?;
        let origins = views.by_origin(site.id, filter.module, None, None).await?;
        Ok::<_, Error>((calls, hours, seen, origins))
    };
    let (status, content) = match found.await {
        Ok::<_, Error>((calls, hours, seen, origins)) => {
            let took = Series {
                name: "ms on average",
                class: "bar",
                counts: hours.iter().map(|hour| (hour.hour.clone(), hour.response_time_ms)).collect(),
            };
            let content = html! {
                (charts(&viewer, &seen, &hours))
                div.charts { (bars("latency", ("Milliseconds until the answer, on average; the slowest hour", Headline::Highest), &[took], viewer.now)) }
                (views_table(&viewer, &modules, &origins))
                section {
                    h2 { "API calls" }
                    (filters(&site, &modules, &wanted, None))
                    (calls_table(&viewer, &modules, &calls))
                    (more(&wanted.address(&site), calls.next_cursor.as_deref()))
                }
            };
            (axum::http::StatusCode::OK, content)
        }
        Err(error) if error.status().is_client_error() => (
            error.status(),
            html! { section { h2 { "API calls" } (filters(&site, &modules, &wanted, Some(&error))) } },
        ),
        Err(error) => return Err(error),
    };
    Ok((status, viewer.page(&place(&site, Part::Requests), &site.name, content)).into_response())
}

fn name_of(modules: &[Module], id: Uuid) -> &str {
    modules.iter().find(|module| module.id == id).map_or("gone", |module| &module.name)
}

fn views_table(viewer: &Viewer, modules: &[Module], origins: &[OriginViews]) -> Markup {
    html! {
        section {
            h2 { "Views, by website" }
            @if origins.is_empty() {
                (empty("Nobody has seen a module of this site in the last 24 hours.", html! { "A view is counted about a second after a page asked whether it may embed." }))
            } @else {
                div.scroll tabindex="0" role="group" aria-label="Table" { table {
                    thead { tr { th scope="col" { "Website" } th scope="col" { "Module" } th scope="col" { "As" } th.number scope="col" { "Shown" } th.number scope="col" { "Blocked" } th scope="col" { "Last" } } }
                    tbody {
                        @for view in origins {
                            tr {
                                th scope="row" { @if view.origin.is_empty() { "elsewhere" } @else { (view.origin) } }
                                td { (name_of(modules, view.module_id)) }
                                td { @if view.embed_type.is_empty() { "any" } @else { (view.embed_type) } }
                                td.number { (number(view.shown)) }
                                td.number { (number(view.blocked)) @if let Some(code) = &view.last_code { " " code.hint { (code) } } }
                                td { (time(view.last_at, viewer.now)) }
                            }
                        }
                    }
                } }
            }
        }
    }
}

fn filters(site: &Site, modules: &[Module], wanted: &Wanted, error: Option<&Error>) -> Markup {
    let chosen = |list: &Option<String>, value: &str| list.as_deref() == Some(value);
    html! {
        (complaint(error))
        form.filters method="get" action={ "/console/sites/" (site.id) "/requests" } {
            label { "Module" select name="module" {
                option value="" { "all" }
                @for module in modules { option value=(module.id) selected[chosen(&wanted.module, &module.id.to_string())] { (module.name) } }
            } }
            label { "Method" select name="method" {
                option value="" { "all" }
                @for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] { option selected[chosen(&wanted.method, method)] { (method) } }
            } }
            label { "Status" input type="text" name="status" value=[wanted.status.as_deref()] placeholder="404 or 4xx" size="8"; }
            label { "Origin" input type="text" name="origin" value=[wanted.origin.as_deref()] placeholder="https://www.example.com"; }
            @if let Some(token) = &wanted.token { input type="hidden" name="token" value=(token); }
            button type="submit" { "Show" }
        }
        @if wanted.token.is_some() { p.hint { "Only calls with one token. " a href={ "/console/sites/" (site.id) "/requests" } { "All calls" } } }
    }
}

fn calls_table(viewer: &Viewer, modules: &[Module], calls: &Paged<LoggedRequest>) -> Markup {
    html! {
        @if calls.data.is_empty() {
            (empty("There is no such call in the log.", html! { "A call is in the log about a second after its answer." }))
        } @else {
            div.scroll tabindex="0" role="group" aria-label="Table" { table {
                thead { tr { th scope="col" { "Call" } th scope="col" { "Status" } th.number scope="col" { "ms" } th scope="col" { "Caller" } th scope="col" { "From" } th scope="col" { "When" } } }
                tbody {
                    @for call in &calls.data {
                        tr {
                            th scope="row" { code { (call.method) " " (call.path) } br; span.hint { (name_of(modules, call.module_id)) } }
                            td { (status(call)) }
                            td.number { (number(call.response_time_ms)) }
                            td { (call.caller) }
                            td { (call.origin.as_deref().unwrap_or("no page")) br; span.hint { (call.ip_address) } }
                            td { (time(call.created_at, viewer.now)) }
                        }
                    }
                }
            } }
        }
    }
}

fn status(call: &LoggedRequest) -> Markup {
    let mood = match call.status_code {
        500.. => Mood::Bad,
        400.. => Mood::Open,
        _ => Mood::Good,
    };
    html! {
        (badge(&call.status_code.to_string(), mood))
        @if let Some(code) = &call.error_code { br; code.hint title=[call.error_message.as_deref()] { (code) } }
    }
}
