//! What the runtime tells a simulation of the events that it offered: begun, lost, ended. And who, behind the entry, hears
//! of it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{
    agenda::{Agenda, What},
    clients::Clients,
    lineage::{Ending, Offered},
    log::Log,
    stage::Stage,
    tallies::{Origin, Tallies},
    tally::{End, Ended, Tally},
};
use crate::{outcome::Refusal, rng::Rng, sync::lock};

/// A pipeline's clock never reads zero.
const START_NS: u64 = 1;

pub(super) struct Board {
    clock: Arc<AtomicU64>,
    /// Events of the batch in hand whose time has been drawn.
    begun: AtomicUsize,
    /// Something stands in the state's agenda: seen without the lock.
    planned: AtomicBool,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) stages: Vec<Stage>,
    pub(super) entries: Vec<EntryRules>,
    pub(super) tallies: Tallies,
    agenda: Agenda,
    /// Lineages whose handler failed, by id, until its time has passed.
    failed: HashMap<u64, Ending>,
    pub(super) log: Log,
    requests: HashMap<u64, Request>,
    jitter: Rng,
    open: u64,
}

/// What the offers of an entry are judged by.
pub(super) struct EntryRules {
    pub(super) slo_ns: u64,
    pub(super) clients: Option<Clients>,
}

/// Of a client.
struct Request {
    entry: usize,
    origin: Origin,
    tries: u32,
    /// The try that is listened to; 0 for none.
    listens_to: u64,
}

impl Board {
    pub(super) fn new(clock: Arc<AtomicU64>, tallies: Tallies, log: Log, jitter: Rng) -> Self {
        let state = State {
            stages: Vec::new(),
            entries: Vec::new(),
            tallies,
            agenda: Agenda::default(),
            failed: HashMap::new(),
            log,
            requests: HashMap::new(),
            jitter,
            open: 0,
        };
        Board { clock, begun: AtomicUsize::new(0), planned: AtomicBool::new(false), state: Mutex::new(state) }
    }

    pub(super) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Time of the run.
    pub(super) fn now_ns(&self) -> u64 {
        self.clock.load(Ordering::Relaxed) - START_NS
    }

    /// The runtime has answered an offer.
    pub(super) fn answered(&self, offered: &Offered, refused: Option<Refusal>) {
        let mut state = self.state();
        let Offered { id, entry, origin, request, .. } = *offered;
        if request.is_some() {
            self.planned.store(true, Ordering::Relaxed);
        }
        state.tries(entry, origin, request, id);
        state.log.note(origin.at_ns, [1, id, entry as u64], || format!("offer #{id} at entry {entry}"));
        match refused {
            None => {
                state.open += 1;
                state.tallies.each(origin, Tally::admitted);
            }
            Some(why) => {
                offered.refuse();
                state.tallies.each(origin, |tally| tally.refused(&why));
                state.log.note(origin.at_ns, [2, id, 0], || format!("refuse #{id}: {why}"));
                state.tries_again(request, id, origin.at_ns, why.retry_after());
            }
        }
    }

    pub(super) fn has_plans(&self) -> bool {
        self.planned.load(Ordering::Relaxed)
    }

    /// When something is planned beside the arrivals.
    pub(super) fn next_ns(&self) -> Option<u64> {
        if !self.planned.load(Ordering::Relaxed) {
            return None;
        }
        let next_ns = self.state().agenda.next_ns();
        self.planned.store(next_ns.is_some(), Ordering::Relaxed);
        next_ns
    }

    /// The first of it, if it is due.
    pub(super) fn take(&self) -> Option<What> {
        self.state().agenda.take(self.now_ns())
    }

    /// A client's patience has ended.
    pub(super) fn times_out(&self, request: u64, lineage: u64) {
        let mut state = self.state();
        let now_ns = self.now_ns();
        if state.requests.get(&request).is_some_and(|request| request.listens_to == lineage) {
            state.log.note(now_ns, [3, lineage, request], || format!("give-up #{lineage}"));
            state.tries_again(Some(request), lineage, now_ns, None);
            self.planned.store(true, Ordering::Relaxed);
        }
    }

    /// A handler begins with an event: the time, what it will take, and whether it fails.
    pub(super) fn begins(&self, offered: &Offered, stage: usize) -> (u64, u64, bool) {
        // Two steps that need not be one: a single thread runs it all.
        self.begun.store(self.begun.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        let mut state = self.state();
        let State { log, stages, .. } = &mut *state;
        let (what, at_ns, id) = (5 | (stage as u64) << 8, self.now_ns(), offered.id);
        let stage = &mut stages[stage];
        let (time_ns, fails) = stage.begins(offered.origin.kind, at_ns);
        log.note(at_ns, [what, id, time_ns], || format!("begin #{id} at {} for {time_ns} ns", stage.name));
        (at_ns, time_ns, fails)
    }

    /// How many events have begun since this was asked last.
    pub(super) fn take_begun(&self) -> usize {
        let begun = self.begun.load(Ordering::Relaxed);
        self.begun.store(0, Ordering::Relaxed);
        begun
    }

    /// A lineage of which nothing is left.
    pub(super) fn ends(&self, ending: Ending, until_ns: u64) {
        let mut state = self.state();
        let now_ns = self.now_ns();
        if ending.end == End::Failed && until_ns > now_ns {
            // On virtual time a panic comes as the handler begins.
            state.agenda.at(until_ns, What::Fails { lineage: ending.id });
            state.failed.insert(ending.id, ending);
            self.planned.store(true, Ordering::Relaxed);
            return;
        }
        state.ended(ending, now_ns);
        if ending.request.is_some() {
            self.planned.store(true, Ordering::Relaxed);
        }
    }

    /// The time of a handler that failed has passed.
    pub(super) fn fails(&self, lineage: u64) {
        let mut state = self.state();
        let ending = state.failed.remove(&lineage);
        ending.into_iter().for_each(|ending| state.ended(ending, self.now_ns()));
    }
}

impl State {
    /// Lineages that are on their way.
    pub(super) fn open(&self) -> u64 {
        self.open
    }

    /// A request's first try, or a further one; an offer without a client is its only one.
    fn tries(&mut self, entry: usize, origin: Origin, request: Option<u64>, lineage: u64) {
        let first = request.is_none_or(|request| request == lineage);
        if first {
            self.tallies.each(origin, Tally::requested);
        }
        let (Some(request), Some(clients)) = (request, self.entries[entry].clients) else { return };
        let client = self.requests.entry(request).or_insert(Request { entry, origin, tries: 0, listens_to: 0 });
        client.tries += 1;
        client.listens_to = lineage;
        self.agenda.at(origin.at_ns.saturating_add(clients.timeout_ns), What::TimesOut { request, lineage });
    }

    fn ended(&mut self, ending: Ending, now_ns: u64) {
        let Ending { id, entry, origin, request, busy_ns, end } = ending;
        let latency_ns = now_ns - origin.at_ns;
        self.open -= 1;
        let listener = request.and_then(|request| self.requests.get(&request));
        let given_up = request.is_some() && listener.is_none_or(|request| request.listens_to != id);
        let good = end == End::Done && !given_up && latency_ns <= self.entries[entry].slo_ns;
        let ended = Ended { end, latency_ns, good, given_up, busy_ns };
        self.tallies.each(origin, |tally| tally.ended(&ended));
        self.log.note(now_ns, [4, id, latency_ns << 8 | end as u64], || format!("end #{id} {}", end.word()));
        match request {
            None if good => self.tallies.each(origin, Tally::answered),
            None => {}
            Some(_) if given_up => {}
            Some(request) if end == End::Done => self.answers(request),
            Some(request) => self.tries_again(Some(request), id, now_ns, None),
        }
    }

    fn answers(&mut self, request: u64) {
        if let Some(request) = self.requests.remove(&request) {
            self.tallies.each(request.origin, Tally::answered);
        }
    }

    /// A try has come to nothing.
    fn tries_again(&mut self, request: Option<u64>, lineage: u64, now_ns: u64, advice: Option<Duration>) {
        let Some(id) = request else { return };
        let Some(request) = self.requests.get_mut(&id).filter(|request| request.listens_to == lineage) else { return };
        request.listens_to = 0;
        let Some(clients) = self.entries[request.entry].clients else { return };
        if request.tries > clients.retries {
            self.requests.remove(&id);
            return;
        }
        let wait_ns = clients.wait_ns(request.tries, advice, &mut self.jitter);
        let entry = request.entry;
        self.agenda.at(now_ns.saturating_add(wait_ns), What::Retry { entry, request: id });
    }
}
