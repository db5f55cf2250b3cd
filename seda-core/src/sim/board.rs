//! What the runtime tells a simulation of the events that it offered: begun, lost, ended. And who, behind the entry, hears
//! of it.

use std::{
    cell::Cell,
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{
    agenda::{Agenda, What},
    clients::Clients,
    figures::{End, Ended, Tally},
    log::Log,
    service::{Draws, Service},
    tallies::{Origin, Tallies},
};
use crate::{drive::virtual_time::Model, event::Lineage, outcome::Refusal, rng::Rng, sync::lock, ticket::Loss};

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

/// A stage's model.
#[derive(Default)]
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) draws: Option<Draws>,
    /// For some kinds of their own, by index.
    pub(super) of_kind: Vec<(usize, Draws)>,
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

/// One offer, and everything that becomes of it.
pub(super) struct Offered {
    board: Arc<Board>,
    id: u64,
    entry: usize,
    origin: Origin,
    request: Option<u64>,
    busy_ns: AtomicU64,
    /// When the handler that had it last will return.
    busy_until_ns: AtomicU64,
    fate: AtomicU8,
}

/// What is known of a lineage at its end.
#[derive(Clone, Copy)]
struct Ending {
    id: u64,
    entry: usize,
    origin: Origin,
    request: Option<u64>,
    busy_ns: u64,
    end: End,
}

const ON_ITS_WAY: u8 = 0;
/// Refused at the entry: it never was a lineage.
const REFUSED: u8 = u8::MAX;
const LOST: [End; 5] = [End::Failed, End::Expired, End::Dropped, End::ShedLater, End::Left];

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
                offered.fate.store(REFUSED, Ordering::Relaxed);
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

    /// A lineage of which nothing is left.
    fn ends(&self, ending: Ending, until_ns: u64) {
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

impl Stage {
    pub(super) fn named(name: &str) -> Self {
        Stage { name: name.to_string(), ..Stage::default() }
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

    /// A handler begins: its time, and whether it will fail.
    fn begins(&mut self, stage: usize, kind: Option<usize>, at_ns: u64) -> (u64, bool) {
        let stage = &mut self.stages[stage];
        let own = kind.and_then(|kind| stage.of_kind.iter_mut().find(|(of, _)| *of == kind));
        let draws = own.map(|(_, draws)| draws).or(stage.draws.as_mut());
        draws.map_or((0, false), |draws| (draws.time_ns(at_ns), draws.fails()))
    }
}

impl Lineage for Offered {
    fn begins(&self, stage: u32, spent_ns: &Cell<u64>) {
        let Board { begun, .. } = &*self.board;
        // Not counted at once by one step: one thread runs it all.
        begun.store(begun.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        let at_ns = self.board.now_ns();
        let mut state = self.board.state();
        let (time_ns, fails) = state.begins(stage as usize, self.origin.kind, at_ns);
        let State { log, stages, .. } = &mut *state;
        let (id, name) = (self.id, &stages[stage as usize].name);
        log.note(at_ns, [5, id, time_ns << 8 | u64::from(stage)], || format!("begin #{id} at {name} for {time_ns} ns"));
        drop(state);
        self.busy_ns.store(self.busy_ns.load(Ordering::Relaxed) + time_ns, Ordering::Relaxed);
        spent_ns.set(spent_ns.get() + time_ns);
        // Those before it in its batch come first.
        self.busy_until_ns.store(at_ns + spent_ns.get(), Ordering::Relaxed);
        if fails {
            // As a panic of the handler would, without the noise of the panic hook.
            std::panic::resume_unwind(Box::new("failed by the simulation"));
        }
    }

    fn lost(&self, loss: &Loss) {
        let end = match loss {
            Loss::Failed(_) => End::Failed,
            Loss::Expired => End::Expired,
            Loss::Dropped => End::Dropped,
            Loss::Refused(_) => End::ShedLater,
            Loss::Cancelled => End::Left,
            // Nobody asked.
            Loss::Filtered | Loss::Unanswered(_) => return,
        };
        let code = 1 + LOST.iter().position(|&lost| lost == end).expect("all of them are there") as u8;
        // The first loss counts.
        let _ = self.fate.compare_exchange(ON_ITS_WAY, code, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl Offered {
    pub(super) fn new(board: Arc<Board>, id: u64, entry: usize, origin: Origin, request: Option<u64>) -> Self {
        let (busy_ns, busy_until_ns) = (AtomicU64::new(0), AtomicU64::new(0));
        Offered { board, id, entry, origin, request, busy_ns, busy_until_ns, fate: AtomicU8::new(ON_ITS_WAY) }
    }
}

impl Drop for Offered {
    fn drop(&mut self) {
        let Offered { id, entry, origin, request, .. } = *self;
        let end = match self.fate.load(Ordering::Relaxed) {
            REFUSED => return,
            ON_ITS_WAY => End::Done,
            code => LOST[code as usize - 1],
        };
        let busy_ns = self.busy_ns.load(Ordering::Relaxed);
        let ending = Ending { id, entry, origin, request, busy_ns, end };
        self.board.ends(ending, self.busy_until_ns.load(Ordering::Relaxed));
    }
}

impl std::fmt::Debug for Offered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Offered({})", self.id)
    }
}

/// What is known of each stage without the lock.
pub(super) struct Beside {
    board: Arc<Board>,
    stages: Vec<Aside>,
}

#[derive(Clone, Copy)]
struct Aside {
    per_batch_ns: u64,
    computes: f64,
}

impl Beside {
    pub(super) fn new(board: &Arc<Board>) -> Self {
        let asides = |stage: &Stage| {
            let service = stage.draws.as_ref().map(|draws| &draws.service);
            let per_batch_ns = service.map_or(0, Service::per_batch_ns);
            Aside { per_batch_ns, computes: service.map_or(0.0, Service::computes) }
        };
        let stages = board.state().stages.iter().map(asides).collect();
        Beside { board: board.clone(), stages }
    }
}

impl Model for Beside {
    /// For events that the simulation did not offer: made by sources and handlers.
    fn beside_ns(&mut self, stage: usize, events: usize) -> u64 {
        let begun = self.board.begun.load(Ordering::Relaxed);
        self.board.begun.store(0, Ordering::Relaxed);
        let per_batch_ns = if events > 0 { self.stages[stage].per_batch_ns } else { 0 };
        if events <= begun {
            return per_batch_ns;
        }
        let at_ns = self.board.now_ns();
        let Some(draws) = &mut self.board.state().stages[stage].draws else { return per_batch_ns };
        per_batch_ns + (begun..events).map(|_| draws.time_ns(at_ns)).sum::<u64>()
    }

    fn computes(&self, stage: usize) -> f64 {
        self.stages[stage].computes
    }
}
