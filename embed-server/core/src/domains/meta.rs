//! Proof by meta tag: an element in the head of the domain's front page.
//!
//! Only the head of the page is trusted, as an HTML parser sees it: visitors may be able to write into its body
//! (comments, posts).

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
/// A `template` ends it too, because its content is not part of the page.
const HEAD: &[&str] = &["html", "head", "title", "meta", "link", "style", "script", "noscript", "base"];

/// The tag for the front page.
pub fn tag(token: &str) -> String {
    format!("<meta name=\"{NAME}\" content=\"{token}\">")
}

/// Checks whether the domain's front page holds `token`, following redirects. A wildcard is refused, because it
/// covers hosts that this page's owner may not own.
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

/// The tokens in the head of a page; of a truncated or broken page, those that were parsed.
pub fn tokens(page: &[u8]) -> Vec<String> {
    let head = Rc::new(RefCell::new(Head { in_head: true, tokens: Vec::new() }));
    let visit = |element: &mut Element<'_, '_>| {
        head.borrow_mut().visit(element);
        Ok(())
    };
    let settings = Settings::new()
        .append_element_content_handler(element!("*", visit))
        .with_strict(false)
        .with_memory_settings(MemorySettings::new().with_max_allowed_memory_usage(4 * 1024 * 1024));
    let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| {});
    // The parser gives up on a broken page; the tokens before that count.
    let _ = rewriter.write(page).and_then(|()| rewriter.end());
    head.take().tokens
}

#[derive(Default)]
struct Head {
    in_head: bool,
    tokens: Vec<String>,
}

impl Head {
    fn visit(&mut self, element: &Element<'_, '_>) {
        self.in_head &= HEAD.contains(&element.tag_name().as_str());
        let is_ours = |name: String| name.trim().eq_ignore_ascii_case(NAME);
        if self.in_head && element.tag_name() == "meta" && element.get_attribute("name").is_some_and(is_ours)
        {
            let content = element.get_attribute("content").unwrap_or_default();
            self.tokens.push(content.trim().to_owned());
        }
    }
}
