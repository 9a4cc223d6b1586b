//! Proof by meta tag: an element in the head of the domain's front page.
//!
//! The page is read by an HTML parser, and believed as far as its head goes: what visitors may write on a page
//! (comments, posts) stands in its body.

use std::{cell::RefCell, rc::Rc, time::Duration};

use axum::http::StatusCode;
use lol_html::{HtmlRewriter, MemorySettings, Settings, element, html_content::Element};
use url::Url;

use super::{
    pattern::DomainPattern,
    proof::{NAME, ProofError},
};
use embed_base::outbound::{Limits, Outbound, OutboundError};

const LIMITS: Limits = Limits { time: Duration::from_secs(10), bytes: 512 * 1024, redirects: 3 };

/// The elements that a head may hold; the first other one ends it (HTML, "the rules for the in head insertion mode").
/// What stands in a `template` is not part of the page, so it ends the head too.
const HEAD: &[&str] = &["html", "head", "title", "meta", "link", "style", "script", "noscript", "base"];

/// The tag to put on the front page.
pub fn tag(token: &str) -> String {
    format!("<meta name=\"{NAME}\" content=\"{token}\">")
}

/// Looks whether the domain's front page holds `token`. A page that redirects is followed; a wildcard covers hosts that
/// this page's owner may not own, so it is refused.
pub async fn check(outbound: &Outbound, domain: &DomainPattern, token: &str) -> Result<(), ProofError> {
    if domain.is_wildcard() {
        return Err(ProofError::WildcardNeedsDns);
    }
    let host = domain.verification_host().to_owned();
    let url = Url::parse(&format!("https://{host}/"))
        .map_err(|error| OutboundError::Setup(format!("{host} makes no URL ({error})")))?;
    let page = outbound.get(url, LIMITS).await?;
    if page.status() != StatusCode::OK {
        return Err(ProofError::NoPage { host, status: page.status().as_u16() });
    }
    let tokens = tokens(page.body());
    if tokens.iter().any(|found| found == token) {
        Ok(())
    } else if tokens.is_empty() {
        Err(ProofError::NoTag { host })
    } else {
        Err(ProofError::OtherTag { host, token: token.to_owned() })
    }
}

/// The tokens in the head of a page. A page that is no HTML, or that ends in its middle, has those found until there.
pub fn tokens(page: &[u8]) -> Vec<String> {
    let head = Rc::new(RefCell::new(Head { open: true, tokens: Vec::new() }));
    let visit = |element: &mut Element<'_, '_>| {
        head.borrow_mut().visit(element);
        Ok(())
    };
    let settings = Settings::new()
        .append_element_content_handler(element!("*", visit))
        .with_strict(false)
        .with_memory_settings(MemorySettings::new().with_max_allowed_memory_usage(4 * 1024 * 1024));
    let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| {});
    // An error means that the parser gave up; what it saw before counts.
    let _ = rewriter.write(page).and_then(|()| rewriter.end());
    head.take().tokens
}

#[derive(Default)]
struct Head {
    open: bool,
    tokens: Vec<String>,
}

impl Head {
    fn visit(&mut self, element: &Element<'_, '_>) {
        self.open &= HEAD.contains(&element.tag_name().as_str());
        let is_ours = |name: String| name.trim().eq_ignore_ascii_case(NAME);
        if self.open && element.tag_name() == "meta" && element.get_attribute("name").is_some_and(is_ours) {
            let content = element.get_attribute("content").unwrap_or_default();
            self.tokens.push(content.trim().to_owned());
        }
    }
}
