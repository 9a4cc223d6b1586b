//! Where a module may be embedded, and how a domain's owner proves that it is his.

use super::modules::{ModulePart, address, may_change, module_place};
use crate::Console;
use crate::shell::elements::{
    Mood, badge, complaint, copyable, csrf, empty, number, question, time, time_or,
};
use crate::shell::form::{Nothing, Posted, Ticked, again};
use crate::shell::page::Page;
use crate::shell::viewer::{Done, Viewer};
use aide::axum::ApiRouter;
use aide::axum::routing::{get, post};
use axum::extract::{FromRef, State};
use axum::response::{IntoResponse, Redirect, Response};
use embed_base::{Code, Error, Result};
use embed_core::accounts::{Accounts, Admin, Member};
use embed_core::domains::{
    AllowedDomain, DomainChanges, Domains, Instructions, ManagedDomain, NewDomain, RATE_LIMIT, Record,
};
use embed_core::modules::{ManagedModule, Module, Modules};
use embed_core::sites::{ManagedSite, Site, Sites};
use embed_protocol::EmbedType;
use maud::{Markup, html};
use serde::Deserialize;
use std::num::NonZeroU32;
use std::sync::Arc;

/// `/console/sites/{site}/modules/{module}/domains` and below.
pub fn router<S>() -> ApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
    Console: FromRef<S>,
    Domains: FromRef<S>,
    Sites: FromRef<S>,
    Arc<Modules>: FromRef<S>,
{
    let domains = "/console/sites/{site}/modules/{module}/domains";
    ApiRouter::new()
        .api_route(domains, get(list).post(add))
        .api_route(&format!("{domains}/{{domain}}"), get(show).post(change))
        .api_route(&format!("{domains}/{{domain}}/verify"), post(verify))
        .api_route(&format!("{domains}/{{domain}}/remove"), get(ask_remove).post(remove))
}

fn domain_address(domain: &AllowedDomain) -> String {
    format!("/console/sites/{}/modules/{}/domains/{}", domain.site_id, domain.module_id, domain.id)
}

async fn list(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Member>,
    ManagedModule { module, .. }: ManagedModule<Member>,
    State(domains): State<Domains>,
) -> Result<Page> {
    list_page(&viewer, (&site, &module), &domains, &DomainForm::usual(), None).await
}

async fn list_page(
    viewer: &Viewer,
    (site, module): (&Site, &Module),
    domains: &Domains,
    tried: &DomainForm,
    error: Option<&Error>,
) -> Result<Page> {
    let all = domains.list(site.id, module.id).await?;
    let here = format!("{}/domains", address(module));
    Ok(viewer.page(&module_place(site, module, ModulePart::Domains), &module.name, html! {
        @if all.is_empty() {
            (empty("No website may embed this module yet.", html! {
                (if may_change(viewer, site) { "Allow the domain of the first one below." } else { "An admin allows the domain of the first one." })
                " Its owner then proves it with a DNS record or a meta tag."
            }))
        } @else {
            div.scroll tabindex="0" role="group" aria-label="Table" { table {
                thead { tr { th scope="col" { "Domain" } th scope="col" { "State" } th scope="col" { "May" } th scope="col" { "Last looked" } } }
                tbody {
                    @for domain in &all {
                        tr {
                            th scope="row" { a href=(domain_address(domain)) { (domain.domain) } (in_its_script(domain)) }
                            td { (state(domain)) }
                            td { (permissions(domain)) }
                            td { (time_or(domain.last_checked_at, viewer.now, "not yet")) }
                        }
                    }
                }
            } }
        }
        @if may_change(viewer, site) {
            section {
                h2 { "Allow a domain" }
                (complaint(error))
                form.stack method="post" action=(here) {
                    (csrf(viewer))
                    label { "Domain" input type="text" name="domain" value=(tried.domain) placeholder="www.example.com, or *.example.com for all below it" autocapitalize="none" spellcheck="false" required; }
                    (switches(tried))
                    button.primary type="submit" { "Allow" }
                }
            }
        }
    }))
}

/// What people call the domain, where its letters are others.
fn in_its_script(domain: &AllowedDomain) -> Markup {
    let name = domain.pattern().ok().and_then(|pattern| pattern.in_owner_script());
    html! { @if let Some(name) = name { " " span.hint { (name) } } }
}

fn state(domain: &AllowedDomain) -> Markup {
    match (domain.verified, domain.missing_since) {
        (true, None) => badge("verified", Mood::Good),
        (true, Some(_)) => badge("proof missing", Mood::Bad),
        (false, _) => badge("waiting for the proof", Mood::Open),
    }
}

fn permissions(domain: &AllowedDomain) -> String {
    let types: Vec<_> = domain.embed_types.iter().map(|kind| kind.as_str()).collect();
    let embed = match (domain.allow_embed, types.is_empty()) {
        (false, _) => None,
        (true, true) => Some("embed".to_owned()),
        (true, false) => Some(format!("embed as {}", types.join(", "))),
    };
    let api = domain.allow_api.then(|| "use the API".to_owned());
    let may: Vec<_> = embed.into_iter().chain(api).collect();
    if may.is_empty() { "nothing".to_owned() } else { may.join("; ") }
}

/// What a form says about a domain.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct DomainForm {
    domain: String,
    embed: Ticked,
    api: Ticked,
    widget: Ticked,
    popup: Ticked,
    inline: Ticked,
    rate_limit: String,
}

impl DomainForm {
    fn usual() -> Self {
        Self { embed: Ticked(true), api: Ticked(true), rate_limit: RATE_LIMIT.to_string(), ..Self::default() }
    }

    fn of(domain: &AllowedDomain) -> Self {
        let has = |kind| Ticked(domain.embed_types.contains(&kind));
        Self {
            domain: domain.domain.clone(),
            embed: Ticked(domain.allow_embed),
            api: Ticked(domain.allow_api),
            widget: has(EmbedType::Widget),
            popup: has(EmbedType::Popup),
            inline: has(EmbedType::Inline),
            rate_limit: domain.rate_limit.to_string(),
        }
    }

    fn types(&self) -> Vec<EmbedType> {
        let ticked = [
            (self.widget, EmbedType::Widget),
            (self.popup, EmbedType::Popup),
            (self.inline, EmbedType::Inline),
        ];
        ticked.into_iter().filter(|(Ticked(on), _)| *on).map(|(_, kind)| kind).collect()
    }

    fn limit(&self) -> Result<NonZeroU32> {
        self.rate_limit
            .trim()
            .parse()
            .map_err(|_| Error::invalid("The limit is a whole number of API requests per hour, at least 1."))
    }

    fn new_domain(&self, domains: &Domains) -> Result<NewDomain> {
        Ok(NewDomain {
            pattern: domains.pattern(&self.domain)?,
            allow_embed: self.embed.0,
            allow_api: self.api.0,
            embed_types: self.types(),
            rate_limit: self.limit()?.get().into(),
        })
    }

    fn changes(&self) -> Result<DomainChanges> {
        Ok(DomainChanges {
            allow_embed: Some(self.embed.0),
            allow_api: Some(self.api.0),
            embed_types: Some(self.types()),
            rate_limit: Some(self.limit()?),
        })
    }
}

fn switches(form: &DomainForm) -> Markup {
    let tick = |name: &str, label: &str, Ticked(on): Ticked| {
        html! {
            label.tick { input type="checkbox" name=(name) checked[on]; (label) }
        }
    };
    html! {
        fieldset {
            legend { "Its pages may" }
            (tick("embed", "embed the module", form.embed))
            (tick("api", "call its API from scripts", form.api))
        }
        fieldset {
            legend { "Embed it as" }
            (tick("widget", "widget", form.widget))
            (tick("popup", "popup", form.popup))
            (tick("inline", "inline", form.inline))
            p.hint { "None ticked means all." }
        }
        label { "API requests per hour" input type="number" name="rate_limit" value=(form.rate_limit) min="1" max="4294967295" required; }
    }
}

async fn add(
    viewer: Viewer,
    ManagedSite { site, operator, .. }: ManagedSite<Admin>,
    ManagedModule { module, .. }: ManagedModule<Admin>,
    State(domains): State<Domains>,
    Posted(form): Posted<DomainForm>,
) -> Result<Response> {
    let added = async {
        let new = form.new_domain(&domains)?;
        domains.add(&operator.actor(), site.id, module.id, new).await
    };
    match added.await {
        Ok(domain) => Ok(said(&domain, Done::Created)),
        Err(error) => {
            again(error, async |error| {
                list_page(&viewer, (&site, &module), &domains, &form, Some(error)).await
            })
            .await
        }
    }
}

fn said(domain: &AllowedDomain, done: Done) -> Response {
    Redirect::to(&format!("{}?done={}", domain_address(domain), done.word())).into_response()
}

async fn show(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Member>,
    ManagedModule { module, .. }: ManagedModule<Member>,
    ManagedDomain { domain, .. }: ManagedDomain<Member>,
) -> Result<Page> {
    page(&viewer, (&site, &module), &domain, &DomainForm::of(&domain), None)
}

fn page(
    viewer: &Viewer,
    (site, module): (&Site, &Module),
    domain: &AllowedDomain,
    form: &DomainForm,
    error: Option<&Error>,
) -> Result<Page> {
    let here = domain_address(domain);
    let may = may_change(viewer, site);
    let place = module_place(site, module, ModulePart::Inner)
        .within("Domains", format!("{}/domains", address(module)));
    let Instructions { dns, meta, .. } = Instructions::new(domain)?;
    Ok(viewer.page(&place, &domain.domain, html! {
        (complaint(error))
        section {
            h2 { "The proof" }
            p { (state(domain)) (in_its_script(domain)) }
            p { (looked(viewer, domain)) }
            @if let Some(reason) = domain.last_error.as_ref().filter(|_| domain.last_checked_at.is_some()) {
                p.reason { "The last look found no proof: " (reason) "." }
            }
            @match &dns {
                None => p.hint { "This is a website on this machine, which needs no proof." },
                Some(record) => (instructions(record, meta.as_deref())),
            }
            @if may && dns.is_some() {
                form.inline method="post" action={ (here) "/verify" } { (csrf(viewer)) button.primary type="submit" { "Verify now" } }
            }
        }
        section {
            h2 { "What its pages may" }
            @if may {
                form.stack method="post" action=(here) {
                    (csrf(viewer))
                    (switches(form))
                    button.primary type="submit" { "Save" }
                }
            } @else {
                p { (permissions(domain)) ", " (number(domain.rate_limit)) " API requests per hour" }
            }
        }
        @if may {
            section.danger-zone {
                h2 { "Remove" }
                p { "Its pages stop showing the module within two seconds." }
                a.button.danger href={ (here) "/remove" } { "Remove the domain…" }
            }
        }
    }))
}

fn looked(viewer: &Viewer, domain: &AllowedDomain) -> Markup {
    let now = viewer.now;
    html! {
        @if let Some(at) = domain.verified_at { "Verified " (time(at, now)) @if let Some(method) = &domain.verification_method { " by " (method_name(method)) } ". " }
        @if let Some(at) = domain.last_checked_at { "Last looked for " (time(at, now)) ". " }
        @if let Some(at) = domain.next_check_at { "Looked for again " (time(at, now)) ". " }
        @if domain.missing_since.is_some() { "If it stays away for three days in a row, the verification ends. " }
    }
}

fn method_name(method: &str) -> &str {
    match method {
        "dns" => "its DNS record",
        "meta" => "its meta tag",
        other => other,
    }
}

fn instructions(record: &Record, meta: Option<&str>) -> Markup {
    html! {
        p { "Its owner publishes " @if meta.is_some() { "either of these two:" } @else { "this record; a wildcard can be proved by DNS alone:" } }
        h3 { "A DNS record of type " (record.kind) }
        p.hint { "Its name" }
        (copyable("dns-name", "Name of the DNS record", &record.name))
        p.hint { "Its value" }
        (copyable("dns-value", "Value of the DNS record", &record.value))
        @if let Some(meta) = meta {
            h3 { "A tag in the head of its front page" }
            (copyable("meta-tag", "Meta tag", meta))
        }
    }
}

async fn change(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Admin>,
    ManagedModule { module, .. }: ManagedModule<Admin>,
    ManagedDomain { domain, operator, .. }: ManagedDomain<Admin>,
    State(domains): State<Domains>,
    Posted(form): Posted<DomainForm>,
) -> Result<Response> {
    let changed = async {
        let changes = form.changes()?;
        domains.change(&operator.actor(), domain.site_id, domain.id, &changes).await
    };
    match changed.await {
        Ok(domain) => Ok(said(&domain, Done::Saved)),
        Err(error) => {
            again(error, async |error| page(&viewer, (&site, &module), &domain, &form, Some(error))).await
        }
    }
}

/// What a look has found stands on the domain's page, so that is where it leads in either case.
async fn verify(
    ManagedDomain { domain, operator, .. }: ManagedDomain<Admin>,
    State(domains): State<Domains>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response> {
    match domains.verify(&operator.actor(), domain.site_id, domain.id, None).await {
        Ok(domain) => Ok(said(&domain, Done::Verified)),
        Err(error) if error.code() == Code::VerificationFailed => Ok(said(&domain, Done::NotVerified)),
        Err(error) => Err(error),
    }
}

async fn ask_remove(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Admin>,
    ManagedModule { module, .. }: ManagedModule<Admin>,
    ManagedDomain { domain, .. }: ManagedDomain<Admin>,
) -> Page {
    let here = domain_address(&domain);
    let place = module_place(&site, &module, ModulePart::Inner)
        .within("Domains", format!("{}/domains", address(&module)));
    let explanation = html! {
        p { "Pages of " strong { (domain.domain) } " stop showing " strong { (module.name) } " within two seconds. To allow it again, its owner has to publish another proof." }
    };
    let question = question(&viewer, &format!("{here}/remove"), explanation, "Remove", &here);
    viewer.page(&place, &format!("Remove {}?", domain.domain), question)
}

async fn remove(
    ManagedModule { module, .. }: ManagedModule<Admin>,
    ManagedDomain { domain, operator, .. }: ManagedDomain<Admin>,
    State(domains): State<Domains>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response> {
    domains.remove(&operator.actor(), domain.site_id, domain.id).await?;
    let list = format!("{}/domains?done={}", address(&module), Done::Removed.word());
    Ok(Redirect::to(&list).into_response())
}
