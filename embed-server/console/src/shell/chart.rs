//! A bar chart of the last hours, drawn on the server as SVG, with the same numbers as a table for screen readers.

use super::elements::number;
use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};
use std::collections::HashMap;

/// How many hours a chart shows.
pub const HOURS: i64 = 24;
/// The width of a bar with its gap, of a bar, and the height of the chart, in the chart's own units.
const STEP: i64 = 10;
const BAR: i64 = 8;
const HEIGHT: i64 = 60;

/// One kind of thing that is counted.
pub struct Series<'a> {
    pub name: &'a str,
    /// The class of the stylesheet that colours its bars.
    pub class: &'a str,
    /// The count of each hour, keyed as `2026-11-21T04:00:00Z`.
    pub counts: HashMap<String, i64>,
}

/// The number beside a chart's title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headline {
    /// The sum of all hours.
    Sum,
    /// The highest hour.
    Highest,
}

/// Draws the series stacked, for the last 24 hours. `id` is unique on its page.
pub fn bars(
    id: &str,
    (title, headline): (&str, Headline),
    series: &[Series<'_>],
    now: DateTime<Utc>,
) -> Markup {
    let hours: Vec<_> = (0..HOURS).rev().map(|ago| now - TimeDelta::hours(ago)).collect();
    let count = |series: &Series<'_>, hour: &DateTime<Utc>| {
        let key = hour.format("%Y-%m-%dT%H:00:00Z").to_string();
        series.counts.get(&key).copied().unwrap_or_default()
    };
    let sums: Vec<i64> =
        hours.iter().map(|hour| series.iter().map(|series| count(series, hour)).sum()).collect();
    let highest = sums.iter().copied().max().unwrap_or_default();
    let headline = match headline {
        Headline::Sum => sums.iter().sum(),
        Headline::Highest => highest,
    };
    // Any count above zero gets a visible bar.
    let height = |count: i64| if count == 0 { 0 } else { (count * HEIGHT / highest.max(1)).max(2) };
    let label = |hour: &DateTime<Utc>| {
        let counts: Vec<_> =
            series.iter().map(|series| format!("{} {}", number(count(series, hour)), series.name)).collect();
        format!(
            "{}–{} UTC: {}",
            hour.format("%-d %B, %H:00"),
            (*hour + TimeDelta::hours(1)).format("%H:00"),
            counts.join(", ")
        )
    };
    html! {
        figure.chart #(id) {
            figcaption { (title) strong { (number(headline)) } }
            svg viewBox={ "0 0 " (HOURS * STEP) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                aria-label={ (title) ", last 24 hours: " (number(headline)) } {
                @for (index, hour) in (0..).zip(&hours) {
                    g {
                        title { (label(hour)) }
                        rect.hour x=(index * STEP) y="0" width=(STEP) height=(HEIGHT) {}
                        @let tops = series.iter().scan(HEIGHT, |top, series| {
                            let tall = height(count(series, hour)).min(*top);
                            *top -= tall;
                            Some((*top, tall, series.class))
                        });
                        @for (top, tall, class) in tops.filter(|(_, tall, _)| *tall > 0) {
                            rect class=(class) x=(index * STEP + 1) y=(top) width=(BAR) height=(tall) rx="1" {}
                        }
                    }
                }
            }
            div.axis aria-hidden="true" {
                span { (hours[0].format("%H:00")) } span { "24 hours, UTC" } span { "now" }
            }
            details {
                summary { "As a table" }
                table {
                    thead { tr { th scope="col" { "Hour" } @for series in series { th.number scope="col" { (series.name) } } } }
                    tbody {
                        @for hour in hours.iter().rev() {
                            tr {
                                th scope="row" { (hour.format("%-d %B, %H:00")) }
                                @for series in series { td.number { (number(count(series, hour))) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
