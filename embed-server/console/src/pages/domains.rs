//! The domains that may embed a module, and how their owners prove that they own them.

use super::modules::{ModuleTab, address, may_change, module_location};
use crate::ConsoleState;
use crate::shell::elements::{
    BadgeKind, badge, confirmation, copyable, csrf, empty, form_error, number, time, time_or,
};
use crate::shell::form::{Checkbox, EmptyForm, SessionForm, redisplay};
use crate::shell::page::Page;
use crate::shell::viewer::{Outcome, Viewer};
use aide::axum::ApiRouter;
use aide::axum::routing::{get, post};
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use embed_base::limits::Limit;
use embed_base::{Code, Error, Result};
use embed_core::accounts::{Admin, Member};
use embed_core::domains::{
    AllowedDomain, DomainChanges, Domains, Instructions, ManagedDomain, NewDomain, RATE_LIMIT, Record,
    VERIFICATIONS_PER_MINUTE,
};
use embed_core::modules::{ManagedModule, Module};
use embed_core::services::Services;
use embed_core::sites::{ManagedSite, Site};
use embed_protocol::EmbedType;
use maud::{Markup, html};
use serde::Deserialize;
use std::num::NonZeroU32;

/// `/console/sites/{site}/modules/{module}/domains` and below.
pub fn router() -> ApiRouter<ConsoleState> {
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
    State(services): State<Services>,
) -> Result<Page> {
    list_page(&viewer, (&site, &module), &services.domains, &DomainForm::defaults(), None).await
}

async fn list_page(
    viewer: &Viewer,
    (site, module): (&Site, &Module),
    domains: &Domains,
    entered: &DomainForm,
    error: Option<&Error>,
) -> Result<Page> {
    let all = domains.list(site.id, module.id).await?;
    let here = format!("{}/domains", address(module));
    Ok(viewer.page(&module_location(site, module, ModuleTab::Domains), &module.name, html! {
        @if all.is_empty() {
            (empty("No website may embed this module yet.", html! {
                (if may_change(viewer, site) { "Allow the domain of the first website below." } else { "An admin can allow the domain of the first website." })
                " Its owner then proves ownership with a DNS record or a meta tag."
            }))
        } @else {
            div.scroll tabindex="0" role="group" aria-label="Table" { table {
                thead { tr { th scope="col" { "Domain" } th scope="col" { "State" } th scope="col" { "Permissions" } th scope="col" { "Last checked" } } }
                tbody {
                    @for domain in &all {
                        tr {
                            th scope="row" { a href=(domain_address(domain)) { (domain.domain) } (unicode_name(domain)) }
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
                (form_error(error))
                form.stack method="post" action=(here) {
                    (csrf(viewer))
                    label { "Domain" input type="text" name="domain" value=(entered.domain) placeholder="www.example.com, or *.example.com for all subdomains" autocapitalize="none" spellcheck="false" required; }
                    (permission_fields(entered))
                    button.primary type="submit" { "Allow" }
                }
            }
        }
    }))
}

/// The name in its own script, if the domain is internationalized.
fn unicode_name(domain: &AllowedDomain) -> Markup {
    let name = domain.pattern().ok().and_then(|pattern| pattern.in_owner_script());
    html! { @if let Some(name) = name { " " span.hint { (name) } } }
}

fn state(domain: &AllowedDomain) -> Markup {
    match (domain.verified, domain.missing_since) {
        (true, None) => badge("verified", BadgeKind::Good),
        (true, Some(_)) => badge("proof missing", BadgeKind::Bad),
        (false, _) => badge("waiting for the proof", BadgeKind::Neutral),
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

/// The form that adds or changes a domain.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct DomainForm {
    domain: String,
    embed: Checkbox,
    api: Checkbox,
    widget: Checkbox,
    popup: Checkbox,
    inline: Checkbox,
    rate_limit: String,
    /// One origin a line.
    ancestors: String,
}

impl DomainForm {
    fn defaults() -> Self {
        Self {
            embed: Checkbox(true),
            api: Checkbox(true),
            rate_limit: RATE_LIMIT.to_string(),
            ..Self::default()
        }
    }

    fn of(domain: &AllowedDomain) -> Self {
        let has = |kind| Checkbox(domain.embed_types.contains(&kind));
        Self {
            domain: domain.domain.clone(),
            embed: Checkbox(domain.allow_embed),
            api: Checkbox(domain.allow_api),
            widget: has(EmbedType::Widget),
            popup: has(EmbedType::Popup),
            inline: has(EmbedType::Inline),
            rate_limit: domain.rate_limit.to_string(),
            ancestors: domain.ancestors.join("\n"),
        }
    }

    fn ancestors(&self) -> Vec<String> {
        self.ancestors.split_whitespace().map(str::to_owned).collect()
    }

    fn types(&self) -> Vec<EmbedType> {
        let ticked = [
            (self.widget, EmbedType::Widget),
            (self.popup, EmbedType::Popup),
            (self.inline, EmbedType::Inline),
        ];
        ticked.into_iter().filter(|(Checkbox(on), _)| *on).map(|(_, kind)| kind).collect()
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
            ancestors: self.ancestors(),
        })
    }

    fn changes(&self) -> Result<DomainChanges> {
        Ok(DomainChanges {
            allow_embed: Some(self.embed.0),
            allow_api: Some(self.api.0),
            embed_types: Some(self.types()),
            rate_limit: Some(self.limit()?),
            ancestors: Some(self.ancestors()),
        })
    }
}

fn permission_fields(form: &DomainForm) -> Markup {
    let tick = |name: &str, label: &str, Checkbox(on): Checkbox| {
        html! {
            label.tick { input type="checkbox" name=(name) checked[on]; (label) }
        }
    };
    html! {
        fieldset {
            legend { "Its pages can" }
            (tick("embed", "embed the module", form.embed))
            (tick("api", "call its API from scripts", form.api))
        }
        fieldset {
            legend { "Embed it as" }
            (tick("widget", "widget", form.widget))
            (tick("popup", "popup", form.popup))
            (tick("inline", "inline", form.inline))
            p.hint { "If none is ticked, all are allowed." }
        }
        label { "API requests per hour" input type="number" name="rate_limit" value=(form.rate_limit) min="1" max="4294967295" required; }
        label {
            "Websites that may frame its pages"
            textarea name="ancestors" rows="2" placeholder="https://portal.example.com" { (form.ancestors) }
        }
        p.hint { "Only if its pages are shown in frames of other websites, such as a portal. One address a line; a domain of this module has to cover each." }
    }
}

async fn add(
    viewer: Viewer,
    ManagedSite { site, operator, .. }: ManagedSite<Admin>,
    ManagedModule { module, .. }: ManagedModule<Admin>,
    State(services): State<Services>,
    SessionForm(form): SessionForm<DomainForm>,
) -> Result<Response> {
    let added = async {
        let new = form.new_domain(&services.domains)?;
        services.domains.add(&operator.actor(), site.id, module.id, new).await
    };
    match added.await {
        Ok(domain) => Ok(redirect(&domain, Outcome::Created)),
        Err(error) => {
            redisplay(error, async |error| {
                list_page(&viewer, (&site, &module), &services.domains, &form, Some(error)).await
            })
            .await
        }
    }
}

fn redirect(domain: &AllowedDomain, outcome: Outcome) -> Response {
    Redirect::to(&format!("{}?done={}", domain_address(domain), outcome.as_str())).into_response()
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
    let location = module_location(site, module, ModuleTab::Inner)
        .with_parent("Domains", format!("{}/domains", address(module)));
    let Instructions { dns, meta, .. } = Instructions::new(domain)?;
    Ok(viewer.page(&location, &domain.domain, html! {
        (form_error(error))
        section {
            h2 { "Proof of ownership" }
            p { (state(domain)) (unicode_name(domain)) }
            p { (checks(viewer, domain)) }
            @if let Some(reason) = domain.last_error.as_ref().filter(|_| domain.last_checked_at.is_some()) {
                p.reason { "The last check found no proof: " (reason) "." }
            }
            @match &dns {
                None => p.hint { "A website on this machine needs no proof." },
                Some(record) => (instructions(record, meta.as_deref())),
            }
            @if may && dns.is_some() {
                form.inline method="post" action={ (here) "/verify" } { (csrf(viewer)) button.primary type="submit" { "Verify now" } }
            }
        }
        section {
            h2 { "Permissions" }
            @if may {
                form.stack method="post" action=(here) {
                    (csrf(viewer))
                    (permission_fields(form))
                    button.primary type="submit" { "Save" }
                }
            } @else {
                p { (permissions(domain)) ", " (number(domain.rate_limit)) " API requests per hour" }
                @if !domain.ancestors.is_empty() { p { "Framed by " (domain.ancestors.join(", ")) } }
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

fn checks(viewer: &Viewer, domain: &AllowedDomain) -> Markup {
    let now = viewer.now;
    html! {
        @if let Some(at) = domain.verified_at { "Verified " (time(at, now)) @if let Some(method) = &domain.verification_method { " by " (method_name(method)) } ". " }
        @if let Some(at) = domain.last_checked_at { "Last checked " (time(at, now)) ". " }
        @if let Some(at) = domain.next_check_at { "Next check " (time(at, now)) ". " }
        @if domain.missing_since.is_some() { "If the proof stays missing for three days, the domain is no longer verified. " }
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
        p { "Its owner publishes " @if meta.is_some() { "one of these two:" } @else { "this record (a wildcard can only be proved by DNS):" } }
        h3 { "DNS record of type " (record.kind) }
        p.hint { "Name" }
        (copyable("dns-name", "Name of the DNS record", &record.name))
        p.hint { "Value" }
        (copyable("dns-value", "Value of the DNS record", &record.value))
        @if let Some(meta) = meta {
            h3 { "Tag in the head of its home page" }
            (copyable("meta-tag", "Meta tag", meta))
        }
    }
}

async fn change(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Admin>,
    ManagedModule { module, .. }: ManagedModule<Admin>,
    ManagedDomain { domain, operator, .. }: ManagedDomain<Admin>,
    State(services): State<Services>,
    SessionForm(form): SessionForm<DomainForm>,
) -> Result<Response> {
    let changed = async {
        let changes = form.changes()?;
        services.domains.change(&operator.actor(), domain.site_id, domain.id, &changes).await
    };
    match changed.await {
        Ok(domain) => Ok(redirect(&domain, Outcome::Saved)),
        Err(error) => {
            redisplay(error, async |error| page(&viewer, (&site, &module), &domain, &form, Some(error))).await
        }
    }
}

/// Redirects to the domain's page in either case, since it shows the result of the check.
async fn verify(
    ManagedDomain { domain, operator, .. }: ManagedDomain<Admin>,
    State(services): State<Services>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    services
        .limits
        .count(vec![Limit::verification(domain.site_id, VERIFICATIONS_PER_MINUTE)])
        .await
        .check()?;
    match services.domains.verify(&operator.actor(), domain.site_id, domain.id, None).await {
        Ok(domain) => Ok(redirect(&domain, Outcome::Verified)),
        Err(error) if error.code() == Code::VerificationFailed => Ok(redirect(&domain, Outcome::NotVerified)),
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
    let location = module_location(&site, &module, ModuleTab::Inner)
        .with_parent("Domains", format!("{}/domains", address(&module)));
    let explanation = html! {
        p { "Pages of " strong { (domain.domain) } " stop showing " strong { (module.name) } " within two seconds. If you allow it again, its owner has to publish a new proof." }
    };
    let confirmation = confirmation(&viewer, &format!("{here}/remove"), explanation, "Remove", &here);
    viewer.page(&location, &format!("Remove {}?", domain.domain), confirmation)
}

async fn remove(
    ManagedModule { module, .. }: ManagedModule<Admin>,
    ManagedDomain { domain, operator, .. }: ManagedDomain<Admin>,
    State(services): State<Services>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    services.domains.remove(&operator.actor(), domain.site_id, domain.id).await?;
    let list = format!("{}/domains?done={}", address(&module), Outcome::Removed.as_str());
    Ok(Redirect::to(&list).into_response())
}
