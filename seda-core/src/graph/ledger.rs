use std::{fmt, time::Duration};

use serde::Serialize;

use super::Graph;
use crate::{
    metrics::{Bottleneck, Counts, ShedCount, fit, short},
    name::cut,
    units::as_ns,
};

use std::sync::atomic::Ordering;

/// How every event that was offered has ended: per stage
/// `offered = refused{full, shed, closed} + done + failed + expired + dropped + left`, per edge
/// `produced = offered + left in the outbox`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Ledger {
    /// The stages, then the answers of asks: what reached an asker is done there, what came late, second or unasked is
    /// dropped.
    pub stages: Vec<LedgerRow>,
    /// The edges.
    pub edges: Vec<LedgerEdge>,
}

/// One stage's row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct LedgerRow {
    /// Name of the stage.
    pub name: String,
    /// Events offered.
    pub offered: u64,
    /// Refused: full.
    pub full: u64,
    /// Refused: shed by the policy.
    pub shed: u64,
    /// The same by reason.
    pub shed_by: Vec<ShedCount>,
    /// Refused: closed.
    pub closed: u64,
    /// The handler answered.
    pub done: u64,
    /// The handler panicked.
    pub failed: u64,
    /// Outlived their deadline or time to live.
    pub expired: u64,
    /// Dropped by a full queue's policy.
    pub dropped: u64,
    /// Still queued, or held by a handler that did not return.
    pub left: u64,
}

/// One edge's row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct LedgerEdge {
    /// Port that it leaves from.
    pub from: String,
    /// Stage that it goes to.
    pub to: String,
    /// Events that came out behind the outlet's adapters.
    pub produced: u64,
    /// Events offered to the stage.
    pub offered: u64,
    /// Events left in the outbox.
    pub left: u64,
}

impl LedgerRow {
    fn new(name: String, counts: Counts, left: u64) -> Self {
        LedgerRow {
            name,
            offered: counts.offered,
            full: counts.full,
            shed: counts.shed,
            shed_by: counts.shed_by,
            closed: counts.closed,
            done: counts.done,
            failed: counts.failed,
            expired: counts.expired,
            dropped: counts.dropped,
            left,
        }
    }

    /// Offers that came back.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.full + self.shed + self.closed
    }

    /// Every offer has exactly one end.
    #[must_use]
    pub fn balanced(&self) -> bool {
        self.offered == self.refused() + self.done + self.failed + self.expired + self.dropped + self.left
    }
}

impl LedgerEdge {
    /// Everything produced was offered, or is left.
    #[must_use]
    pub fn balanced(&self) -> bool {
        self.produced == self.offered + self.left
    }
}

impl Ledger {
    pub(crate) fn of(graph: &Graph, ended: bool) -> Self {
        let rows = graph.stages.iter().map(|node| {
            let inbox = &node.activation.inbox;
            let (counts, left) = inbox.ledger();
            LedgerRow::new(node.name.clone(), counts, left as u64)
        });
        let answers = graph.answers.iter().map(|(name, counts)| {
            let (done, dropped) = (counts.answered.load(Ordering::Acquire), counts.unheard.load(Ordering::Acquire));
            LedgerRow::new(name.clone(), Counts { offered: done + dropped, done, dropped, ..Counts::default() }, 0)
        });
        let edges = graph.edges.iter().map(|edge| {
            let offered = edge.offered.load(Ordering::Acquire);
            let produced = edge.produced.load(Ordering::Acquire);
            // While it runs, what is left is what is not yet offered; at the end it was counted.
            let left = if ended { edge.left.load(Ordering::Acquire) } else { produced.saturating_sub(offered) };
            LedgerEdge { from: edge.port.clone(), to: edge.to.clone(), produced, offered, left }
        });
        Ledger { stages: rows.chain(answers).collect(), edges: edges.collect() }
    }

    /// The row of a stage.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&LedgerRow> {
        self.stages.iter().find(|row| row.name == name)
    }

    /// The row of an edge, by port and stage.
    #[must_use]
    pub fn edge(&self, from: &str, to: &str) -> Option<&LedgerEdge> {
        self.edges.iter().find(|edge| edge.from == from && edge.to == to)
    }

    /// Every row adds up.
    #[must_use]
    pub fn balanced(&self) -> bool {
        self.stages.iter().all(LedgerRow::balanced) && self.edges.iter().all(LedgerEdge::balanced)
    }
}

/// How a pipeline ended. Printed, it is the ledger as a table, and a line that says whether it adds up.
///
/// ```
/// use seda_core::prelude::*;
/// let mut p = Pipeline::named("numbers");
/// let numbers = p.source("count", 0..3);
/// p.end("print", numbers, |n| println!("{n}"));
/// let report = p.start()?.finish();
/// assert_eq!(report.ledger().stage("print").map(|row| (row.offered, row.done)), Some((3, 3)));
/// assert_eq!((report.balanced(), report.left(), report.stuck.len()), (true, 0, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Time that the stop took.
    #[serde(rename = "took_ns", serialize_with = "as_ns")]
    pub took: Duration,
    /// Handlers that did not return by the last deadline; their threads were abandoned and what they give is ignored.
    pub stuck: Vec<String>,
    pub(crate) ledger: Ledger,
    /// The stage that held the rest up, since the start, and what would move it; none where nothing was held up.
    pub bottleneck: Option<Bottleneck>,
}

impl Report {
    /// What became of every event.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Every offer has exactly one end.
    #[must_use]
    pub fn balanced(&self) -> bool {
        self.ledger.balanced()
    }

    /// Events that were left, in queues, hands and outboxes.
    #[must_use]
    pub fn left(&self) -> u64 {
        let stages: u64 = self.ledger.stages.iter().map(|row| row.left).sum();
        stages + self.ledger.edges.iter().map(|edge| edge.left).sum::<u64>()
    }
}

#[cfg(feature = "json")]
impl Ledger {
    /// As JSON text, on one line: `stages` and `edges`, the fields by their names.
    #[must_use]
    pub fn to_json(&self) -> String {
        crate::metrics::json(self)
    }
}

#[cfg(feature = "json")]
impl Report {
    /// As JSON text, on one line, with the ledger and its edges; `took_ns` is in nanoseconds. Later versions add fields;
    /// none changes its meaning.
    #[must_use]
    pub fn to_json(&self) -> String {
        crate::metrics::json(self)
    }
}

/// A line for each stage, at most 80 columns wide; numbers are shortened where they would not fit. `{:#}` has a line for
/// each edge too.
impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<16} {:>10} {:>8} {:>10} {:>6} {:>7} {:>7} {:>6}",
            "stage", "offered", "refused", "done", "failed", "expired", "dropped", "left"
        )?;
        for row in &self.stages {
            writeln!(
                f,
                "{:<16} {:>10} {:>8} {:>10} {:>6} {:>7} {:>7} {:>6}",
                cut(&row.name, 16),
                fit(row.offered, 10),
                fit(row.refused(), 8),
                fit(row.done, 10),
                fit(row.failed, 6),
                fit(row.expired, 7),
                fit(row.dropped, 7),
                fit(row.left, 6)
            )?;
        }
        if f.alternate() { self.edges_table(f) } else { Ok(()) }
    }
}

impl Ledger {
    fn edges_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<26} {:<16} {:>10} {:>10} {:>6}", "edge from", "to", "produced", "offered", "left")?;
        for edge in &self.edges {
            let (produced, offered, left) = (fit(edge.produced, 10), fit(edge.offered, 10), fit(edge.left, 6));
            writeln!(
                f,
                "{:<26} {:<16} {produced:>10} {offered:>10} {left:>6}",
                cut(&edge.from, 26),
                cut(&edge.to, 16)
            )?;
        }
        Ok(())
    }
}

/// The ledger's table, then in one line each: what was left in outboxes, who is stuck, and whether it adds up. `{:#}` has
/// the edges too, and names the bottleneck.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.ledger, f)?;
        let left: u64 = self.ledger.edges.iter().map(|edge| edge.left).sum();
        if left > 0 {
            writeln!(f, "left in outboxes: {left}")?;
        }
        for stage in &self.stuck {
            writeln!(f, "stuck: `{}` did not return; its thread was abandoned", cut(stage, 30))?;
        }
        if let Some(bottleneck) = self.bottleneck.as_ref().filter(|_| f.alternate()) {
            bottleneck.lines(f)?;
        }
        let adds_up = if self.balanced() { "adds up" } else { "DOES NOT ADD UP" };
        write!(f, "{}: stopped in {}, the ledger {adds_up}", cut(&self.pipeline, 31), short(self.took))
    }
}
