//! One page of HTML that needs nothing but itself.

use std::fmt::Write as _;

use super::{
    chart::escaped,
    report::{HEAD, Section, Table, cells},
    turns,
};

const HEADER: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
     content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">";
const STYLE: &str = "<style>body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em;\
     background:#fff;color:#24292f}svg{max-width:100%;height:auto}table{border-collapse:collapse;font-size:13px;margin:.6em 0 \
     1.4em}th,td{padding:.15em .7em;text-align:right;border-bottom:1px solid #8884}th:first-child,td:first-child\
     {text-align:left}h2{margin-top:2.2em}caption{text-align:left;font-weight:600}nav a{margin-right:1em;display:inline-block}tr.first td\
     {font-weight:600}li{font-size:13px}@media(prefers-color-scheme:dark){body{background:#14171c;color:#d7dde4}a{color:#7cb7ff}}</style>";
const READING: &str = "Goodput: what ended within the objective, in capacities. Latencies count from the intended time of an \
     offer, in objectives; what was admitted and never started counts as infinitely late. Tables show medians over the seeds, \
     pictures over time the first one.";

/// A page in the making: sections with pictures and tables, one after the other.
#[derive(Clone, Debug)]
#[must_use = "a page is taken as HTML"]
pub struct Page {
    title: String,
    about: String,
    sections: Vec<String>,
    body: String,
}

impl Page {
    /// With a title and a sentence about it.
    pub fn new(title: impl Into<String>, about: impl Into<String>) -> Self {
        Page { title: title.into(), about: about.into(), sections: Vec::new(), body: String::new() }
    }

    /// A section with a picture, which is taken as it is; tables that follow belong to it.
    pub fn section(mut self, name: &str, about: &str, svg: &str) -> Self {
        let at = self.sections.len();
        self.sections.push(name.to_string());
        let (name, about) = (escaped(name), escaped(about));
        _ = write!(self.body, "\n<section id=\"s{at}\"><h2>{name}</h2><p>{about}</p>\n{svg}</section>");
        self
    }

    /// A table of rows under their heads; the first row is the one that counts.
    pub fn table(mut self, caption: &str, head: &[&str], rows: &[Vec<String>]) -> Self {
        _ = write!(self.body, "<table><caption>{}</caption><tr>", escaped(caption));
        head.iter().for_each(|name| _ = write!(self.body, "<th>{}</th>", escaped(name)));
        self.body.push_str("</tr>");
        for (at, row) in rows.iter().enumerate() {
            self.body.push_str(if at == 0 { "<tr class=\"first\">" } else { "<tr>" });
            row.iter().for_each(|cell| _ = write!(self.body, "<td>{}</td>", escaped(cell)));
            self.body.push_str("</tr>");
        }
        self.body.push_str("</table>");
        self
    }

    fn raw(mut self, html: &str) -> Self {
        self.body.push_str(html);
        self
    }

    /// The page; it fetches nothing.
    #[must_use]
    pub fn html(self) -> String {
        let (title, about) = (escaped(&self.title), escaped(&self.about));
        let mut html = format!("{HEADER}<title>{title}</title>{STYLE}</head><body><h1>{title}</h1><p>{about}</p><nav>");
        for (at, name) in self.sections.iter().enumerate() {
            _ = write!(html, "<a href=\"#s{at}\">{}</a>", escaped(name));
        }
        html + "</nav>" + &self.body + "</body></html>\n"
    }
}

/// With tables of their own in front.
pub(super) fn page(title: &str, own: &[Table], sections: &[Section<'_>]) -> String {
    let with = |page: Page, Table { caption, head, rows }: &Table| {
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        page.table(caption, &head, rows)
    };
    let page = own.iter().fold(Page::new(title, READING), with);
    sections.iter().fold(page, section).html()
}

fn section(page: Page, section: &Section<'_>) -> Page {
    let page = page.section(&section.name, &section.about, &section.svg);
    // A sweep has a table for each of its loads.
    let (begin, end) = if section.is_sweep { ("<details><summary>tables</summary>", "</details>") } else { ("", "") };
    let tables = tables(section).into_iter();
    let page = tables.fold(page.raw(begin), |page, (caption, rows)| page.table(&caption, &HEAD, &rows)).raw(end);
    section.outcomes.iter().fold(page, |page, outcome| {
        let told: Vec<String> = turns::told(outcome).iter().map(|line| format!("<li>{}</li>", escaped(line))).collect();
        if told.is_empty() {
            return page;
        }
        let (who, told) = (escaped(outcome.contender()), told.concat());
        page.raw(&format!("<details><summary>decisions of {who}, first run</summary><ul>{told}</ul></details>"))
    })
}

/// A caption and rows for each stretch that is judged: by scenario and stretch, contenders beneath each other, all in the
/// order in which they came.
fn tables(section: &Section<'_>) -> Vec<(String, Vec<Vec<String>>)> {
    let mut tables: Vec<(String, Vec<Vec<String>>)> = Vec::new();
    for outcome in &section.outcomes {
        for (judged, _) in outcome.demand().judged() {
            let caption = format!("{}, {judged}", outcome.demand().name());
            let row = cells(outcome, &judged).to_vec();
            match tables.iter_mut().find(|(known, _)| *known == caption) {
                Some((_, rows)) => rows.push(row),
                None => tables.push((caption, vec![row])),
            }
        }
    }
    tables
}
