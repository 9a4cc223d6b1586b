//! A site's API tokens: creating, rotating and revoking them, and their use.

use super::modules::may_change;
use super::sites::{SiteTab, site_location};
use crate::ConsoleState;
use crate::shell::chart::{Headline, Series, bars};
use crate::shell::elements::{
    BadgeKind, badge, confirmation, csrf, empty, form_error, number, time, time_or,
};
use crate::shell::form::{Checkbox, EmptyForm, SessionForm, redisplay};
use crate::shell::new_secret;
use crate::shell::page::{Page, PageLocation};
use crate::shell::viewer::{Outcome, Viewer};
use aide::axum::ApiRouter;
use aide::axum::routing::get;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use embed_base::http::{Paging, Scope, Verb};
use embed_base::secrets::SecretKind;
use embed_base::{Error, Result};
use embed_core::accounts::{Admin, Member};
use embed_core::modules::{Module, Modules};
use embed_core::requests::RequestFilter;
use embed_core::services::Services;
use embed_core::sites::{ManagedSite, Site};
use embed_core::tokens::{ApiToken, ManagedToken, NewToken, RATE_LIMIT, Tokens};
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

/// `/console/sites/{site}/tokens` and below.
pub fn router() -> ApiRouter<ConsoleState> {
    let token = "/console/sites/{site}/tokens/{token}";
    ApiRouter::new()
        .api_route("/console/sites/{site}/tokens", get(list).post(create))
        .api_route(token, get(show))
        .api_route(&format!("{token}/rotate"), get(ask_rotate).post(rotate))
        .api_route(&format!("{token}/revoke"), get(ask_revoke).post(revoke))
}

/// The location of a token's pages.
fn token_location(site: &Site) -> PageLocation<'_> {
    site_location(site, SiteTab::Inner).with_parent("Tokens", list_address(site))
}

fn list_address(site: &Site) -> String {
    format!("/console/sites/{}/tokens", site.id)
}

fn address(token: &ApiToken) -> String {
    format!("/console/sites/{}/tokens/{}", token.site_id, token.id)
}

/// The form that creates an API token.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct ApiTokenForm {
    name: String,
    module: String,
    read: Checkbox,
    write: Checkbox,
    delete: Checkbox,
    collections: String,
    allowed_domains: String,
    allowed_ips: String,
    rate_limit: String,
    days: String,
}

impl ApiTokenForm {
    fn defaults() -> Self {
        Self {
            read: Checkbox(true),
            rate_limit: RATE_LIMIT.to_string(),
            days: "90".to_owned(),
            ..Self::default()
        }
    }

    fn new_token(&self, viewer: &Viewer) -> Result<NewToken> {
        let limit = self.rate_limit.trim().parse();
        let limit = limit
            .map_err(|_| Error::invalid("The limit is a whole number of requests per minute, at least 1."))?;
        let expires_at = match self.days.trim() {
            "" => None,
            days => match days.parse() {
                Ok(days @ 1..=3650) => Some(viewer.now + TimeDelta::days(days)),
                _ => {
                    return Err(Error::invalid(
                        "A token expires in 1 to 3650 days; leave the field empty for a token that never expires.",
                    ));
                }
            },
        };
        Ok(NewToken {
            module_id: Uuid::try_parse(&self.module)
                .map_err(|_| Error::invalid("Choose the module that the token gives access to."))?,
            name: self.name.clone(),
            scopes: self.scopes()?,
            allowed_domains: split_list(&self.allowed_domains),
            allowed_ips: split_list(&self.allowed_ips),
            rate_limit: Some(limit),
            expires_at,
        })
    }

    /// The chosen verbs, each in every collection or in those that are named.
    fn scopes(&self) -> Result<Vec<Scope>> {
        let verbs = [(self.read, Verb::Read), (self.write, Verb::Write), (self.delete, Verb::Delete)];
        let verbs = verbs.into_iter().filter(|(Checkbox(on), _)| *on).map(|(_, verb)| verb);
        match split_list(&self.collections) {
            None => Ok(verbs.map(Scope::Records).collect()),
            Some(names) => {
                verbs.flat_map(|verb| names.iter().map(move |name| in_collection(verb, name))).collect()
            }
        }
    }
}

fn in_collection(verb: Verb, name: &str) -> Result<Scope> {
    Scope::parse(&format!("{}:{name}", verb.as_str())).map_err(|_| {
        let shown: String = name.chars().take(64).collect();
        Error::invalid(format!(
            "`{}` is not the name of a collection; expected lower-case letters, digits, hyphens and underscores, a letter first.",
            shown.escape_debug()
        ))
    })
}

/// Splits a list at commas, spaces and line breaks. `None`, for an empty list, allows any.
fn split_list(text: &str) -> Option<Vec<String>> {
    let items: Vec<_> = text
        .split(|character: char| character == ',' || character.is_whitespace())
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect();
    (!items.is_empty()).then_some(items)
}

async fn list(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Member>,
    State(services): State<Services>,
    State(console): State<ConsoleState>,
    headers: HeaderMap,
) -> Result<Response> {
    let all = all(&services.tokens, &site).await?;
    let prefixes = all.iter().map(|token| token.token_prefix.as_str());
    let is_own = |text: &str| new_secret::is_token(text, SecretKind::Live, prefixes);
    let secret = new_secret::read(&console, &headers, is_own);
    let secret_notice = new_secret::notice("token", secret.as_deref());
    let page =
        page(&viewer, &site, &all, &services.modules, &ApiTokenForm::defaults(), secret_notice, None).await?;
    Ok(new_secret::respond(&console, secret.as_deref(), page))
}

async fn all(tokens: &Tokens, site: &Site) -> Result<Vec<ApiToken>> {
    Ok(tokens.page(site.id, &Paging::new(Some(200), None)?).await?.data)
}

async fn page(
    viewer: &Viewer,
    site: &Site,
    all: &[ApiToken],
    modules: &Modules,
    entered: &ApiTokenForm,
    secret_notice: Markup,
    error: Option<&Error>,
) -> Result<Page> {
    let modules = modules.list(site.id).await?;
    let may = may_change(viewer, site);
    let name_of =
        |id: Uuid| modules.iter().find(|module| module.id == id).map_or("deleted", |module| &module.name);
    Ok(viewer.page(&site_location(site, SiteTab::Tokens), &site.name, html! {
        p.lead { "An API token gives a program access to the data of one module." }
        (secret_notice)
        @if all.is_empty() {
            (empty("This site has no tokens yet.", html! { (if may { "Create one for a program that reads or writes what visitors send." } else { "An admin can create one for a program that reads or writes what visitors send." }) }))
        } @else {
            div.scroll tabindex="0" role="group" aria-label="Table" { table {
                thead { tr { th scope="col" { "Token" } th scope="col" { "Module" } th scope="col" { "Scopes" } th scope="col" { "Last used" } th.number scope="col" { "Uses" } th scope="col" { "State" } } }
                tbody {
                    @for token in all {
                        tr {
                            th scope="row" { a href=(address(token)) { (token.name) } br; code.hint { "dram_live_" (token.token_prefix) "…" } }
                            td { (name_of(token.module_id)) }
                            td { (scopes(token)) }
                            td { (time_or(token.last_used_at, viewer.now, "never")) }
                            td.number { (number(token.usage_count)) }
                            td { (state(viewer, token)) }
                        }
                    }
                }
            } }
        }
        @if may {
            section {
                h2 { "Create a token" }
                (form_error(error))
                @if modules.is_empty() {
                    p.hint { "Publish a module first: each token belongs to one." }
                } @else {
                    (token_form(viewer, site, &modules, entered))
                }
            }
        }
    }))
}

fn scopes(token: &ApiToken) -> String {
    token.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn state(viewer: &Viewer, token: &ApiToken) -> Markup {
    match (token.revoked_at, token.expires_at) {
        (Some(at), _) => html! { (badge("revoked", BadgeKind::Bad)) " " (time(at, viewer.now)) },
        (None, Some(end)) if end <= viewer.now => {
            html! { (badge("expired", BadgeKind::Bad)) " " (time(end, viewer.now)) }
        }
        (None, Some(end)) => html! { (badge("active", BadgeKind::Good)) " expires " (time(end, viewer.now)) },
        (None, None) => badge("active", BadgeKind::Good),
    }
}

fn token_form(viewer: &Viewer, site: &Site, modules: &[Module], form: &ApiTokenForm) -> Markup {
    let tick = |name: &str, label: &str, Checkbox(on): Checkbox| {
        html! {
            label.tick { input type="checkbox" name=(name) checked[on]; (label) }
        }
    };
    html! {
        form.stack method="post" action=(list_address(site)) {
            (csrf(viewer))
            label { "Name" input type="text" name="name" value=(form.name) maxlength="200" placeholder="What it is for" required; }
            label { "Module" select name="module" required {
                @for module in modules { option value=(module.id) selected[module.id.to_string() == form.module] { (module.name) } }
            } }
            fieldset {
                legend { "Scopes" }
                (tick("read", "read", form.read))
                (tick("write", "write", form.write))
                (tick("delete", "delete", form.delete))
            }
            label { "Only in these collections" input type="text" name="collections" value=(form.collections) placeholder="all; for example entries, comments"; }
            label { "Only from pages of these domains" input type="text" name="allowed_domains" value=(form.allowed_domains) placeholder="any page or program"; }
            label { "Only from these IP addresses and networks" input type="text" name="allowed_ips" value=(form.allowed_ips) placeholder="any; for example 192.0.2.0/24"; }
            label { "Requests per minute" input type="number" name="rate_limit" value=(form.rate_limit) min="1" max="4294967295" required; }
            label { "Expires after this many days" input type="number" name="days" value=(form.days) min="1" max="3650" placeholder="never"; }
            button.primary type="submit" { "Create token" }
        }
    }
}

async fn create(
    viewer: Viewer,
    ManagedSite { site, operator, .. }: ManagedSite<Admin>,
    State(services): State<Services>,
    State(console): State<ConsoleState>,
    SessionForm(form): SessionForm<ApiTokenForm>,
) -> Result<Response> {
    let created =
        async { services.tokens.create(&operator.actor(), site.id, form.new_token(&viewer)?).await };
    match created.await {
        Ok(created) => Ok(new_secret::redirect(&console, &created.token, &list_address(&site))),
        Err(error) => {
            redisplay(error, async |error| {
                let all = all(&services.tokens, &site).await?;
                page(&viewer, &site, &all, &services.modules, &form, html! {}, Some(error)).await
            })
            .await
        }
    }
}

async fn show(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Member>,
    ManagedToken { token, .. }: ManagedToken<Member>,
    State(services): State<Services>,
) -> Result<Page> {
    let filter = RequestFilter { token: Some(token.id), ..RequestFilter::default() };
    let hours = services.requests.per_hour(site.id, &filter).await?;
    let here = address(&token);
    let location = token_location(&site);
    let calls = Series {
        name: "calls",
        class: "bar",
        counts: hours.iter().map(|hour| (hour.hour.clone(), hour.requests)).collect(),
    };
    let any = |list: Option<&Vec<String>>| list.map_or_else(|| "any".to_owned(), |list| list.join(", "));
    let counts = token.is_valid_at(viewer.now);
    Ok(viewer.page(&location, &token.name, html! {
        p { (state(&viewer, &token)) }
        div.charts #charts data-live { (bars("usage", ("Calls", Headline::Sum), &[calls], viewer.now)) }
        dl {
            dt { "Begins with" } dd { code { "dram_live_" (token.token_prefix) "…" } }
            dt { "Scopes" } dd { (scopes(&token)) }
            dt { "Allowed domains" } dd { (any(token.allowed_domains.as_deref())) }
            dt { "Allowed IP addresses" } dd { (any(token.allowed_ips.as_deref())) }
            dt { "Limit" } dd { (number(token.rate_limit)) " requests per minute" }
            dt { "Used" } dd { (number(token.usage_count)) " times, last " (time_or(token.last_used_at, viewer.now, "never")) }
            dt { "Created" } dd { (time(token.created_at, viewer.now)) }
        }
        p { a href={ "/console/sites/" (site.id) "/requests?token=" (token.id) } { "Calls of this token" } }
        @if counts && may_change(&viewer, &site) {
            section.danger-zone {
                h2 { "Rotate or revoke" }
                p { "Rotating creates a token with the same scopes and limits. The old token keeps working for a day, so that programs can switch without interruption." }
                div.buttons {
                    a.button href={ (here) "/rotate" } { "Rotate…" }
                    a.button.danger href={ (here) "/revoke" } { "Revoke…" }
                }
            }
        }
    }))
}

async fn ask_rotate(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Admin>,
    ManagedToken { token, .. }: ManagedToken<Admin>,
) -> Page {
    let here = address(&token);
    let location = token_location(&site);
    let explanation = html! { p { "A new token replaces " strong { (token.name) } ". The old one stops working in a day." } };
    let confirmation = confirmation(&viewer, &format!("{here}/rotate"), explanation, "Rotate", &here);
    viewer.page(&location, &format!("Rotate “{}”?", token.name), confirmation)
}

async fn rotate(
    ManagedSite { site, .. }: ManagedSite<Admin>,
    ManagedToken { token, operator, .. }: ManagedToken<Admin>,
    State(services): State<Services>,
    State(console): State<ConsoleState>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    let created = services.tokens.rotate(&operator.actor(), site.id, token.id, None).await?;
    Ok(new_secret::redirect(&console, &created.token, &list_address(&site)))
}

async fn ask_revoke(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Admin>,
    ManagedToken { token, .. }: ManagedToken<Admin>,
) -> Page {
    let here = address(&token);
    let location = token_location(&site);
    let explanation = html! { p { "Programs that use " strong { (token.name) } " are refused within two seconds. This cannot be undone." } };
    let confirmation = confirmation(&viewer, &format!("{here}/revoke"), explanation, "Revoke", &here);
    viewer.page(&location, &format!("Revoke “{}”?", token.name), confirmation)
}

async fn revoke(
    ManagedToken { token, operator, .. }: ManagedToken<Admin>,
    State(services): State<Services>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    let token = services.tokens.revoke(&operator.actor(), token.site_id, token.id).await?;
    Ok(Redirect::to(&format!("{}?done={}", address(&token), Outcome::Revoked.as_str())).into_response())
}
