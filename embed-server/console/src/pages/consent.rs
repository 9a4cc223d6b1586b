//! The way from an app to its answer: the authorization request arrives, the person signs in, and decides.
//!
//! The request waits on the server under a handle, which is all that travels through these pages, so that a reload, the
//! browser's Back button and a second tab change nothing.

use crate::ConsoleState;
use crate::shell::elements::{csrf, sentence, time};
use crate::shell::form::{PageQuery, SessionForm};
use crate::shell::gate::SessionId;
use crate::shell::page::{Page, signed_out_page};
use crate::shell::sign_in_link::{CONSENT, SIGN_IN, with_query};
use crate::shell::viewer::{SIGNED_IN, Viewer};
use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::{RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use embed_base::http::openapi::requires;
use embed_base::http::{Scope, ScopeSet, Verb};
use embed_base::limits::Limit;
use embed_base::net::ClientAddress;
use embed_base::{Error, Result};
use embed_core::accounts::Operator;
use embed_core::oauth::{Answered, Begun, Decision, Question, STRANGERS, SignedIn, Step, Target};
use embed_core::services::Services;
use maud::{Markup, html};
use serde::Deserialize;

/// The page where people decide.
const HERE: &str = "/oauth/consent";
/// The rule of a page that needs no session.
const NOBODY: &str = "nobody";

/// `/oauth/authorize`, `/oauth/consent` and `/oauth/errors`.
pub fn router() -> ApiRouter<ConsoleState> {
    ApiRouter::new()
        .api_route("/oauth/authorize", get_with(authorize, |op| op.with(requires(NOBODY))))
        .api_route(
            HERE,
            get_with(show, |op| op.with(requires(SIGNED_IN)))
                .post_with(decide, |op| op.with(requires(SIGNED_IN))),
        )
        .api_route("/oauth/errors", get_with(errors, |op| op.with(requires(NOBODY))))
}

async fn authorize(
    State(services): State<Services>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response> {
    let extensions = request.extensions();
    let &ClientAddress(address) =
        extensions.get().ok_or_else(|| Error::internal("a request without the address of its client"))?;
    let session = extensions.get::<Operator>().zip(extensions.get().map(|&SessionId(id)| id));
    let limit = match session {
        None => Limit::oauth(address, STRANGERS),
        Some((operator, _)) => Limit::oauth_person(operator.user(), STRANGERS),
    };
    services.limits.count(vec![limit]).await.check()?;
    let address = match services.oauth.begin(&query.unwrap_or_default(), address, session).await? {
        Begun::Waits(handle) => format!("{CONSENT}{handle}"),
        Begun::Answered(address) => address,
        Begun::Refused { app, why, address } => return Ok(wrong_request_page(&app, &why, &address)),
    };
    Ok(Redirect::to(&address).into_response())
}

#[derive(Default, Deserialize)]
struct HandleQuery {
    #[serde(default)]
    handle: String,
}

async fn show(
    viewer: Viewer,
    State(services): State<Services>,
    PageQuery(HandleQuery { handle }): PageQuery<HandleQuery>,
) -> Result<Response> {
    Ok(match services.oauth.step(&handle, &viewer.operator, signed_in(&viewer)).await? {
        Step::Ask(question) => {
            let by = match question.client.created_by {
                Some(user) => services.accounts.email_of(user).await?.map(|email| email.to_string()),
                None => None,
            };
            let organization = services.accounts.organization_name(question.site.organization_id).await?;
            consent_page(&viewer, &handle, &question, &organization, by.as_deref()).into_response()
        }
        Step::SignIn { login_hint } => {
            let next = format!("{CONSENT}{handle}");
            let email = login_hint.unwrap_or_default();
            let parameters = [("next", next.as_str()), ("email", email.as_str())];
            Redirect::to(&with_query(SIGN_IN, &parameters)).into_response()
        }
        Step::Impossible { why, app, address } => {
            impossible_page(&viewer, &handle, &why, &app, &address).into_response()
        }
        Step::Answered(answered) => go_to_app(&answered),
    })
}

#[derive(Deserialize)]
struct DecisionForm {
    handle: String,
    decision: String,
    /// What the page has shown: the app's name, and what it gets.
    #[serde(default)]
    app: String,
    #[serde(default)]
    scopes: String,
}

async fn decide(
    viewer: Viewer,
    State(services): State<Services>,
    SessionForm(DecisionForm { handle, decision, app, scopes }): SessionForm<DecisionForm>,
) -> Result<Response> {
    let decision = match decision.as_str() {
        "allow" => Decision::Allow { app, scopes: ScopeSet::parse(&scopes)? },
        "deny" => Decision::Deny,
        _ => return Err(Error::invalid("`decision` must be allow or deny. Go back and choose again.")),
    };
    let answered = services.oauth.decide(&handle, &viewer.operator, signed_in(&viewer), &decision).await?;
    Ok(go_to_app(&answered))
}

fn signed_in(viewer: &Viewer) -> SignedIn {
    SignedIn { session: viewer.session, since: viewer.since }
}

/// Leads back to the app. A scheme of an app's own may be unknown to the browser, which then shows nothing at all, so a page
/// stays behind.
fn go_to_app(answered: &Answered) -> Response {
    match answered.target {
        Target::Web | Target::Loopback => Redirect::to(&answered.address).into_response(),
        Target::PrivateUse => return_page(answered).into_response(),
    }
}

fn return_page(Answered { address, app, .. }: &Answered) -> Page {
    let refresh = format!("0;url={address}");
    signed_out_page(
        "Back to the app",
        html! {
            meta http-equiv="refresh" content=(refresh);
            p { a.button.primary href=(address) { "Return to " (app) } }
            p { "You may close this window." }
        },
    )
}

fn consent_page(
    viewer: &Viewer,
    handle: &str,
    question: &Question,
    organization: &str,
    registered_by: Option<&str>,
) -> Page {
    let Question { client, place, site, module, new, already, not_theirs, redirect_uri } = question;
    signed_out_page(
        &format!("Allow “{}” access?", client.name),
        html! {
            p {
                strong { (client.name) } " (" span title=(redirect_uri) { (place) } ") wants to use "
                strong { (module.name) } " of " (site.name) ", " (organization) "."
            }
            @if new.is_empty() {
                p { "It asks for what you have allowed before:" }
                (scope_list(already))
            } @else {
                p { "If you allow it, it can:" }
                (scope_list(new))
                @if !already.is_empty() {
                    p { "You have allowed before that it can:" }
                    (scope_list(already))
                }
            }
            @if !not_theirs.is_empty() {
                p { "It also asks for this, which is not yours to give:" }
                (scope_list(not_theirs))
            }
            form method="post" action=(HERE) {
                (csrf(viewer))
                input type="hidden" name="handle" value=(handle);
                input type="hidden" name="app" value=(client.name);
                input type="hidden" name="scopes" value=(new.united_with(already));
                div.choice {
                    button type="submit" name="decision" value="deny" { "Deny" }
                    button.primary type="submit" name="decision" value="allow" { "Allow" }
                }
            }
            p.hint {
                "Registered "
                @match registered_by { Some(email) => { "by " (email) " " } None => { "by the operator of this server " } }
                (time(client.created_at, viewer.now)) ". "
                @if let Some(address) = &client.homepage { a href=(address) rel="noreferrer" { "Website" } " " }
                @if let Some(address) = &client.privacy_url { a href=(address) rel="noreferrer" { "Privacy" } " " }
                @if let Some(address) = &client.terms_url { a href=(address) rel="noreferrer" { "Terms" } }
            }
            p.hint { "You can end this at any time in the console under Account." }
            (other_account(viewer, handle))
        },
    )
}

fn other_account(viewer: &Viewer, handle: &str) -> Markup {
    html! {
        p { "You are signed in as " strong { (viewer.operator.email()) } "." }
        form method="post" action="/console/sign-out" {
            (csrf(viewer))
            input type="hidden" name="next" value={ (CONSENT) (handle) };
            button.quiet type="submit" { "Not you? Use another account" }
        }
    }
}

/// For a person who has not signed in, and is led nowhere by an error.
fn wrong_request_page(app: &str, why: &str, address: &str) -> Response {
    let page = signed_out_page(
        "The app’s request is wrong",
        html! {
            p.sentence { (app) " asked for access, but its request is wrong: " (sentence(why)) }
            p { "Whoever runs the app can correct it." }
            p { a.button href=(address) { "Return to " (app) } }
        },
    );
    (StatusCode::BAD_REQUEST, page).into_response()
}

fn impossible_page(viewer: &Viewer, handle: &str, why: &str, app: &str, address: &str) -> Page {
    signed_out_page(
        "You cannot allow this",
        html! {
            p.sentence { (sentence(why)) }
            p { a.button href=(address) { "Return to " (app) } }
            (other_account(viewer, handle))
        },
    )
}

fn scope_list(scopes: &ScopeSet) -> Markup {
    html! { ul.scopes { @for scope in scopes.iter() { li { (in_words(scope)) } } } }
}

/// What a scope means, after “it can”.
pub fn in_words(scope: &Scope) -> Markup {
    let verb = match scope.verb() {
        Some(Verb::Read) => "read",
        Some(Verb::Write) => "create and change",
        Some(Verb::Delete) => "delete",
        None => return html! { "see your name and email address" },
    };
    html! {
        (verb) " "
        @match scope.collection() { Some(name) => { "the records of " code { (name) } } None => { "all records" } }
    }
}

/// What the errors that apps get mean, and what to change.
async fn errors() -> Page {
    signed_out_page(
        "What apps are answered",
        html! {
            p { "An app that asks for access may be answered with one of these errors. Its page shows it as " code { "error" } "." }
            dl.errors {
                @for (code, meaning) in ERRORS {
                    dt id=(code) { code { (code) } }
                    dd { (sentence(meaning)) }
                }
            }
        },
    )
}

/// The errors that go to a redirect URI, and what whoever runs the app can do.
const ERRORS: [(&str, &str); 12] = [
    (
        "invalid_request",
        "A parameter is missing, repeated or wrong; `error_description` says which. Where it is `code_challenge`, switch on PKCE with S256 in the app.",
    ),
    (
        "access_denied",
        "The person said no, or may not allow it: they are not in the module's organization, or only admins may allow apps there.",
    ),
    ("unsupported_response_type", "Set `response_type=code`. The implicit flow does not exist here."),
    (
        "invalid_scope",
        "The app asks for a scope that it is not registered for, or that does not exist. The scopes stand at the app in the console.",
    ),
    ("invalid_target", "`resource` must be the API of the app's module, `…/api/v1/modules/{id}`."),
    ("login_required", "With `prompt=none`: the person has not signed in here. Ask without it."),
    (
        "consent_required",
        "With `prompt=none`: the person has to be asked. Ask without it. On loopback and with a scheme of its own an app can never ask silently.",
    ),
    ("request_not_supported", "The server reads no `request` object; send plain parameters."),
    ("request_uri_not_supported", "The server reads no `request_uri`; send plain parameters."),
    ("registration_not_supported", "Apps are registered in the console, not in a request."),
    ("temporarily_unavailable", "The server is busy, or its database does not answer. Try again shortly."),
    ("server_error", "Something went wrong inside the server; its log says what."),
];
