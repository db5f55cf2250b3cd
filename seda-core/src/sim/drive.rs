//! A run, as it runs: what is due outside, and what the pipeline does in between.

use std::{sync::Arc, time::Duration};

use super::{
    agenda::What,
    arrivals::{Arrivals, Times},
    board::{Beside, Board, Offered},
    results::Results,
};
use crate::{clock::ns, event::Event, options::OfferOptions, outcome::Refusal, stage::offer::Entry, test::Virtual};

pub(super) type Call = Box<dyn FnMut(&mut Virtual)>;

/// An entry, without its type.
pub(super) trait Offers {
    fn offer(&mut self, number: u64, options: OfferOptions, lineage: Arc<Offered>) -> Option<Refusal>;
}

struct Typed<T: Event, F> {
    entry: Entry<T>,
    make: F,
}

impl<T: Event, F: FnMut(u64) -> T> Offers for Typed<T, F> {
    fn offer(&mut self, number: u64, options: OfferOptions, lineage: Arc<Offered>) -> Option<Refusal> {
        let mut envelope = self.entry.marked((self.make)(number), options);
        envelope.marks.get_or_insert_default().lineage = Some(lineage);
        self.entry.once(envelope).err().map(|refused| refused.why)
    }
}

pub(super) fn offers<T: Event>(entry: Entry<T>, make: impl FnMut(u64) -> T + 'static) -> Box<dyn Offers> {
    Box::new(Typed { entry, make })
}

/// An entry and when events come to it.
pub(super) struct Source {
    times: Times,
    options: OfferOptions,
    offers: Box<dyn Offers>,
    count: u64,
}

impl Source {
    pub(super) fn new(times: Times, arrivals: &Arrivals, offers: Box<dyn Offers>) -> Self {
        let options = OfferOptions { class: arrivals.class, deadline: arrivals.deadline };
        Source { times, options, offers, count: 0 }
    }
}

pub(super) struct Drive {
    sim: Virtual,
    board: Arc<Board>,
    sources: Vec<Source>,
    calls: Vec<(Duration, Call)>,
    /// Nothing is offered or called from then on.
    until_ns: u64,
}

impl Drive {
    pub(super) fn new(
        mut sim: Virtual,
        board: Arc<Board>,
        sources: Vec<Source>,
        calls: Vec<(Duration, Call)>,
        cores: Option<f64>,
    ) -> Self {
        sim.model(Box::new(Beside(board.clone())), cores);
        Drive { sim, board, sources, calls, until_ns: 0 }
    }

    /// Offers for so long, then waits for the rest; the time of the last end.
    pub(super) fn run(&mut self, time_ns: u64) -> u64 {
        self.until_ns = time_ns;
        for entry in 0..self.sources.len() {
            self.plan_arrival(entry);
        }
        for index in 0..self.calls.len() {
            self.plan_call(index);
        }
        self.run_until(time_ns, false);
        self.run_until(time_ns.saturating_mul(2), true);
        self.board.now_ns()
    }

    /// All that happens up to that time; to the end of what is open, if that comes first and is wanted.
    fn run_until(&mut self, until_ns: u64, may_end: bool) {
        loop {
            let (next_ns, open) = {
                let state = self.board.state();
                (state.agenda.next_ns(), state.open())
            };
            if may_end && open == 0 && next_ns.is_none() {
                return;
            }
            let at_ns = next_ns.unwrap_or(u64::MAX).min(until_ns);
            // An end may have a client do something earlier than what was next.
            if self.sim.step_until(at_ns) {
                continue;
            }
            if next_ns.is_none_or(|next_ns| next_ns > until_ns) {
                return;
            }
            let due = self.board.state().agenda.take(at_ns);
            due.into_iter().for_each(|what| self.act(what));
        }
    }

    fn act(&mut self, what: What) {
        match what {
            What::Arrival { entry } => {
                self.offer(entry, None);
                self.plan_arrival(entry);
            }
            What::Retry { entry, request } => self.offer(entry, Some(request)),
            What::TimesOut { request, lineage } => self.board.times_out(request, lineage),
            What::Call { index } => {
                (self.calls[index].1)(&mut self.sim);
                self.plan_call(index);
            }
        }
    }

    fn plan_arrival(&mut self, entry: usize) {
        if let Some(at_ns) = self.sources[entry].times.next().filter(|&at_ns| at_ns < self.until_ns) {
            self.board.state().agenda.at(at_ns, What::Arrival { entry });
        }
    }

    fn plan_call(&mut self, index: usize) {
        let at_ns = self.board.now_ns().saturating_add(ns(self.calls[index].0).max(1));
        if at_ns < self.until_ns {
            self.board.state().agenda.at(at_ns, What::Call { index });
        }
    }

    pub(super) fn results(self, seed: u64, took_ns: u64, measured_ns: u64) -> Results {
        let (snapshot, ledger) = (self.sim.snapshot(), self.sim.ledger());
        let mut state = self.board.state();
        Results {
            seed,
            took: Duration::from_nanos(took_ns),
            measured: Duration::from_nanos(measured_ns),
            all: state.tallies.all(),
            kinds: state.tallies.all_kinds(),
            phases: state.tallies.all_phases(),
            windows: state.tallies.all_windows(),
            snapshot,
            ledger,
            trace: state.log.take_text(),
            digest: state.log.digest(),
        }
    }

    fn offer(&mut self, entry: usize, request: Option<u64>) {
        let lineage = self.board.offers(entry, request);
        let source = &mut self.sources[entry];
        let refused = source.offers.offer(source.count, source.options, lineage.clone());
        source.count += 1;
        self.board.answered(&lineage, refused);
    }
}
