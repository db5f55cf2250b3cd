//! A graph to look at: as text for a terminal, as Mermaid for Markdown, as DOT for Graphviz.

mod dot;
mod layers;
mod mermaid;
mod sketch;
mod text;

use std::fmt;

use crate::metrics::{Snapshot, fit, short};

/// A pipeline's graph: its stages from the sources to the sinks, the ways between them by their ports, and, of one that
/// runs, the numbers of a moment. Before the start, ports that nothing takes from are in it too, marked as open.
///
/// Made by [`Pipeline::graph`](crate::Pipeline::graph) and [`Running::graph`](crate::Running::graph). `Display` is
/// [`text`](Drawing::text).
///
/// ```
/// use seda_core::prelude::*;
/// let mut p = Pipeline::named("orders");
/// let (_price, priced, bad) = p.stage("price", |s: String| s.parse::<u64>()).tried();
/// p.end("ship", priced, |id| println!("ship {id}"));
/// assert_eq!(p.graph().text(), "\
/// orders: 2 stages, 1 open port
///  1 price                                entry, 1 thread, queue 1000, block
///    ├─▶ ship
///    └─ err ─▶ ? open: ParseIntError
///  2 ship                                 1 thread, queue 1000, block
/// ");
/// # drop(bad);
/// ```
#[derive(Clone, Debug)]
pub struct Drawing {
    pipeline: String,
    domains: Vec<String>,
    /// The stages in the order of their declaration, then the answers of asks.
    nodes: Vec<Node>,
    ways: Vec<Way>,
    open: Vec<Open>,
    /// How much is wrong with the configuration, of which nothing is drawn then.
    findings: usize,
    numbers: Option<Box<Snapshot>>,
}

/// A stage, or where answers go.
#[derive(Clone, Debug)]
struct Node {
    name: String,
    kind: Kind,
    /// Of a declared domain.
    domain: Option<usize>,
    /// Its threads and its queue, in words.
    how: String,
    /// 0 for what nothing leads to; every way but those of a cycle leads to a higher one.
    layer: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Source,
    /// Fed by code outside alone.
    Entry,
    Stage,
    Answer,
}

/// A link, or a declared use of an inlet.
#[derive(Clone, Debug)]
struct Way {
    from: usize,
    to: usize,
    /// The port without its stage: `err`, or nothing for a stage's one outlet.
    port: String,
    is_use: bool,
    /// It closes a cycle.
    back: bool,
    /// Which edge of a snapshot it is.
    edge: Option<usize>,
}

/// A port that nothing takes from.
#[derive(Clone, Debug)]
struct Open {
    from: usize,
    port: String,
    event: String,
}

impl Drawing {
    pub(crate) fn with_numbers(mut self, snapshot: Snapshot) -> Self {
        self.numbers = Some(Box::new(snapshot));
        self
    }

    /// For a terminal: at most 80 columns, stages by layers from the sources to the sinks, under each the ways out of it
    /// with their ports; `◀` names what comes in where that is more than one, `(back)` closes a cycle. Of one that runs,
    /// with queue, done, refused and the 99th percentile of the service time, and with what went each way.
    #[must_use]
    pub fn text(&self) -> String {
        text::draw(self)
    }

    /// A Mermaid flowchart, for a fence of that name in Markdown.
    #[must_use]
    pub fn mermaid(&self) -> String {
        mermaid::draw(self)
    }

    /// A digraph in Graphviz' language: `dot -Tsvg`.
    #[must_use]
    pub fn dot(&self) -> String {
        dot::draw(self)
    }

    /// What is to be known before the drawing is believed.
    fn warning(&self) -> Option<String> {
        let findings = match self.findings {
            0 => return None,
            1 => "1 finding".to_string(),
            n => format!("{n} findings"),
        };
        Some(format!("without its configuration, which has {findings}: the start tells"))
    }

    /// What stands under a node's name in a picture.
    fn caption(&self, node: usize) -> String {
        let Some(stage) = self.numbers.as_ref().and_then(|snapshot| snapshot.stages.get(node)) else {
            return self.nodes[node].how.clone();
        };
        let (done, refused, p99) = (stage.counts.done, stage.counts.refused(), short(stage.service.p99));
        if self.nodes[node].kind == Kind::Source {
            return format!("done {done}, p99 {p99}");
        }
        format!("queue {}/{}, done {done}, refused {refused}, p99 {p99}", stage.queue_len, stage.queue_bound)
    }

    /// What went a way, if that is known.
    fn passed(&self, way: &Way) -> Option<u64> {
        let snapshot = self.numbers.as_ref()?;
        snapshot.edges.get(way.edge?).map(|edge| edge.offered)
    }

    /// What stands beside a way in a picture.
    fn label(&self, way: &Way) -> String {
        let port = if way.is_use { "uses" } else { way.port.as_str() };
        match self.passed(way) {
            None => port.to_string(),
            Some(n) if port.is_empty() => fit(n, 12),
            Some(n) => format!("{port}: {}", fit(n, 12)),
        }
    }
}

impl fmt::Display for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}
