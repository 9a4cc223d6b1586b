//! Pieces that many pages are made of.

use super::viewer::Viewer;
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::Error;
use maud::{Markup, html};

/// The hidden field without which no form of a session is taken.
pub fn csrf(viewer: &Viewer) -> Markup {
    html! { input type="hidden" name="form" value=(viewer.form_token); }
}

/// A sentence about what was just done.
pub fn notice(sentence: &str) -> Markup {
    html! { p.notice role="status" { (sentence) } }
}

/// What was wrong with a form that is shown again.
pub fn complaint(error: Option<&Error>) -> Markup {
    html! { @if let Some(error) = error { p.complaint role="alert" { (sentence(error.detail())) } } }
}

/// A sentence, with what stands between backticks set as code.
pub fn sentence(text: &str) -> Markup {
    let parts = text.split('`').enumerate();
    html! {
        @for (place, part) in parts {
            @if place % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// What stands where there is nothing yet, and what to do first.
pub fn empty(title: &str, sentence: Markup) -> Markup {
    html! { div.empty { p { strong { (title) } } p { (sentence) } } }
}

/// A time as people say it, with the exact one for whoever points at it.
pub fn time(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    let exact = at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    html! { time datetime=(at.to_rfc3339()) title=(exact) { (relative(at, now)) } }
}

/// The same where there may be none.
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
        // What was done while this page was made is not ahead.
        span if ahead && span < TimeDelta::seconds(2) => "just now".to_owned(),
        span if span < TimeDelta::seconds(45) => if ahead { "in a moment" } else { "just now" }.to_owned(),
        span if span < TimeDelta::minutes(60) => count(span.num_minutes().max(1), "minute"),
        span if span < TimeDelta::hours(24) => count(span.num_hours(), "hour"),
        span if span < TimeDelta::days(60) => count(span.num_days(), "day"),
        _ => at.format("%-d %B %Y").to_string(),
    }
}

/// A word about a state, with a colour that says no more than the word.
pub fn badge(word: &str, mood: Mood) -> Markup {
    let class = match mood {
        Mood::Good => "badge good",
        Mood::Bad => "badge bad",
        Mood::Open => "badge open",
    };
    html! { span class=(class) { (word) } }
}

/// How a state is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As it should be.
    Good,
    /// Something to see to.
    Bad,
    /// Not decided yet.
    Open,
}

/// Text to be pasted somewhere, with a button that copies it where there is a script to do so. `id` is unique on its page.
pub fn copyable(id: &str, name: &str, text: &str) -> Markup {
    html! {
        div.copyable {
            pre { code #(id) tabindex="0" aria-label=(name) { (text) } }
            button.copy type="button" data-copy=(id) hidden { "Copy" }
        }
    }
}

/// A question before something that cannot be undone; it names the thing, and no is as easy as yes.
pub fn question(viewer: &Viewer, action: &str, explanation: Markup, yes: &str, back: &str) -> Markup {
    html! {
        div.question {
            (explanation)
            form method="post" action=(action) {
                (csrf(viewer))
                div.buttons {
                    button.danger type="submit" { (yes) }
                    a.button href=(back) { "Keep it" }
                }
            }
        }
    }
}

/// A way to what follows in a list, where something does. `address` is that of the page without a cursor.
pub fn more(address: &str, next: Option<&str>) -> Markup {
    let joint = if address.contains('?') { '&' } else { '?' };
    html! {
        @if let Some(cursor) = next { p.more { a href={ (address) (joint) "cursor=" (cursor) } { "Older" } } }
    }
}

/// A number as people read it: in groups of three digits.
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
    fn a_time_is_told_as_people_say_it() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (seconds, said) in [
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
            assert_eq!(relative(now - TimeDelta::seconds(seconds), now), said, "{seconds}");
        }
    }

    #[test]
    fn numbers_are_grouped() {
        let thin = |text: &str| text.replace(' ', "\u{202f}");
        for (value, said) in
            [(0, "0"), (999, "999"), (1_000, "1 000"), (1_234_567, "1 234 567"), (-1_000, "−1 000")]
        {
            assert_eq!(number(value), thin(said));
        }
    }
}
