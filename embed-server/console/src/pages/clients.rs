//! The apps that may ask people for access to a module's data: registering, changing, rotating and deleting them.

use super::client_snippets;
use super::connected_apps::grant_table;
use super::consent::in_words;
use super::modules::{ModuleTab, address, may_change, module_location};
use crate::ConsoleState;
use crate::shell::elements::{BadgeKind, badge, confirmation, copyable, csrf, empty, form_error, time};
use crate::shell::form::{Checkbox, EmptyForm, SessionForm, non_empty, redisplay};
use crate::shell::new_secret;
use crate::shell::page::{Page, PageLocation};
use crate::shell::viewer::{Outcome, Viewer};
use aide::OperationInput;
use aide::axum::ApiRouter;
use aide::axum::routing::{get, post};
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::{FromRequestParts, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use embed_base::http::{Scope, ScopeSet, Verb, path_id};
use embed_base::{Code, Error, Result};
use embed_core::accounts::{Admin, AtLeast, Member, Operator};
use embed_core::modules::{ManagedModule, Module};
use embed_core::oauth::{AppGrant, Client, ClientChanges, ManagedClient, NewClient};
use embed_core::services::Services;
use embed_core::sites::{ManagedSite, Site};
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

/// The most grants on a client's page.
const LISTED_GRANTS: usize = 50;
/// What the name of a scope's checkbox begins with.
const SCOPE_FIELD: &str = "scope ";

/// `/console/sites/{site}/modules/{module}/apps` and below.
pub fn router() -> ApiRouter<ConsoleState> {
    let apps = "/console/sites/{site}/modules/{module}/apps";
    let client = format!("{apps}/{{client}}");
    ApiRouter::new()
        .api_route(apps, get(list).post(create))
        .api_route(&client, get(show).post(change))
        .api_route(&format!("{client}/answer"), post(answer))
        .api_route(&format!("{client}/switch-off"), post(switch_off))
        .api_route(&format!("{client}/switch-on"), post(switch_on))
        .api_route(&format!("{client}/rotate"), get(ask_rotate).post(rotate))
        .api_route(&format!("{client}/remove"), get(ask_remove).post(remove))
        .api_route(&format!("{client}/grants/{{grant}}/revoke"), get(ask_revoke).post(revoke))
}

/// The client that the path names, with its module and site; the operator has the role `R` or a higher one.
struct ManagedApp<R> {
    site: Site,
    module: Module,
    client: Client,
    operator: Operator,
    role: PhantomData<fn() -> R>,
}

impl<R: AtLeast> FromRequestParts<ConsoleState> for ManagedApp<R> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, console: &ConsoleState) -> Result<Self> {
        let ManagedSite { site, operator, .. } = ManagedSite::<R>::from_request_parts(parts, console).await?;
        let ManagedModule { module, .. } = ManagedModule::<R>::from_request_parts(parts, console).await?;
        let ManagedClient { client, .. } = ManagedClient::<R>::from_request_parts(parts, console).await?;
        if client.module_id != module.id {
            return Err(Error::new(Code::ClientNotFound, format!("{} has no such app.", module.name)));
        }
        Ok(Self { site, module, client, operator, role: PhantomData })
    }
}

impl<R: AtLeast> OperationInput for ManagedApp<R> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        ManagedClient::<R>::operation_input(ctx, operation);
    }
}

/// What a person has allowed the client that the path names.
struct ManagedGrant<R> {
    app: ManagedApp<R>,
    grant: AppGrant,
}

impl<R: AtLeast> FromRequestParts<ConsoleState> for ManagedGrant<R> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, console: &ConsoleState) -> Result<Self> {
        let app = ManagedApp::<R>::from_request_parts(parts, console).await?;
        let missing =
            || Error::new(Code::GrantNotFound, "Nobody has allowed this app that, or it was ended.");
        let id = path_id(parts, "grant", |_| missing()).await?;
        let grants = grants(&console.0.services, &app.client).await?;
        let grant = grants.into_iter().find(|grant| grant.id == id).ok_or_else(missing)?;
        Ok(Self { app, grant })
    }
}

impl<R: AtLeast> OperationInput for ManagedGrant<R> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        ManagedApp::<R>::operation_input(ctx, operation);
    }
}

/// What people have allowed a client, and what it does by itself, newest first.
async fn grants(services: &Services, client: &Client) -> Result<Vec<AppGrant>> {
    let mut grants = services.oauth.grants_on(client.site_id, client.module_id).await?;
    grants.retain(|grant| grant.client_id == client.client_id);
    Ok(grants)
}

fn list_address(module: &Module) -> String {
    format!("{}/apps", address(module))
}

fn client_address(client: &Client) -> String {
    format!("/console/sites/{}/modules/{}/apps/{}", client.site_id, client.module_id, client.client_id)
}

/// The location of a client's pages.
fn client_location<'a>(site: &'a Site, module: &'a Module) -> PageLocation<'a> {
    module_location(site, module, ModuleTab::Inner).with_parent("Apps", list_address(module))
}

fn redirect(client: &Client, outcome: Outcome) -> Response {
    Redirect::to(&format!("{}?done={}", client_address(client), outcome.as_str())).into_response()
}

/// The form that registers or changes an app.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct ClientForm {
    name: String,
    /// One a line.
    redirect_uris: String,
    /// One a line.
    origins: String,
    #[serde(deserialize_with = "non_empty")]
    homepage: Option<String>,
    #[serde(deserialize_with = "non_empty")]
    privacy_url: Option<String>,
    #[serde(deserialize_with = "non_empty")]
    terms_url: Option<String>,
    public: Checkbox,
    client_credentials: Checkbox,
    /// The other fields, among which are the chosen scopes.
    #[serde(flatten)]
    others: BTreeMap<String, String>,
}

impl ClientForm {
    fn defaults() -> Self {
        Self { others: scope_fields(&[Scope::Records(Verb::Read)].into_iter().collect()), ..Self::default() }
    }

    fn of(client: &Client) -> Self {
        Self {
            name: client.name.clone(),
            redirect_uris: client.redirect_uris.join("\n"),
            origins: client.allowed_origins.join("\n"),
            homepage: client.homepage.clone(),
            privacy_url: client.privacy_url.clone(),
            terms_url: client.terms_url.clone(),
            public: Checkbox(!client.is_confidential()),
            client_credentials: Checkbox(client.client_credentials),
            others: scope_fields(&client.scopes),
        }
    }

    fn has(&self, scope: &Scope) -> bool {
        self.others.contains_key(&format!("{SCOPE_FIELD}{scope}"))
    }

    fn scopes(&self) -> Result<ScopeSet> {
        self.others.keys().filter_map(|name| name.strip_prefix(SCOPE_FIELD)).map(Scope::parse).collect()
    }

    fn new_client(&self, module: &Module) -> Result<NewClient> {
        Ok(NewClient {
            module_id: module.id,
            name: self.name.clone(),
            redirect_uris: lines(&self.redirect_uris),
            scopes: self.scopes()?,
            allowed_origins: lines(&self.origins),
            homepage: self.homepage.clone(),
            privacy_url: self.privacy_url.clone(),
            terms_url: self.terms_url.clone(),
            confidential: !self.public.0,
            client_credentials: self.client_credentials.0,
        })
    }

    fn changes(&self, client: &Client) -> Result<ClientChanges> {
        // Saying it again would make whoever saves the form answer for the client's own tokens.
        let own_tokens = self.client_credentials.0;
        Ok(ClientChanges {
            name: Some(self.name.clone()),
            redirect_uris: Some(lines(&self.redirect_uris)),
            scopes: Some(self.scopes()?),
            allowed_origins: Some(lines(&self.origins)),
            homepage: Some(self.homepage.clone()),
            privacy_url: Some(self.privacy_url.clone()),
            terms_url: Some(self.terms_url.clone()),
            client_credentials: (own_tokens != client.client_credentials).then_some(own_tokens),
            disabled: None,
        })
    }
}

fn scope_fields(scopes: &ScopeSet) -> BTreeMap<String, String> {
    scopes.iter().map(|scope| (format!("{SCOPE_FIELD}{scope}"), "on".to_owned())).collect()
}

fn lines(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The collections that scopes may name: those of the served version, and those that the form names already.
async fn collections(services: &Services, module: &Module, form: &ClientForm) -> Result<BTreeSet<String>> {
    let served = services.modules.published(module.site_id, module.id).await?;
    let served = served.iter().flat_map(|published| published.manifest.collections.keys().cloned());
    let scopes = form.scopes().unwrap_or_default();
    Ok(served.chain(scopes.iter().filter_map(Scope::collection).map(str::to_owned)).collect())
}

async fn list(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Member>,
    ManagedModule { module, .. }: ManagedModule<Member>,
    State(services): State<Services>,
) -> Result<Page> {
    list_page(&viewer, (&site, &module), &services, &ClientForm::defaults(), None).await
}

async fn list_page(
    viewer: &Viewer,
    (site, module): (&Site, &Module),
    services: &Services,
    entered: &ClientForm,
    error: Option<&Error>,
) -> Result<Page> {
    let all = services.oauth.list_clients(site.id, module.id).await?;
    let collections = collections(services, module, entered).await?;
    let may = may_change(viewer, site);
    Ok(viewer.page(&module_location(site, module, ModuleTab::Apps), &module.name, html! {
        p.lead { "An app is a program of somebody else. It asks people of this organization for access to this module's data, and each of them decides." }
        @if all.is_empty() {
            (empty("This module has no apps yet.", html! { (if may { "Register one below; it gets a client id and, if it can keep one, a secret." } else { "An admin can register one." }) }))
        } @else {
            div.scroll tabindex="0" role="group" aria-label="Table" { table {
                thead { tr { th scope="col" { "App" } th scope="col" { "Kind" } th scope="col" { "Scopes" } th scope="col" { "Registered" } th scope="col" { "State" } } }
                tbody {
                    @for client in &all {
                        tr {
                            th scope="row" { a href=(client_address(client)) { (client.name) } br; code.hint { (client.client_id) } }
                            td { (kind(client)) }
                            td { (client.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")) }
                            td { (time(client.created_at, viewer.now)) }
                            td { (state(client)) }
                        }
                    }
                }
            } }
        }
        @if may {
            section {
                h2 { "Register an app" }
                (form_error(error))
                form.stack method="post" action=(list_address(module)) {
                    (csrf(viewer))
                    (name_and_addresses(entered))
                    (scope_choice(entered, &collections))
                    fieldset {
                        legend { "Kind" }
                        (tick("public", "It runs on people's own devices or in their browsers, so it can keep no secret", entered.public.0))
                        (tick("client_credentials", "It may get tokens of its own, without a person; I answer for them", entered.client_credentials.0))
                    }
                    (further_addresses(entered))
                    button.primary type="submit" { "Register" }
                }
            }
        }
    }))
}

fn kind(client: &Client) -> &'static str {
    if client.is_confidential() { "confidential" } else { "public" }
}

fn state(client: &Client) -> Markup {
    match client.disabled_at {
        Some(_) => badge("switched off", BadgeKind::Bad),
        None => badge("active", BadgeKind::Good),
    }
}

fn tick(name: &str, label: &str, on: bool) -> Markup {
    html! { label.tick { input type="checkbox" name=(name) checked[on]; (label) } }
}

fn name_and_addresses(form: &ClientForm) -> Markup {
    html! {
        label { "Name, which people are shown" input type="text" name="name" value=(form.name) maxlength="200" required; }
        label {
            "Redirect URIs: the addresses that people are sent back to"
            textarea name="redirect_uris" rows="3" placeholder="https://app.example.com/callback" spellcheck="false" { (form.redirect_uris) }
        }
        p.hint { "One a line, compared letter by letter. A program on a person's own machine uses http://127.0.0.1/…, with any port. Only an app that gets nothing but tokens of its own needs none." }
    }
}

fn scope_choice(form: &ClientForm, collections: &BTreeSet<String>) -> Markup {
    let choice = |scope: &Scope, label: &str| tick(&format!("{SCOPE_FIELD}{scope}"), label, form.has(scope));
    let verbs = |scope: &dyn Fn(Verb) -> Scope| {
        html! { @for verb in Verb::ALL { (choice(&scope(verb), verb.as_str())) } }
    };
    let names_one = form.scopes().is_ok_and(|scopes| scopes.iter().any(|scope| scope.collection().is_some()));
    html! {
        fieldset { legend { "The most that it may ask for, in every collection" } (verbs(&Scope::Records)) }
        @if !collections.is_empty() {
            div.ways { details open[names_one] {
                summary { "In some collections only" }
                @for name in collections {
                    fieldset { legend { code { (name) } } (verbs(&|verb| Scope::Collection(verb, name.clone()))) }
                }
            } }
        }
        fieldset { legend { "About the person" } (choice(&Scope::Profile, "name and email address")) }
    }
}

fn further_addresses(form: &ClientForm) -> Markup {
    let page = |name: &str, label: &str, value: &Option<String>| {
        html! { label { (label) input type="url" name=(name) value=(value.as_deref().unwrap_or_default()) maxlength="2048" placeholder="https://"; } }
    };
    html! {
        label {
            "Websites whose scripts may use its tokens"
            textarea name="origins" rows="2" placeholder="https://app.example.com" spellcheck="false" { (form.origins) }
        }
        p.hint { "One origin a line. Those of its redirect URIs may already." }
        (page("homepage", "Its website", &form.homepage))
        (page("privacy_url", "Its privacy policy", &form.privacy_url))
        (page("terms_url", "Its terms", &form.terms_url))
    }
}

async fn create(
    viewer: Viewer,
    ManagedSite { site, operator, .. }: ManagedSite<Admin>,
    ManagedModule { module, .. }: ManagedModule<Admin>,
    State(services): State<Services>,
    State(console): State<ConsoleState>,
    SessionForm(form): SessionForm<ClientForm>,
) -> Result<Response> {
    let created =
        async { services.oauth.create_client(&operator.actor(), site.id, form.new_client(&module)?).await };
    match created.await {
        Ok(created) => Ok(match created.secret {
            Some(secret) => new_secret::redirect(&console, &secret, &client_address(&created.details)),
            None => redirect(&created.details, Outcome::Created),
        }),
        Err(error) => {
            redisplay(error, async |error| {
                list_page(&viewer, (&site, &module), &services, &form, Some(error)).await
            })
            .await
        }
    }
}

async fn show(
    viewer: Viewer,
    app: ManagedApp<Member>,
    State(services): State<Services>,
    State(console): State<ConsoleState>,
    headers: HeaderMap,
) -> Result<Response> {
    let secret = new_secret::read(&console, &headers, |text| app.client.has_secret(text));
    let notice = new_secret::notice("secret", secret.as_deref());
    let form = ClientForm::of(&app.client);
    let page = page(&viewer, &app, (&services, &console), &form, notice, None).await?;
    Ok(new_secret::respond(&console, secret.as_deref(), page))
}

async fn page<R>(
    viewer: &Viewer,
    ManagedApp { site, module, client, .. }: &ManagedApp<R>,
    (services, console): (&Services, &ConsoleState),
    form: &ClientForm,
    secret_notice: Markup,
    error: Option<&Error>,
) -> Result<Page> {
    let here = client_address(client);
    let may = may_change(viewer, site);
    let collections = collections(services, module, form).await?;
    let people = services.accounts.list(site.organization_id).await?;
    let by = client.created_by.and_then(|id| people.iter().find(|person| person.id == id));
    let answers = services.oauth.answers_for(client).await?;
    let mut grants = grants(services, client).await?;
    grants.truncate(LISTED_GRANTS);
    let public_url = &services.context.settings.server.public_url;
    let (off, button) = match client.disabled_at {
        Some(_) => ("switch-on", "Switch on"),
        None => ("switch-off", "Switch off"),
    };
    Ok(viewer.page(&client_location(site, module), &client.name, html! {
        (secret_notice)
        p { (state(client)) " " (kind(client)) ", registered " (time(client.created_at, viewer.now)) @if let Some(person) = by { " by " (person.email) } }
        p.hint { "Client id" }
        (copyable("client-id", "The client id", &client.client_id))
        dl {
            dt { "It may ask people whether it can" } dd { ul.plain { @for scope in client.scopes.iter() { li { (in_words(scope)) } } } }
            @if !client.redirect_uris.is_empty() {
                dt { "Redirect URIs" } dd { ul.plain { @for uri in client.redirect_uris.iter() { li { code { (uri) } } } } }
            }
            @if !client.allowed_origins.is_empty() {
                dt { "Websites whose scripts may use its tokens" } dd { (client.allowed_origins.join(", ")) }
            }
            @for (name, page) in [("Website", &client.homepage), ("Privacy policy", &client.privacy_url), ("Terms", &client.terms_url)] {
                @if let Some(page) = page { dt { (name) } dd { a href=(page) rel="noreferrer" { (page) } } }
            }
            @if let Some(end) = client.previous_secret_until.filter(|end| *end > viewer.now) {
                dt { "The old secret works until" } dd { (time(end, viewer.now)) }
            }
            dt { "API" } dd { code { (public_url) "/api/v1/modules/" (module.id) } }
        }
        @if client.client_credentials {
            section {
                h2 { "Tokens of its own" }
                p {
                    "It may get tokens without a person, for all that it may ask for. "
                    @match (&answers, client.answers_by) {
                        (Some(person), _) => { (person.email) " answers for them." }
                        (None, Some(_)) => { "Whoever answered for them is no admin any more, so it gets none until another admin does." }
                        (None, None) => "The operator of the server answers for them.",
                    }
                }
                @if may && client.answers_by != Some(viewer.operator.user()) {
                    form.inline method="post" action={ (here) "/answer" } { (csrf(viewer)) button type="submit" { "Answer for them myself" } }
                }
            }
        }
        section {
            h2 { "Connect it" }
            (client_snippets::all(console, client))
        }
        @if may {
            section {
                h2 { "Who has allowed it" }
                @if grants.is_empty() {
                    p.hint { "Nobody yet." }
                } @else {
                    (grant_table(viewer, &grants, |grant| format!("{here}/grants/{}/revoke", grant.id)))
                }
            }
            section {
                h2 { "Settings" }
                (form_error(error))
                form.stack method="post" action=(here) {
                    (csrf(viewer))
                    (name_and_addresses(form))
                    p.hint { "Where the name or an address changes, people are asked for their consent again." }
                    (scope_choice(form, &collections))
                    @if client.is_confidential() {
                        fieldset {
                            legend { "Without a person" }
                            (tick("client_credentials", "It may get tokens of its own; whoever allows that answers for them", form.client_credentials.0))
                        }
                    }
                    (further_addresses(form))
                    button.primary type="submit" { "Save" }
                }
            }
            section.danger-zone {
                h2 { @if client.is_confidential() { "Rotate, switch off or delete" } @else { "Switch off or delete" } }
                p { "While it is switched off it gets no tokens, and its tokens are refused; what people have allowed it stays." }
                div.buttons {
                    @if client.is_confidential() { a.button href={ (here) "/rotate" } { "Rotate the secret…" } }
                    form method="post" action={ (here) "/" (off) } { (csrf(viewer)) button type="submit" { (button) } }
                    a.button.danger href={ (here) "/remove" } { "Delete…" }
                }
            }
        }
    }))
}

async fn change(
    viewer: Viewer,
    app: ManagedApp<Admin>,
    State(services): State<Services>,
    State(console): State<ConsoleState>,
    SessionForm(form): SessionForm<ClientForm>,
) -> Result<Response> {
    let changed = async { save(&services, &app, form.changes(&app.client)?).await };
    match changed.await {
        Ok(client) => Ok(redirect(&client, Outcome::Saved)),
        Err(error) => {
            redisplay(error, async |error| {
                page(&viewer, &app, (&services, &console), &form, html! {}, Some(error)).await
            })
            .await
        }
    }
}

async fn save(services: &Services, app: &ManagedApp<Admin>, changes: ClientChanges) -> Result<Client> {
    let ManagedApp { client, operator, .. } = app;
    services.oauth.change_client(&operator.actor(), client.site_id, &client.client_id, changes).await
}

async fn answer(
    app: ManagedApp<Admin>,
    State(services): State<Services>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    let changes = ClientChanges { client_credentials: Some(true), ..ClientChanges::default() };
    save(&services, &app, changes).await.map(|client| redirect(&client, Outcome::Saved))
}

async fn switch_off(
    app: ManagedApp<Admin>,
    State(services): State<Services>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    let changes = ClientChanges { disabled: Some(true), ..ClientChanges::default() };
    save(&services, &app, changes).await.map(|client| redirect(&client, Outcome::Saved))
}

async fn switch_on(
    app: ManagedApp<Admin>,
    State(services): State<Services>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    let changes = ClientChanges { disabled: Some(false), ..ClientChanges::default() };
    save(&services, &app, changes).await.map(|client| redirect(&client, Outcome::Saved))
}

async fn ask_rotate(viewer: Viewer, app: ManagedApp<Admin>) -> Page {
    let ManagedApp { site, module, client, .. } = &app;
    let here = client_address(client);
    let explanation = html! { p { strong { (client.name) } " gets a new secret. The one it has now stops working in a day, and one from a rotation before at once." } };
    let confirmation = confirmation(&viewer, &format!("{here}/rotate"), explanation, "Rotate", &here);
    viewer.page(
        &client_location(site, module),
        &format!("Rotate the secret of {}?", client.name),
        confirmation,
    )
}

async fn rotate(
    ManagedApp { client, operator, .. }: ManagedApp<Admin>,
    State(services): State<Services>,
    State(console): State<ConsoleState>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    let by = operator.actor();
    let rotated = services.oauth.rotate_client(&by, client.site_id, &client.client_id, None).await?;
    let secret = rotated.secret.unwrap_or_default();
    Ok(new_secret::redirect(&console, &secret, &client_address(&client)))
}

async fn ask_remove(viewer: Viewer, app: ManagedApp<Admin>) -> Page {
    let ManagedApp { site, module, client, .. } = &app;
    let here = client_address(client);
    let explanation = html! { p { "Everything that people have allowed " strong { (client.name) } " ends, and its tokens are refused within two seconds. This cannot be undone." } };
    let confirmation = confirmation(&viewer, &format!("{here}/remove"), explanation, "Delete", &here);
    viewer.page(&client_location(site, module), &format!("Delete {}?", client.name), confirmation)
}

async fn remove(
    ManagedApp { module, client, operator, .. }: ManagedApp<Admin>,
    State(services): State<Services>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    services.oauth.delete_client(&operator.actor(), client.site_id, &client.client_id).await?;
    let list = format!("{}?done={}", list_address(&module), Outcome::Deleted.as_str());
    Ok(Redirect::to(&list).into_response())
}

async fn ask_revoke(viewer: Viewer, ManagedGrant { app, grant }: ManagedGrant<Admin>) -> Page {
    let here = client_address(&app.client);
    let whose = grant.email.as_deref().unwrap_or("the app itself");
    let explanation = html! { p { "Every server refuses what " strong { (grant.client_name) } " got from " strong { (whose) } " within two seconds. To use it again, it has to be allowed again." } };
    let action = format!("{here}/grants/{}/revoke", grant.id);
    let confirmation = confirmation(&viewer, &action, explanation, "End access", &here);
    let location = client_location(&app.site, &app.module);
    viewer.page(&location, &format!("End the access of {}?", grant.client_name), confirmation)
}

async fn revoke(
    ManagedGrant { app, grant }: ManagedGrant<Admin>,
    State(services): State<Services>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    services.oauth.end_grant(&app.operator.actor(), app.site.id, grant.id).await?;
    Ok(redirect(&app.client, Outcome::AccessEnded))
}
