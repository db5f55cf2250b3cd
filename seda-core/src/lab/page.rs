//! One page of HTML that needs nothing but itself.

use std::fmt::Write as _;

use super::{
    chart::escaped,
    report::{HEAD, Section, cells},
};

const HEADER: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
     content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">";
const STYLE: &str = "<style>body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em;\
     background:#fff;color:#24292f}svg{max-width:100%;height:auto}table{border-collapse:collapse;font-size:13px;margin:.6em 0 \
     1.4em}th,td{padding:.15em .7em;text-align:right;border-bottom:1px solid #8884}th:first-child,td:first-child\
     {text-align:left}h2{margin-top:2.2em}caption{text-align:left;font-weight:600}nav a{margin-right:1em}tr.first td\
     {font-weight:600}@media(prefers-color-scheme:dark){body{background:#14171c;color:#d7dde4}a{color:#7cb7ff}}</style>";
const READING: &str = "Goodput: what ended within the objective, in capacities. Latencies count from the intended time of an \
     offer, in objectives; what was admitted and never started counts as infinitely late. Tables show medians over the seeds, \
     pictures over time the first one.";

pub(super) fn page(title: &str, sections: &[Section<'_>]) -> String {
    let title = escaped(title);
    let mut html = format!("{HEADER}<title>{title}</title>{STYLE}</head><body><h1>{title}</h1><p>{READING}</p><nav>");
    for (at, section) in sections.iter().enumerate() {
        _ = write!(html, "<a href=\"#s{at}\">{}</a>", escaped(&section.name));
    }
    html.push_str("</nav>");
    for (at, section) in sections.iter().enumerate() {
        let (name, about) = (escaped(&section.name), escaped(&section.about));
        _ = write!(html, "\n<section id=\"s{at}\"><h2>{name}</h2><p>{about}</p>\n{}", section.svg);
        // A sweep has a table for each of its loads.
        let is_long = section.is_sweep;
        html.push_str(if is_long { "<details><summary>tables</summary>" } else { "" });
        tables(&mut html, section);
        html.push_str(if is_long { "</details></section>" } else { "</section>" });
    }
    html.push_str("</body></html>\n");
    html
}

/// A table for each stretch that is judged.
fn tables(html: &mut String, section: &Section<'_>) {
    let mut before = String::new();
    let mut rows: Vec<(String, usize, usize)> = Vec::new();
    for (at, outcome) in section.outcomes.iter().enumerate() {
        for (nth, (judged, _)) in outcome.demand().judged().into_iter().enumerate() {
            rows.push((format!("{}, {judged}", outcome.demand().name()), nth, at));
        }
    }
    // By scenario and stretch, contenders beneath each other, all in the order in which they came.
    let first = |caption: &str| rows.iter().position(|(known, ..)| known == caption);
    let mut sorted = rows.clone();
    sorted.sort_by_key(|(caption, _, at)| (first(caption), *at));
    for (caption, nth, at) in sorted {
        let outcome = section.outcomes[at];
        let is_first = before != caption;
        if is_first {
            html.push_str(if before.is_empty() { "<table>" } else { "</table><table>" });
            _ = write!(html, "<caption>{}</caption><tr>", escaped(&caption));
            HEAD.iter().for_each(|name| _ = write!(html, "<th>{name}</th>"));
            html.push_str("</tr>");
            before = caption;
        }
        html.push_str(if is_first { "<tr class=\"first\">" } else { "<tr>" });
        let (judged, _) = &outcome.demand().judged()[nth];
        cells(outcome, judged).iter().for_each(|cell| _ = write!(html, "<td>{}</td>", escaped(cell)));
        html.push_str("</tr>");
    }
    html.push_str("</table>");
}
