//! The frame of every page: head, navigation, breadcrumbs and tabs.

use super::assets;
use super::elements::{csrf, sentence};
use super::viewer::{Outcome, Viewer};
use aide::OperationOutput;
use axum::response::{Html, IntoResponse, Response};
use embed_base::names;
use embed_base::{Code, Error};
use embed_core::accounts::Organization;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use uuid::Uuid;

/// A complete HTML page.
pub struct Page(Markup);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        // Whatever a stranger has named so, no text reorders what stands beside it.
        Html(names::shown(&self.0.into_string()).into_owned()).into_response()
    }
}

impl OperationOutput for Page {
    type Inner = ();
}

/// Where in the console a page is, which decides its navigation.
pub struct PageLocation<'a> {
    /// The organization that the page is about.
    pub organization: Option<Uuid>,
    /// The current entry of the navigation.
    pub section: Section,
    /// The breadcrumbs, outermost first: name and address.
    pub parents: Vec<(&'a str, String)>,
    /// The tabs: name, address, and whether it is this page.
    pub tabs: Vec<(&'a str, String, bool)>,
}

/// An entry of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Charts and recent activity.
    Overview,
    /// Sites, and what belongs to them.
    Sites,
    /// The organization's members.
    People,
    /// The list of what people changed.
    Activity,
    /// The viewer's own sessions and tokens.
    Account,
}

impl<'a> PageLocation<'a> {
    /// A page directly below the navigation.
    pub fn top(organization: Uuid, section: Section) -> Self {
        Self { organization: Some(organization), section, parents: Vec::new(), tabs: Vec::new() }
    }

    /// Adds a breadcrumb.
    pub fn with_parent(mut self, name: &'a str, address: String) -> Self {
        self.parents.push((name, address));
        self
    }

    /// Adds a tab, which may be the page itself.
    pub fn with_tab(mut self, name: &'a str, address: String, is_this: bool) -> Self {
        self.tabs.push((name, address, is_this));
        self
    }
}

impl Viewer {
    /// Renders a page for this viewer.
    pub fn page(&self, location: &PageLocation<'_>, title: &str, content: Markup) -> Page {
        let organization =
            location.organization.and_then(|id| self.organization(id)).or(self.organizations.first());
        Page(document(
            title,
            html! {
                a.skip href="#content" { "Skip to the content" }
                header.top {
                    (brand())
                    @if let Some(organization) = organization {
                        (switcher(organization, &self.organizations))
                        nav.sections aria-label="Console" {
                            @for (section, name, address) in sections(organization.id) {
                                a href=(address) aria-current=[(section == location.section).then_some("page")] { (name) }
                            }
                        }
                    }
                    div.account {
                        a href="/console/account" title=(self.operator.email()) aria-current=[(location.section == Section::Account).then_some("page")] { "Account" }
                        form method="post" action="/console/sign-out" { (csrf(self)) button.quiet type="submit" { "Sign out" } }
                    }
                }
                main #content tabindex="-1" {
                    @if !location.parents.is_empty() {
                        nav.trail aria-label="Breadcrumb" {
                            ol { @for (name, address) in &location.parents { li { a href=(address) { (name) } } } }
                        }
                    }
                    h1 { (title) }
                    @if !location.tabs.is_empty() {
                        nav.tabs aria-label=(title) {
                            @for (name, address, is_this) in &location.tabs {
                                a href=(address) aria-current=[is_this.then_some("page")] { (name) }
                            }
                        }
                    }
                    @if let Some(outcome) = self.outcome { (outcome_notice(outcome)) }
                    (content)
                }
            },
        ))
    }
}

/// The outcome of the previous form, above the page's content.
fn outcome_notice(outcome: Outcome) -> Markup {
    if outcome.is_failure() {
        html! { p.complaint role="alert" { (outcome.sentence()) } }
    } else {
        html! { p.notice role="status" { (outcome.sentence()) } }
    }
}

fn sections(organization: Uuid) -> [(Section, &'static str, String); 4] {
    let address = |page: &str| format!("/console/organizations/{organization}{page}");
    [
        (Section::Overview, "Overview", address("")),
        (Section::Sites, "Sites", address("/sites")),
        (Section::People, "People", address("/people")),
        (Section::Activity, "Activity", address("/activity")),
    ]
}

/// The organization's name, or a menu if the viewer belongs to several.
fn switcher(current: &Organization, all: &[Organization]) -> Markup {
    html! {
        @if all.len() > 1 {
            details.switcher {
                summary { (current.name) }
                ul {
                    @for organization in all {
                        li {
                            a href={ "/console/organizations/" (organization.id) } aria-current=[(organization == current).then_some("true")] {
                                (organization.name)
                            }
                        }
                    }
                }
            }
        } @else {
            span.organization { (current.name) }
        }
    }
}

fn brand() -> Markup {
    html! {
        a.brand href="/console" {
            svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" {
                rect x="1.5" y="3.5" width="21" height="17" rx="3.5" fill="none" stroke="currentColor" stroke-width="2" {}
                rect x="11" y="10" width="8" height="7" rx="1.5" fill="currentColor" {}
            }
            "Dramac Embed"
        }
    }
}

/// A page without navigation, for visitors without a session.
pub fn signed_out_page(title: &str, content: Markup) -> Page {
    Page(document(
        title,
        html! {
            main.outside #content {
                (brand())
                h1 { (title) }
                (content)
            }
        },
    ))
}

/// A page that explains an error and links back to the console.
pub fn error_page(error: &Error) -> Page {
    let title = match error.status().as_u16() {
        _ if error.code() == Code::LinkEnded => "This link no longer works",
        _ if error.code() == Code::RequestEnded => "This request has ended",
        404 => "Page not found",
        403 => "You do not have access",
        429 => "Too many requests",
        500.. => "Something went wrong",
        _ => "That did not work",
    };
    signed_out_page(
        title,
        html! {
            p.sentence { (sentence(error.detail())) }
            p { a href="/console" { "Back to the console" } }
        },
    )
}

fn document(title: &str, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                meta name="color-scheme" content="light dark";
                title { (title) " – Dramac Embed" }
                link rel="icon" href=(assets::ICON);
                link rel="stylesheet" href=(assets::style());
                script defer src=(assets::script()) {}
            }
            body { (body) (PreEscaped("\n")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    #[tokio::test]
    async fn what_is_not_seen_is_written_out() {
        let page = signed_out_page("a\u{202e}b", html! { p title="c\u{9b}d" { "e\u{200f}f" } });
        let body = to_bytes(page.into_response().into_body(), 100_000).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(
            text.contains(r"a\u{202e}b") && text.contains(r"c\u{9b}d") && text.contains(r"e\u{200f}f"),
            "{text}"
        );
    }
}
