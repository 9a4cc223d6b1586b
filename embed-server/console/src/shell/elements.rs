//! Elements that many pages use.

use super::viewer::Viewer;
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::Error;
use maud::{Markup, html};

/// The hidden field that every form of a session must carry.
pub fn csrf(viewer: &Viewer) -> Markup {
    html! { input type="hidden" name="form" value=(viewer.form_token); }
}

/// Shows the error above a form that is displayed again.
pub fn form_error(error: Option<&Error>) -> Markup {
    html! { @if let Some(error) = error { p.complaint role="alert" { (sentence(error.detail())) } } }
}

/// Renders a sentence, with text between backticks as code.
pub fn sentence(text: &str) -> Markup {
    let parts = text.split('`').enumerate();
    html! {
        @for (index, part) in parts {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// Shown in place of an empty list: says what to do first.
pub fn empty(title: &str, sentence: Markup) -> Markup {
    html! { div.empty { p { strong { (title) } } p { (sentence) } } }
}

/// A relative time such as “3 days ago”, with the exact one as its title.
pub fn time(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    let exact = at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    html! { time datetime=(at.to_rfc3339()) title=(exact) { (relative(at, now)) } }
}

/// The same, with a text for a missing time.
pub fn time_or(at: Option<DateTime<Utc>>, now: DateTime<Utc>, otherwise: &str) -> Markup {
    html! { @match at { Some(at) => (time(at, now)), None => (otherwise) } }
}

fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let (span, ahead) = if at > now { (at - now, true) } else { (now - at, false) };
    let count = |number: i64, unit: &str| {
        let plural = if number == 1 { "" } else { "s" };
        if ahead { format!("in {number} {unit}{plural}") } else { format!("{number} {unit}{plural} ago") }
    };
    match span {
        // A time in the next two seconds is a change made while this page was rendered.
        span if ahead && span < TimeDelta::seconds(2) => "just now".to_owned(),
        span if span < TimeDelta::seconds(45) => if ahead { "in a moment" } else { "just now" }.to_owned(),
        span if span < TimeDelta::minutes(60) => count(span.num_minutes().max(1), "minute"),
        span if span < TimeDelta::hours(24) => count(span.num_hours(), "hour"),
        span if span < TimeDelta::days(60) => count(span.num_days(), "day"),
        _ => at.format("%-d %B %Y").to_string(),
    }
}

/// A word for a state; its colour carries no further information.
pub fn badge(word: &str, kind: BadgeKind) -> Markup {
    let class = match kind {
        BadgeKind::Good => "badge good",
        BadgeKind::Bad => "badge bad",
        BadgeKind::Neutral => "badge open",
    };
    html! { span class=(class) { (word) } }
}

/// What a badge's state means for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadgeKind {
    /// All is well.
    Good,
    /// Needs attention.
    Bad,
    /// Neither, such as an invitation that is not accepted yet.
    Neutral,
}

/// Text with a button that copies it, which only shows where scripts run. `id` is unique on its page.
pub fn copyable(id: &str, name: &str, text: &str) -> Markup {
    html! {
        div.copyable {
            pre { code #(id) tabindex="0" aria-label=(name) { (text) } }
            button.copy type="button" data-copy=(id) hidden { "Copy" }
        }
    }
}

/// Asks for confirmation before something that cannot be undone; cancelling is as easy as confirming.
pub fn confirmation(viewer: &Viewer, action: &str, explanation: Markup, yes: &str, back: &str) -> Markup {
    html! {
        div.question {
            (explanation)
            form method="post" action=(action) {
                (csrf(viewer))
                div.buttons {
                    button.danger type="submit" { (yes) }
                    a.button href=(back) { "Cancel" }
                }
            }
        }
    }
}

/// A link to the next page of a list, if there is one. `address` is the page's URL without a cursor.
pub fn older_link(address: &str, next: Option<&str>) -> Markup {
    let joint = if address.contains('?') { '&' } else { '?' };
    html! {
        @if let Some(cursor) = next { p.more { a href={ (address) (joint) "cursor=" (cursor) } { "Older" } } }
    }
}

/// Formats a number in groups of three digits.
pub fn number(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    let sign = if number < 0 { "−" } else { "" };
    format!("{sign}{}", groups.join("\u{202f}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_relative_to_now() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (seconds, expected) in [
            (0, "just now"),
            (44, "just now"),
            (60, "1 minute ago"),
            (3_599, "59 minutes ago"),
            (7_200, "2 hours ago"),
            (86_400 * 3, "3 days ago"),
            (-90, "in 1 minute"),
            (-1, "just now"),
            (-10, "in a moment"),
            (86_400 * 100, "7 October 2026"),
        ] {
            assert_eq!(relative(now - TimeDelta::seconds(seconds), now), expected, "{seconds}");
        }
    }

    #[test]
    fn numbers_are_grouped() {
        let thin = |text: &str| text.replace(' ', "\u{202f}");
        for (value, expected) in
            [(0, "0"), (999, "999"), (1_000, "1 000"), (1_234_567, "1 234 567"), (-1_000, "−1 000")]
        {
            assert_eq!(number(value), thin(expected));
        }
    }
}
