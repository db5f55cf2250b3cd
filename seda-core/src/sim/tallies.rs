//! Which figures a lineage belongs to: those of the run, of its kind, of phases, of its window.

use std::{ops::Range, time::Duration};

use serde::Serialize;

use super::{figures::Figures, tally::Tally};
use crate::units::as_ns;

/// The figures of one stretch of time, by when lineages were offered.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct Window {
    /// Its beginning, from the start of the run.
    #[serde(rename = "from_ns", serialize_with = "as_ns")]
    pub from: Duration,
    /// What was offered in it, and what came of that.
    pub figures: Figures,
}

pub(super) struct Tallies {
    /// What is offered before counts in windows and phases alone.
    pub(super) warm_up_ns: u64,
    all: Tally,
    pub(super) kinds: Vec<(String, Tally)>,
    phases: Vec<(String, Range<u64>, Tally)>,
    window_ns: u64,
    windows: Vec<Slot>,
}

enum Slot {
    Open(Box<Tally>),
    /// All of it has ended: its table of latencies is gone.
    Closed(Box<Figures>),
}

/// Where a lineage was offered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) at_ns: u64,
    /// Index of its kind, if it has one.
    pub(super) kind: Option<usize>,
}

impl Tallies {
    pub(super) fn new(warm_up_ns: u64, window_ns: u64) -> Self {
        let window_ns = window_ns.max(1);
        let all = Tally::long();
        Tallies { warm_up_ns, all, kinds: Vec::new(), phases: Vec::new(), window_ns, windows: Vec::new() }
    }

    /// Index of a kind.
    pub(super) fn kind(&mut self, name: &str) -> usize {
        self.kinds.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.kinds.push((name.to_string(), Tally::long()));
            self.kinds.len() - 1
        })
    }

    pub(super) fn phase(&mut self, name: String, during: Range<u64>) {
        self.phases.push((name, during, Tally::long()));
    }

    /// In all figures that it belongs to.
    pub(super) fn each(&mut self, origin: Origin, mut f: impl FnMut(&mut Tally)) {
        if origin.at_ns >= self.warm_up_ns {
            f(&mut self.all);
            if let Some(kind) = origin.kind {
                f(&mut self.kinds[kind].1);
            }
        }
        for (_, during, tally) in &mut self.phases {
            if during.contains(&origin.at_ns) {
                f(tally);
            }
        }
        self.in_window(origin.at_ns, f);
    }

    fn in_window(&mut self, at_ns: u64, mut f: impl FnMut(&mut Tally)) {
        let index = (at_ns / self.window_ns) as usize;
        while self.windows.len() <= index {
            self.close(self.windows.len().saturating_sub(1));
            self.windows.push(Slot::Open(Box::new(Tally::short())));
        }
        match &mut self.windows[index] {
            Slot::Open(tally) => f(tally),
            // Only a client's later try can come so late: its answer counts, and no lineage is on its way.
            Slot::Closed(figures) => {
                let mut late = Tally::short();
                f(&mut late);
                figures.answered += late.figures().answered;
            }
        }
        if index + 1 < self.windows.len() {
            self.close(index);
        }
    }

    fn close(&mut self, index: usize) {
        if let Some(Slot::Open(tally)) = self.windows.get(index)
            && tally.is_settled()
        {
            self.windows[index] = Slot::Closed(Box::new(tally.figures()));
        }
    }

    pub(super) fn all(&self) -> Figures {
        self.all.figures()
    }

    pub(super) fn all_kinds(&self) -> Vec<(String, Figures)> {
        self.kinds.iter().map(|(name, tally)| (name.clone(), tally.figures())).collect()
    }

    pub(super) fn all_phases(&self) -> Vec<(String, Figures)> {
        self.phases.iter().map(|(name, _, tally)| (name.clone(), tally.figures())).collect()
    }

    pub(super) fn all_windows(&self) -> Vec<Window> {
        let figures = self.windows.iter().map(|slot| match slot {
            Slot::Open(tally) => tally.figures(),
            Slot::Closed(figures) => Figures::clone(figures),
        });
        let from = |index: usize| Duration::from_nanos(index as u64 * self.window_ns);
        figures.enumerate().map(|(index, figures)| Window { from: from(index), figures }).collect()
    }
}
