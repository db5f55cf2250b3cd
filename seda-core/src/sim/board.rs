//! What the runtime tells a simulation of the events that it offered: begun, lost, ended. And who, behind the entry, hears
//! of it.

use std::{
    cell::Cell,
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    agenda::{Agenda, What},
    clients::Clients,
    figures::{End, Ended},
    log::Log,
    service::Draws,
    tallies::{Origin, Tallies},
};
use crate::{drive::virtual_time::Model, event::Lineage, outcome::Refusal, rng::Rng, sync::lock, ticket::Loss};

/// A pipeline's clock never reads zero.
const START_NS: u64 = 1;

pub(super) struct Board {
    clock: Arc<AtomicU64>,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) stages: Vec<Stage>,
    pub(super) entries: Vec<EntryRules>,
    pub(super) tallies: Tallies,
    pub(super) agenda: Agenda,
    pub(super) log: Log,
    requests: HashMap<u64, Request>,
    jitter: Rng,
    lineages: u64,
    open: u64,
}

/// A stage's model.
#[derive(Default)]
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) draws: Option<Draws>,
    /// For some kinds of their own, by index.
    pub(super) of_kind: Vec<(usize, Draws)>,
    /// Share of its time on a core.
    pub(super) computes: f64,
    /// Events of the present batch whose time has been drawn.
    begun: usize,
}

/// What the offers of an entry are judged by.
pub(super) struct EntryRules {
    pub(super) kind: Option<usize>,
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
    fate: AtomicU8,
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
            log,
            requests: HashMap::new(),
            jitter,
            lineages: 0,
            open: 0,
        };
        Board { clock, state: Mutex::new(state) }
    }

    pub(super) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Time of the run.
    pub(super) fn now_ns(&self) -> u64 {
        self.clock.load(Ordering::Relaxed) - START_NS
    }

    /// An event is about to be offered; for a client's request its number.
    pub(super) fn offers(self: &Arc<Self>, entry: usize, request: Option<u64>) -> Arc<Offered> {
        let mut state = self.state();
        state.lineages += 1;
        let (id, at_ns) = (state.lineages, self.now_ns());
        let origin = Origin { at_ns, kind: state.entries[entry].kind };
        let request = state.requested(entry, origin, request, id);
        state.tallies.each(origin, |tally| tally.offered());
        state.log.note(at_ns, [1, id, entry as u64], || format!("offer #{id} at entry {entry}"));
        let (busy_ns, fate) = (AtomicU64::new(0), AtomicU8::new(ON_ITS_WAY));
        Arc::new(Offered { board: self.clone(), id, entry, origin, request, busy_ns, fate })
    }

    /// The runtime has answered.
    pub(super) fn answered(&self, offered: &Offered, refused: Option<Refusal>) {
        let mut state = self.state();
        let (id, now_ns) = (offered.id, self.now_ns());
        match refused {
            None => {
                state.open += 1;
                state.tallies.each(offered.origin, |tally| tally.admitted());
            }
            Some(why) => {
                offered.fate.store(REFUSED, Ordering::Relaxed);
                state.tallies.each(offered.origin, |tally| tally.refused(&why));
                state.log.note(now_ns, [2, id, 0], || format!("refuse #{id}: {why}"));
                state.tries_again(offered.request, id, now_ns, why.retry_after());
            }
        }
    }

    /// A client's patience has ended.
    pub(super) fn times_out(&self, request: u64, lineage: u64) {
        let mut state = self.state();
        let now_ns = self.now_ns();
        if state.requests.get(&request).is_some_and(|request| request.listens_to == lineage) {
            state.log.note(now_ns, [3, lineage, request], || format!("give-up #{lineage}"));
            state.tries_again(Some(request), lineage, now_ns, None);
        }
    }

    fn ends(&self, offered: &Offered, end: End) {
        let mut state = self.state();
        let (id, now_ns) = (offered.id, self.now_ns());
        let latency_ns = now_ns - offered.origin.at_ns;
        state.open -= 1;
        let listener = offered.request.and_then(|request| state.requests.get(&request));
        let given_up = offered.request.is_some() && listener.is_none_or(|request| request.listens_to != id);
        let good = end == End::Done && !given_up && latency_ns <= state.entries[offered.entry].slo_ns;
        let busy_ns = offered.busy_ns.load(Ordering::Relaxed);
        let ended = Ended { end, latency_ns, good, given_up, busy_ns };
        state.tallies.each(offered.origin, |tally| tally.ended(&ended));
        state.log.note(now_ns, [4, id, latency_ns << 8 | end as u64], || format!("end #{id} {}", end.word()));
        match offered.request {
            None if good => state.tallies.each(offered.origin, |tally| tally.answered()),
            None => {}
            Some(_) if given_up => {}
            Some(request) if end == End::Done => state.answers(request),
            Some(request) => state.tries_again(Some(request), id, now_ns, None),
        }
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

    fn requested(&mut self, entry: usize, origin: Origin, again: Option<u64>, lineage: u64) -> Option<u64> {
        let Some(clients) = self.entries[entry].clients else {
            self.tallies.each(origin, |tally| tally.requested());
            return None;
        };
        let request = again.unwrap_or(lineage);
        if again.is_none() {
            self.tallies.each(origin, |tally| tally.requested());
            self.requests.insert(request, Request { entry, origin, tries: 0, listens_to: 0 });
        }
        let client = self.requests.get_mut(&request)?;
        client.tries += 1;
        client.listens_to = lineage;
        self.agenda.at(origin.at_ns.saturating_add(clients.timeout_ns), What::TimesOut { request, lineage });
        Some(request)
    }

    fn answers(&mut self, request: u64) {
        if let Some(request) = self.requests.remove(&request) {
            self.tallies.each(request.origin, |tally| tally.answered());
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
        stage.begun += 1;
        let own = kind.and_then(|kind| stage.of_kind.iter_mut().find(|(of, _)| *of == kind));
        let draws = own.map(|(_, draws)| draws).or(stage.draws.as_mut());
        draws.map_or((0, false), |draws| (draws.time_ns(at_ns), draws.fails()))
    }
}

impl Lineage for Offered {
    fn begins(&self, stage: u32, spent_ns: &Cell<u64>) {
        let at_ns = self.board.now_ns();
        let mut state = self.board.state();
        let (time_ns, fails) = state.begins(stage as usize, self.origin.kind, at_ns);
        let State { log, stages, .. } = &mut *state;
        let (id, name) = (self.id, &stages[stage as usize].name);
        log.note(at_ns, [5, id, time_ns << 8 | u64::from(stage)], || format!("begin #{id} at {name} for {time_ns} ns"));
        drop(state);
        self.busy_ns.fetch_add(time_ns, Ordering::Relaxed);
        spent_ns.set(spent_ns.get() + time_ns);
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

impl Drop for Offered {
    fn drop(&mut self) {
        match self.fate.load(Ordering::Relaxed) {
            REFUSED => {}
            ON_ITS_WAY => self.board.clone().ends(self, End::Done),
            code => self.board.clone().ends(self, LOST[code as usize - 1]),
        }
    }
}

impl std::fmt::Debug for Offered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Offered({})", self.id)
    }
}

/// What events beside those that the simulation offered take: made by sources and handlers.
pub(super) struct Beside(pub(super) Arc<Board>);

impl Model for Beside {
    fn beside_ns(&mut self, stage: usize, events: usize) -> u64 {
        let at_ns = self.0.now_ns();
        let stage = &mut self.0.state().stages[stage];
        let others = events.saturating_sub(std::mem::take(&mut stage.begun));
        let Some(draws) = &mut stage.draws else { return 0 };
        let per_batch_ns = if events > 0 { draws.service.per_batch_ns() } else { 0 };
        per_batch_ns + (0..others).map(|_| draws.time_ns(at_ns)).sum::<u64>()
    }

    fn computes(&self, stage: usize) -> f64 {
        self.0.state().stages[stage].computes
    }
}
