//! A site's API tokens: making, rotating and revoking them, and how they are used.

use super::modules::may_change;
use super::sites::{Part, place};
use crate::Console;
use crate::shell::chart::{Headline, Series, bars};
use crate::shell::elements::{Mood, badge, complaint, csrf, empty, number, question, time, time_or};
use crate::shell::form::{Nothing, Posted, Ticked, again};
use crate::shell::fresh;
use crate::shell::page::{Page, Place};
use crate::shell::viewer::{Done, Viewer};
use aide::axum::ApiRouter;
use aide::axum::routing::get;
use axum::extract::{FromRef, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use embed_base::http::{Paging, Scope};
use embed_base::secrets::SecretKind;
use embed_base::{Error, Result};
use embed_core::accounts::{Accounts, Admin, Member};
use embed_core::modules::{Module, Modules};
use embed_core::requests::{Filter, Requests};
use embed_core::sites::{ManagedSite, Site, Sites};
use embed_core::tokens::{ApiToken, ManagedToken, NewToken, RATE_LIMIT, Tokens};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;
use uuid::Uuid;

/// `/console/sites/{site}/tokens` and below.
pub fn router<S>() -> ApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
    Console: FromRef<S>,
    Requests: FromRef<S>,
    Sites: FromRef<S>,
    Tokens: FromRef<S>,
    Arc<Modules>: FromRef<S>,
{
    let token = "/console/sites/{site}/tokens/{token}";
    ApiRouter::new()
        .api_route("/console/sites/{site}/tokens", get(list).post(create))
        .api_route(token, get(show))
        .api_route(&format!("{token}/rotate"), get(ask_rotate).post(rotate))
        .api_route(&format!("{token}/revoke"), get(ask_revoke).post(revoke))
}

/// Where pages of one token are.
fn inner(site: &Site) -> Place<'_> {
    place(site, Part::Inner).within("Tokens", list_address(site))
}

fn list_address(site: &Site) -> String {
    format!("/console/sites/{}/tokens", site.id)
}

fn address(token: &ApiToken) -> String {
    format!("/console/sites/{}/tokens/{}", token.site_id, token.id)
}

/// What a form says about a token.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct TokenForm {
    name: String,
    module: String,
    read: Ticked,
    write: Ticked,
    delete: Ticked,
    allowed_domains: String,
    allowed_ips: String,
    rate_limit: String,
    days: String,
}

impl TokenForm {
    fn usual() -> Self {
        Self {
            read: Ticked(true),
            rate_limit: RATE_LIMIT.to_string(),
            days: "90".to_owned(),
            ..Self::default()
        }
    }

    fn new_token(&self, viewer: &Viewer) -> Result<NewToken> {
        let scopes = [(self.read, Scope::Read), (self.write, Scope::Write), (self.delete, Scope::Delete)];
        let limit = self.rate_limit.trim().parse();
        let limit = limit
            .map_err(|_| Error::invalid("The limit is a whole number of requests per minute, at least 1."))?;
        let expires_at = match self.days.trim() {
            "" => None,
            days => match days.parse() {
                Ok(days @ 1..=3650) => Some(viewer.now + TimeDelta::days(days)),
                _ => {
                    return Err(Error::invalid(
                        "A token ends in 1 to 3650 days; leave it empty for one that does not end.",
                    ));
                }
            },
        };
        Ok(NewToken {
            module_id: Uuid::try_parse(&self.module)
                .map_err(|_| Error::invalid("Choose the module whose API the token opens."))?,
            name: self.name.clone(),
            scopes: scopes.into_iter().filter(|(Ticked(on), _)| *on).map(|(_, scope)| scope).collect(),
            allowed_domains: listed(&self.allowed_domains),
            allowed_ips: listed(&self.allowed_ips),
            rate_limit: Some(limit),
            expires_at,
        })
    }
}

/// What is separated by commas, spaces or lines; nothing at all means any.
fn listed(text: &str) -> Option<Vec<String>> {
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
    State(tokens): State<Tokens>,
    State(modules): State<Arc<Modules>>,
    State(console): State<Console>,
    headers: HeaderMap,
) -> Result<Response> {
    let all = all(&tokens, &site).await?;
    let listed = all.iter().map(|token| token.token_prefix.as_str());
    let secret = fresh::waiting(&console, &headers, SecretKind::Live, listed);
    let made = fresh::shown(secret.as_ref());
    let page = page(&viewer, &site, &all, &modules, &TokenForm::usual(), made, None).await?;
    Ok(fresh::page(&console, secret.as_ref(), page))
}

async fn all(tokens: &Tokens, site: &Site) -> Result<Vec<ApiToken>> {
    Ok(tokens.page(site.id, &Paging::new(Some(200), None)?).await?.data)
}

async fn page(
    viewer: &Viewer,
    site: &Site,
    all: &[ApiToken],
    modules: &Modules,
    tried: &TokenForm,
    made: Markup,
    error: Option<&Error>,
) -> Result<Page> {
    let modules = modules.list(site.id).await?;
    let may = may_change(viewer, site);
    let name_of =
        |id: Uuid| modules.iter().find(|module| module.id == id).map_or("gone", |module| &module.name);
    Ok(viewer.page(&place(site, Part::Tokens), &site.name, html! {
        p.lead { "With an API token a program reaches the data of one module." }
        (made)
        @if all.is_empty() {
            (empty("This site has no token yet.", html! { (if may { "Make one for the first program that reads or writes what visitors send." } else { "An admin makes one for the first program that reads or writes what visitors send." }) }))
        } @else {
            div.scroll tabindex="0" role="group" aria-label="Table" { table {
                thead { tr { th scope="col" { "Token" } th scope="col" { "Module" } th scope="col" { "May" } th scope="col" { "Last used" } th.number scope="col" { "Used" } th scope="col" { "State" } } }
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
                h2 { "Make a token" }
                (complaint(error))
                @if modules.is_empty() {
                    p.hint { "First publish a module: a token opens the data of one." }
                } @else {
                    (token_form(viewer, site, &modules, tried))
                }
            }
        }
    }))
}

fn scopes(token: &ApiToken) -> String {
    token.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ")
}

fn state(viewer: &Viewer, token: &ApiToken) -> Markup {
    match (token.revoked_at, token.expires_at) {
        (Some(at), _) => html! { (badge("revoked", Mood::Bad)) " " (time(at, viewer.now)) },
        (None, Some(end)) if end <= viewer.now => {
            html! { (badge("ended", Mood::Bad)) " " (time(end, viewer.now)) }
        }
        (None, Some(end)) => html! { (badge("good", Mood::Good)) " ends " (time(end, viewer.now)) },
        (None, None) => badge("good", Mood::Good),
    }
}

fn token_form(viewer: &Viewer, site: &Site, modules: &[Module], form: &TokenForm) -> Markup {
    let tick = |name: &str, label: &str, Ticked(on): Ticked| {
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
                legend { "It may" }
                (tick("read", "read", form.read))
                (tick("write", "write", form.write))
                (tick("delete", "delete", form.delete))
            }
            label { "Only from pages of these domains" input type="text" name="allowed_domains" value=(form.allowed_domains) placeholder="any, and programs"; }
            label { "Only from these addresses and networks" input type="text" name="allowed_ips" value=(form.allowed_ips) placeholder="any, such as 192.0.2.0/24"; }
            label { "Requests per minute" input type="number" name="rate_limit" value=(form.rate_limit) min="1" max="4294967295" required; }
            label { "Ends in so many days" input type="number" name="days" value=(form.days) min="1" max="3650" placeholder="never"; }
            button.primary type="submit" { "Make the token" }
        }
    }
}

async fn create(
    viewer: Viewer,
    ManagedSite { site, operator, .. }: ManagedSite<Admin>,
    State(tokens): State<Tokens>,
    State(modules): State<Arc<Modules>>,
    State(console): State<Console>,
    Posted(form): Posted<TokenForm>,
) -> Result<Response> {
    let created = async { tokens.create(&operator.actor(), site.id, form.new_token(&viewer)?).await };
    match created.await {
        Ok(made) => Ok(fresh::lead(&console, &made.token, &list_address(&site))),
        Err(error) => {
            again(error, async |error| {
                let all = all(&tokens, &site).await?;
                page(&viewer, &site, &all, &modules, &form, html! {}, Some(error)).await
            })
            .await
        }
    }
}

async fn show(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Member>,
    ManagedToken { token, .. }: ManagedToken<Member>,
    State(requests): State<Requests>,
) -> Result<Page> {
    let filter = Filter { token: Some(token.id), ..Filter::default() };
    let hours = requests.per_hour(site.id, &filter).await?;
    let here = address(&token);
    let place = inner(&site);
    let calls = Series {
        name: "calls",
        class: "bar",
        counts: hours.iter().map(|hour| (hour.hour.clone(), hour.requests)).collect(),
    };
    let any = |list: Option<&Vec<String>>| list.map_or_else(|| "any".to_owned(), |list| list.join(", "));
    let counts = token.is_valid_at(viewer.now);
    Ok(viewer.page(&place, &token.name, html! {
        p { (state(&viewer, &token)) }
        div.charts #charts data-live { (bars("usage", ("Calls", Headline::Sum), &[calls], viewer.now)) }
        dl {
            dt { "Begins with" } dd { code { "dram_live_" (token.token_prefix) "…" } }
            dt { "May" } dd { (scopes(&token)) }
            dt { "From pages of" } dd { (any(token.allowed_domains.as_deref())) }
            dt { "From addresses in" } dd { (any(token.allowed_ips.as_deref())) }
            dt { "Limit" } dd { (number(token.rate_limit)) " requests per minute" }
            dt { "Used" } dd { (number(token.usage_count)) " times, last " (time_or(token.last_used_at, viewer.now, "never")) }
            dt { "Made" } dd { (time(token.created_at, viewer.now)) }
        }
        p { a href={ "/console/sites/" (site.id) "/requests?token=" (token.id) } { "Its calls in the log" } }
        @if counts && may_change(&viewer, &site) {
            section.danger-zone {
                h2 { "Replace or end it" }
                p { "Rotating makes a token that may do the same; the old one goes on to count for a day, so that a program can be moved without a gap." }
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
    let place = inner(&site);
    let explanation = html! { p { "A new token takes the place of " strong { (token.name) } ". The old one ends in a day." } };
    let question = question(&viewer, &format!("{here}/rotate"), explanation, "Rotate", &here);
    viewer.page(&place, &format!("Rotate {}?", token.name), question)
}

async fn rotate(
    ManagedSite { site, .. }: ManagedSite<Admin>,
    ManagedToken { token, operator, .. }: ManagedToken<Admin>,
    State(tokens): State<Tokens>,
    State(console): State<Console>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response> {
    let made = tokens.rotate(&operator.actor(), site.id, token.id, None).await?;
    Ok(fresh::lead(&console, &made.token, &list_address(&site)))
}

async fn ask_revoke(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Admin>,
    ManagedToken { token, .. }: ManagedToken<Admin>,
) -> Page {
    let here = address(&token);
    let place = inner(&site);
    let explanation = html! { p { "Programs that use " strong { (token.name) } " are refused within two seconds, for good." } };
    let question = question(&viewer, &format!("{here}/revoke"), explanation, "Revoke", &here);
    viewer.page(&place, &format!("Revoke {}?", token.name), question)
}

async fn revoke(
    ManagedToken { token, operator, .. }: ManagedToken<Admin>,
    State(tokens): State<Tokens>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response> {
    let token = tokens.revoke(&operator.actor(), token.site_id, token.id).await?;
    Ok(Redirect::to(&format!("{}?done={}", address(&token), Done::Revoked.word())).into_response())
}
