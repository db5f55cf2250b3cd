//! For a terminal: a line for each stage, by layers, and under it one for each way out.

use std::fmt::Write;

use super::{Drawing, Kind};
use crate::{
    metrics::{StageSnapshot, fit, short},
    name::cut,
};

/// Most columns of a line, and those of its left part: layer, name, ways.
const WIDTH: usize = 80;
const LEFT: usize = 40;
/// Most columns of a port beside its way.
const PORT: usize = 14;

pub(super) fn draw(of: &Drawing) -> String {
    let mut text = title(of);
    let mut order: Vec<usize> = (0..of.nodes.len()).collect();
    order.sort_by_key(|&node| of.nodes[node].layer);
    let mut last = usize::MAX;
    for node in order {
        let layer = of.nodes[node].layer;
        // Said once for all that stand in it.
        let number = if layer == last { String::new() } else { (layer + 1).to_string() };
        last = layer;
        let name = format!("{number:>2} {}", plain(&of.nodes[node].name));
        let lefts = std::iter::once(name.as_str()).chain(std::iter::repeat(""));
        lefts.zip(folded(&right(of, node))).for_each(|(left, right)| line(&mut text, left, &right));
        come_in(of, node, &mut text);
        go_out(of, node, &mut text);
    }
    text
}

fn title(of: &Drawing) -> String {
    let stages = of.nodes.iter().filter(|node| node.kind != Kind::Answer).count();
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    let mut left = format!("{}: {stages} stage{}", cut(&plain(&of.pipeline), 48), plural(stages));
    let mut text = String::new();
    if let Some(numbers) = &of.numbers {
        let _ = write!(left, ", after {}", short(numbers.elapsed));
        line(&mut text, &left, "");
        line(&mut text, "   stage", &columns(["queue", "done", "refused", "svc p99"]));
        return text;
    }
    if !of.open.is_empty() {
        let _ = write!(left, ", {} open port{}", of.open.len(), plural(of.open.len()));
    }
    line(&mut text, &left, "");
    of.warning().iter().for_each(|warning| wide(&mut text, &format!("   {warning}")));
    text
}

/// Numbers, or else how the stage runs.
fn right(of: &Drawing, node: usize) -> String {
    let said = &of.nodes[node];
    if let Some(stage) = of.numbers.as_ref().and_then(|numbers| numbers.stages.get(node)) {
        return numbers(stage, said.kind);
    }
    let kind = match said.kind {
        Kind::Source => "source, ",
        Kind::Entry => "entry, ",
        Kind::Stage | Kind::Answer => "",
    };
    format!("{kind}{}", plain(&said.how))
}

/// Cut at its commas into lines of the right part's width.
fn folded(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in text.split_inclusive(", ") {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && line.chars().count() + part.trim_end().chars().count() > WIDTH - LEFT {
            lines.push(part.to_string());
        } else {
            line.push_str(part);
        }
    }
    lines
}

fn numbers(stage: &StageSnapshot, kind: Kind) -> String {
    let queue = match kind {
        // Nothing is offered to it.
        Kind::Source => String::new(),
        _ => format!("{}/{}", fit(stage.queue_len as u64, 5), fit(stage.queue_bound as u64, 5)),
    };
    columns([&queue, &fit(stage.counts.done, 8), &fit(stage.counts.refused(), 8), &short(stage.service.p99)])
}

fn columns([queue, done, refused, p99]: [&str; 4]) -> String {
    format!("{queue:>11} {done:>8} {refused:>8} {p99:>8}")
}

/// Where several ways meet.
fn come_in(of: &Drawing, node: usize, text: &mut String) {
    let ways: Vec<_> = of.ways.iter().filter(|way| way.to == node).collect();
    if ways.len() < 2 {
        return;
    }
    let name = |from: usize, port: &str| {
        let dot = if port.is_empty() { "" } else { "." };
        plain(&format!("{}{dot}{port}", of.nodes[from].name))
    };
    let names: Vec<String> = ways.iter().map(|way| name(way.from, &way.port)).collect();
    wide(text, &format!("   ◀ {}", names.join(", ")));
}

fn go_out(of: &Drawing, node: usize, text: &mut String) {
    let mut ways = Vec::new();
    for way in of.ways.iter().filter(|way| way.from == node) {
        let port = if way.is_use { "uses" } else { &way.port };
        let back = if way.back { " (back)" } else { "" };
        let passed = of.passed(way).map(|n| columns(["", &fit(n, 8), "", ""]));
        ways.push((port, plain(&of.nodes[way.to].name), back, passed.unwrap_or_default()));
    }
    for open in of.open.iter().filter(|open| open.from == node) {
        ways.push((&open.port, format!("? open: {}", plain(&open.event)), "", String::new()));
    }
    let n = ways.len();
    for (at, (port, to, back, passed)) in ways.into_iter().enumerate() {
        let corner = if at + 1 < n { '├' } else { '└' };
        let port = if port.is_empty() { String::new() } else { format!(" {} ─", cut(&plain(port), PORT)) };
        let way = format!("   {corner}─{port}▶ ");
        let room = LEFT.saturating_sub(way.chars().count() + back.chars().count() + 1);
        line(text, &format!("{way}{}{back}", cut(&to, room)), passed.trim_end());
    }
}

fn line(text: &mut String, left: &str, right: &str) {
    if right.is_empty() {
        return wide(text, left);
    }
    let left = cut(left, LEFT - 1);
    wide(text, format!("{left:<LEFT$}{right}").trim_end());
}

fn wide(text: &mut String, line: &str) {
    text.push_str(&cut(line, WIDTH));
    text.push('\n');
}

/// Names are checked only at the start: what would break a line is not shown.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
