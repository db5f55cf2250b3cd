//! What the outside will do, in the order of (time, sequence).

use std::{cmp::Reverse, collections::BinaryHeap};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum What {
    /// The next arrival at an entry.
    Arrival { entry: usize },
    /// A client tries again.
    Retry { entry: usize, request: u64 },
    /// A client gives up on a try, if that is still on its way.
    TimesOut { request: u64, lineage: u64 },
    /// A handler that failed comes to the end of its time.
    Fails { lineage: u64 },
    /// The user's own code is called.
    Call { index: usize },
}

#[derive(Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<(u64, u64, What)>>,
    sequence: u64,
}

impl Agenda {
    pub(super) fn at(&mut self, at_ns: u64, what: What) {
        self.sequence += 1;
        self.heap.push(Reverse((at_ns, self.sequence, what)));
    }

    pub(super) fn next_ns(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at_ns, ..))| *at_ns)
    }

    /// The first thing, if it is due.
    pub(super) fn take(&mut self, now_ns: u64) -> Option<What> {
        let Reverse((at_ns, ..)) = self.heap.peek()?;
        if *at_ns > now_ns {
            return None;
        }
        self.heap.pop().map(|Reverse((.., what))| what)
    }
}
