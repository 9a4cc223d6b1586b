//! A site's traffic: which websites showed its modules, and the log of API calls.

use super::overview::charts;
use super::sites::{SiteTab, site_location};
use crate::ConsoleState;
use crate::shell::chart::{Headline, Series, bars};
use crate::shell::elements::{BadgeKind, badge, empty, form_error, number, older_link, time};
use crate::shell::form::{PageQuery, non_empty};
use crate::shell::viewer::Viewer;
use aide::axum::ApiRouter;
use aide::axum::routing::get;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use embed_base::http::{Paged, Paging};
use embed_base::{Error, Result};
use embed_core::accounts::Member;
use embed_core::modules::Module;
use embed_core::requests::{LoggedRequest, RequestFilter};
use embed_core::services::Services;
use embed_core::sites::{ManagedSite, Site};
use embed_core::views::OriginViews;
use maud::{Markup, html};
use serde::Deserialize;
use url::form_urlencoded::Serializer;
use uuid::Uuid;

/// `/console/sites/{site}/requests`.
pub fn router() -> ApiRouter<ConsoleState> {
    ApiRouter::new().api_route("/console/sites/{site}/requests", get(log))
}

/// The filters of the log.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct LogQuery {
    #[serde(deserialize_with = "non_empty")]
    module: Option<String>,
    #[serde(deserialize_with = "non_empty")]
    token: Option<String>,
    #[serde(deserialize_with = "non_empty")]
    method: Option<String>,
    #[serde(deserialize_with = "non_empty")]
    status: Option<String>,
    #[serde(deserialize_with = "non_empty")]
    origin: Option<String>,
    cursor: Option<String>,
}

impl LogQuery {
    fn filter(&self) -> Result<RequestFilter> {
        let id = |text: &Option<String>, what: &str| {
            let parse = |text: &String| {
                Uuid::try_parse(text).map_err(|_| Error::invalid(format!("{what} is identified by its id.")))
            };
            text.as_ref().map(parse).transpose()
        };
        Ok(RequestFilter {
            module: id(&self.module, "A module")?,
            token: id(&self.token, "A token")?,
            method: self.method.as_ref().map(|method| method.to_ascii_uppercase()),
            status: self.status.clone(),
            origin: self.origin.clone(),
            from: None,
            to: None,
        })
    }

    /// The URL of the filtered log, without the cursor.
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
    State(services): State<Services>,
    PageQuery(query): PageQuery<LogQuery>,
) -> Result<Response> {
    let modules = services.modules.list(site.id).await?;
    let found = async {
        let filter = query.filter()?;
        let calls =
            services.requests.page(site.id, &filter, &Paging::new(None, query.cursor.as_deref())?).await?;
        let hours = services.requests.per_hour(site.id, &filter).await?;
        let seen = services.views.per_hour(site.id, filter.module, None, None).await?;
        let origins = services.views.by_origin(site.id, filter.module, None, None).await?;
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
                div.charts { (bars("latency", ("Average response time in milliseconds (slowest hour)", Headline::Highest), &[took], viewer.now)) }
                (views_table(&viewer, &modules, &origins))
                section {
                    h2 { "API calls" }
                    (filters(&site, &modules, &query, None))
                    (calls_table(&viewer, &modules, &calls))
                    (older_link(&query.address(&site), calls.next_cursor.as_deref()))
                }
            };
            (axum::http::StatusCode::OK, content)
        }
        Err(error) if error.status().is_client_error() => (
            error.status(),
            html! { section { h2 { "API calls" } (filters(&site, &modules, &query, Some(&error))) } },
        ),
        Err(error) => return Err(error),
    };
    Ok((status, viewer.page(&site_location(&site, SiteTab::Requests), &site.name, content)).into_response())
}

fn name_of(modules: &[Module], id: Uuid) -> &str {
    modules.iter().find(|module| module.id == id).map_or("deleted", |module| &module.name)
}

fn views_table(viewer: &Viewer, modules: &[Module], origins: &[OriginViews]) -> Markup {
    html! {
        section {
            h2 { "Views, by website" }
            @if origins.is_empty() {
                (empty("No website has shown a module of this site in the last 24 hours.", html! { "A view appears here about a second after a page has asked to embed a module." }))
            } @else {
                div.scroll tabindex="0" role="group" aria-label="Table" { table {
                    thead { tr { th scope="col" { "Website" } th scope="col" { "Module" } th scope="col" { "As" } th.number scope="col" { "Shown" } th.number scope="col" { "Blocked" } th scope="col" { "Last" } } }
                    tbody {
                        @for view in origins {
                            tr {
                                th scope="row" { @if view.origin.is_empty() { "other websites" } @else { (view.origin) } }
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

fn filters(site: &Site, modules: &[Module], query: &LogQuery, error: Option<&Error>) -> Markup {
    let chosen = |list: &Option<String>, value: &str| list.as_deref() == Some(value);
    html! {
        (form_error(error))
        form.filters method="get" action={ "/console/sites/" (site.id) "/requests" } {
            label { "Module" select name="module" {
                option value="" { "all" }
                @for module in modules { option value=(module.id) selected[chosen(&query.module, &module.id.to_string())] { (module.name) } }
            } }
            label { "Method" select name="method" {
                option value="" { "all" }
                @for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] { option selected[chosen(&query.method, method)] { (method) } }
            } }
            label { "Status" input type="text" name="status" value=[query.status.as_deref()] placeholder="404 or 4xx" size="8"; }
            label { "Origin" input type="text" name="origin" value=[query.origin.as_deref()] placeholder="https://www.example.com"; }
            @if let Some(token) = &query.token { input type="hidden" name="token" value=(token); }
            button type="submit" { "Show" }
        }
        @if query.token.is_some() { p.hint { "Showing the calls of one token only. " a href={ "/console/sites/" (site.id) "/requests" } { "All calls" } } }
    }
}

fn calls_table(viewer: &Viewer, modules: &[Module], calls: &Paged<LoggedRequest>) -> Markup {
    html! {
        @if calls.data.is_empty() {
            (empty("The log has no matching calls.", html! { "A call appears here about a second after its response." }))
        } @else {
            div.scroll tabindex="0" role="group" aria-label="Table" { table {
                thead { tr { th scope="col" { "Call" } th scope="col" { "Status" } th.number scope="col" { "ms" } th scope="col" { "Caller" } th scope="col" { "Origin" } th scope="col" { "Time" } } }
                tbody {
                    @for call in &calls.data {
                        tr {
                            th scope="row" { code { (call.method) " " (call.path) } br; span.hint { (name_of(modules, call.module_id)) } }
                            td { (status(call)) }
                            td.number { (number(call.response_time_ms)) }
                            td { (call.caller) }
                            td { (call.origin.as_deref().unwrap_or("none")) br; span.hint { (call.ip_address) } }
                            td { (time(call.created_at, viewer.now)) }
                        }
                    }
                }
            } }
        }
    }
}

fn status(call: &LoggedRequest) -> Markup {
    let kind = match call.status_code {
        500.. => BadgeKind::Bad,
        400.. => BadgeKind::Neutral,
        _ => BadgeKind::Good,
    };
    html! {
        (badge(&call.status_code.to_string(), kind))
        @if let Some(code) = &call.error_code { br; code.hint title=[call.error_message.as_deref()] { (code) } }
    }
}
