//! A run, as it runs: what is due outside, and what the pipeline does in between.

use std::{sync::Arc, time::Duration};

use super::{
    agenda::{Agenda, What},
    arrivals::{Arrivals, Times},
    board::Board,
    lineage::Offered,
    results::Results,
    tallies::Origin,
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
    kind: Option<usize>,
    has_clients: bool,
    count: u64,
}

impl Source {
    pub(super) fn new(times: Times, arrivals: &Arrivals, kind: Option<usize>, offers: Box<dyn Offers>) -> Self {
        let options = OfferOptions { class: arrivals.class, deadline: arrivals.deadline };
        Source { times, options, offers, kind, has_clients: arrivals.clients.is_some(), count: 0 }
    }
}

pub(super) struct Drive {
    sim: Virtual,
    board: Arc<Board>,
    sources: Vec<Source>,
    calls: Vec<(Duration, Call)>,
    agenda: Agenda,
    lineages: u64,
    /// Nothing is offered or called from then on.
    until_ns: u64,
}

impl Drive {
    pub(super) fn new(sim: Virtual, board: Arc<Board>, sources: Vec<Source>, calls: Vec<(Duration, Call)>) -> Self {
        Drive { sim, board, sources, calls, agenda: Agenda::default(), lineages: 0, until_ns: 0 }
    }

    /// Offers for so long, then waits for the rest; the time of the last end.
    pub(super) fn run(&mut self, time_ns: u64) -> u64 {
        self.until_ns = time_ns;
        (0..self.sources.len()).for_each(|entry| self.plan_arrival(entry));
        (0..self.calls.len()).for_each(|index| self.plan_call(index));
        self.run_until(time_ns, false);
        self.run_until(time_ns.saturating_mul(2), true);
        self.board.now_ns()
    }

    /// All that happens up to that time; to the end of what is open, if that comes first and is wanted.
    fn run_until(&mut self, until_ns: u64, may_end: bool) {
        loop {
            let next_ns = self.next_ns();
            if may_end && next_ns.is_none() && self.board.state().open() == 0 {
                return;
            }
            let at_ns = next_ns.unwrap_or(u64::MAX).min(until_ns);
            // What ends may have a client do something earlier than what was next, or be the last.
            let mut stepped = self.sim.step_until(at_ns);
            while stepped && !may_end && !self.board.has_plans() {
                stepped = self.sim.step_until(at_ns);
            }
            if stepped {
                continue;
            }
            if next_ns.is_none_or(|next_ns| next_ns > until_ns) {
                return;
            }
            if let Some(what) = self.take(at_ns) {
                self.act(what);
            }
        }
    }

    fn next_ns(&self) -> Option<u64> {
        self.agenda.next_ns().into_iter().chain(self.board.next_ns()).min()
    }

    fn take(&mut self, now_ns: u64) -> Option<What> {
        self.agenda.take(now_ns).or_else(|| self.board.take())
    }

    fn act(&mut self, what: What) {
        match what {
            What::Arrival { entry } => {
                self.offer(entry, None);
                self.plan_arrival(entry);
            }
            What::Retry { entry, request } => self.offer(entry, Some(request)),
            What::Fails { lineage } => self.board.fails(lineage),
            What::TimesOut { request, lineage } => self.board.times_out(request, lineage),
            What::Call { index } => {
                (self.calls[index].1)(&mut self.sim);
                self.plan_call(index);
            }
        }
    }

    fn plan_arrival(&mut self, entry: usize) {
        if let Some(at_ns) = self.sources[entry].times.next().filter(|&at_ns| at_ns < self.until_ns) {
            self.agenda.at(at_ns, What::Arrival { entry });
        }
    }

    fn plan_call(&mut self, index: usize) {
        let at_ns = self.board.now_ns().saturating_add(ns(self.calls[index].0).max(1));
        if at_ns < self.until_ns {
            self.agenda.at(at_ns, What::Call { index });
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

    /// Offers an event; for a client's further try with the number of the request.
    fn offer(&mut self, entry: usize, again: Option<u64>) {
        let source = &mut self.sources[entry];
        self.lineages += 1;
        let id = self.lineages;
        let request = again.or(source.has_clients.then_some(id));
        let origin = Origin { at_ns: self.board.now_ns(), kind: source.kind };
        let lineage = Arc::new(Offered::new(self.board.clone(), id, entry, origin, request));
        let refused = source.offers.offer(source.count, source.options, lineage.clone());
        source.count += 1;
        self.board.answered(&lineage, refused);
    }
}
