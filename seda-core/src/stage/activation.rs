//! The second half of an event's life: taken in a batch, handled, emitted, settled, recorded. A state machine that never
//! blocks but in the user's handler; threads or virtual time drive it.

use std::{
    any::Any,
    ops::{Deref, DerefMut},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
};

use super::{
    adapting,
    book::{Account, Flush},
    core::StageCore,
    cx::{self, Cx},
    flight::{Aloft, Stop},
    handler::{AtEnd, BoxError},
    inbox::{Inbox, Taken, What, lose_all},
    outlet::{Emit, Handing, Port},
    parallel,
    waiter::{Resume, Waiter},
    work::{AnyWork, Make, Pulling},
};
use crate::{
    event::Marks,
    options::StageOptions,
    queue::{Apart, Batch},
    ready::{LONG, ReadySet},
    sync::lock,
    ticket::Loss,
    trace::Trace,
};

/// Who runs an activation, and when.
pub(crate) struct Run<'a> {
    pub(crate) now_ns: u64,
    pub(crate) domain: u32,
    /// The domain's, for a worker on threads: told before and after a long handler.
    pub(crate) ready: Option<&'a ReadySet>,
}

/// How far `begin` has come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begun {
    /// Handled; `finish` is due, on virtual time after the events' durations and what the handler spent.
    Handled { place: u32, events: usize, spent_ns: u64 },
    /// Out on the data-parallel pool: the stage becomes runnable when it is back.
    Working,
    /// Only what stood in an outbox is to be handed on.
    Resumed { place: u32 },
}

/// A stage as its driver sees it: no event type in sight, so that it is compiled once.
pub(crate) struct Activation {
    pub(crate) inbox: Arc<Inbox>,
    resume: Arc<dyn Resume>,
    make: Make,
    /// In its place, for tests and simulation.
    model: OnceLock<Make>,
    port: Port,
    places: Arc<Places>,
    at_end: Mutex<Option<AtEnd>>,
}

/// The places of a stage; also for what is out on the data-parallel pool, and for async handlers on their way.
pub(crate) struct Places {
    pub(super) inbox: Arc<Inbox>,
    /// As many as the numbers of the start allow.
    all: OnceLock<Vec<Place>>,
}

pub(super) struct Place {
    pub(super) watch: Watch,
    /// Made when the place is first used: an async stage has many.
    hand: Mutex<Option<Box<Hand>>>,
}

/// Between a handler's return and its settling stands one word, so that a fence and a late return have one order.
pub(super) struct Watch {
    phase: AtomicU8,
    held: AtomicU64,
    /// What keeps the place, where it is an async handler that has not ended.
    pub(super) flight: Mutex<Option<Arc<dyn Aloft>>>,
}

const IDLE: u8 = 0;
const HANDLING: u8 = 1;
const FENCED: u8 = 2;

/// What a worker has in hand at one place.
pub(crate) struct Hand {
    work: Option<Box<dyn AnyWork>>,
    /// What is to be handled, and after that its empty memory.
    batch: Batch,
    pub(super) outs: Batch,
    /// Made when it is first needed: ports are wired by then.
    out: Option<Box<dyn Emit>>,
    pub(super) sheet: Sheet,
}

/// What a worker notes of it.
pub(super) struct Sheet {
    pub(super) cx: Cx,
    pub(super) keys: Vec<u64>,
    pub(super) account: Account,
    pub(super) began_ns: u64,
    pulling: Option<Pulling>,
    /// The last try to build its handler failed.
    unbuilt: bool,
}

/// A locked hand.
pub(super) struct Held<'a>(MutexGuard<'a, Option<Box<Hand>>>);

impl Deref for Held<'_> {
    type Target = Hand;

    fn deref(&self) -> &Hand {
        self.0.as_deref().expect(MADE)
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Hand {
        self.0.as_deref_mut().expect(MADE)
    }
}

const MADE: &str = "made when it was locked";

impl Places {
    /// None before the start.
    fn all(&self) -> &[Place] {
        match self.all.get() {
            Some(all) => all,
            None => &[],
        }
    }

    pub(super) fn place(&self, place: u32) -> &Place {
        &self.all()[place as usize]
    }

    pub(super) fn hand(&self, place: u32) -> Held<'_> {
        let mut hand = lock(&self.place(place).hand);
        if hand.is_none() {
            let sheet = Sheet::new(&self.inbox.core);
            *hand =
                Some(Box::new(Hand { work: None, batch: Batch::default(), outs: Batch::default(), out: None, sheet }));
        }
        Held(hand)
    }
}

impl Sheet {
    fn new(core: &Arc<StageCore>) -> Self {
        let cx = Cx::new(core.clone());
        Sheet { cx, keys: Vec::new(), account: Account::default(), began_ns: 0, pulling: None, unbuilt: false }
    }

    fn begins(&mut self, events: usize, weight: u64, keys: Vec<u64>) {
        self.keys = keys;
        self.account = Account { taken: events, weight, ..Account::default() };
    }

    /// What the handler left unanswered has failed.
    fn close(&mut self, unanswered: usize) {
        let Sheet { cx, account, .. } = self;
        account.done = cx.answered;
        account.failed += cx.failed + unanswered as u64;
        account.expired += cx.expired;
        (cx.answered, cx.failed, cx.expired) = (0, 0, 0);
    }

    /// After a panic, of which `begun` events had been begun since `answered_before` were answered.
    fn fails(&mut self, begun: u64, answered_before: u64, loss: &Loss) {
        let cx = &mut self.cx;
        cx.failed += begun - (cx.answered + cx.expired - answered_before);
        cx.lose(loss);
    }

    /// Whether there is a handler now, for the stage's health.
    fn built(&mut self, is: bool, core: &StageCore) {
        let without = &core.ails.without_handler;
        match (std::mem::replace(&mut self.unbuilt, !is), is) {
            (true, true) => without.fetch_sub(1, Ordering::Relaxed),
            (false, false) => without.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    fn answered(&self) -> u64 {
        self.cx.answered + self.cx.expired
    }

    /// What a source made; after a panic the state, which is one, is gone and cannot be built again.
    fn pulled(&mut self, made: usize, pulling: Pulling, panicked: bool) {
        let failed = u64::from(panicked);
        self.account.failed = failed;
        self.account.done = made as u64;
        self.account.pulled = made as u64 + failed;
        self.pulling = Some(if panicked { Pulling::End } else { pulling });
    }

    /// What there is to settle once the outbox is `clear`; with the keys, which stay held until then.
    fn ends(&mut self, clear: bool) -> (Account, Option<Vec<u64>>, Option<Pulling>) {
        let account = std::mem::take(&mut self.account);
        if clear { (account, Some(std::mem::take(&mut self.keys)), self.pulling.take()) } else { (account, None, None) }
    }
}

impl Activation {
    pub(crate) fn new(inbox: Arc<Inbox>, make: Make, port: Port, at_end: Mutex<Option<AtEnd>>) -> Self {
        let places = Arc::new(Places { inbox: inbox.clone(), all: OnceLock::new() });
        Activation { resume: inbox.clone(), inbox, make, model: OnceLock::new(), port, places, at_end }
    }

    pub(crate) fn replace(&self, model: Make) {
        let _ = self.model.set(model);
    }

    fn core(&self) -> &Arc<StageCore> {
        &self.inbox.core
    }

    fn build(&self) -> Result<Box<dyn AnyWork>, BoxError> {
        let mut built = None;
        started(&mut || {
            let mut work = self.model.get().unwrap_or(&self.make)();
            work.start()?;
            built = Some(work);
            Ok(())
        })?;
        built.ok_or_else(|| "the handler was not built".into())
    }

    /// Handles what was taken.
    fn run(&self, taken: Taken, run: &Run<'_>) -> Option<Begun> {
        if let (true, Some(ready)) = (taken.plenty, run.ready) {
            ready.wake_another();
        }
        let place = self.places.place(taken.place);
        let mut hand = self.places.hand(taken.place);
        hand.sheet.began_ns = run.now_ns;
        match taken.what {
            // A wake-up that came late, for a stall that is over: the batch is out on the pool and will say when it is back.
            What::Resume if place.watch.is_handling() => {
                self.inbox.set_aside(taken.place);
                return Some(Begun::Working);
            }
            What::Resume => return Some(Begun::Resumed { place: taken.place }),
            What::Batch { batch, keys, weight } => {
                let events = batch.len();
                hand.sheet.begins(events, weight, keys);
                place.watch.holds(events);
                hand.batch = batch;
                self.sift(&mut hand, run.now_ns);
                if !self.have_work(&mut hand) {
                    self.give_up(hand, taken.place, run.now_ns);
                    return None;
                }
                if self.core().shared.parallel.get().is_some() && self.spread(&mut hand, taken.place) {
                    return Some(Begun::Working);
                }
                let _long = place.watch.begins(taken.expected_ns, run);
                return Some(self.handle(&mut hand, taken.place, run));
            }
            What::Pull { most } => {
                hand.sheet.account = Account::default();
                if self.have_work(&mut hand) {
                    let _long = place.watch.begins(taken.expected_ns, run);
                    self.pull(&mut hand, most);
                }
            }
            What::Flush => {
                hand.sheet.account = Account::default();
                let _long = place.watch.begins(taken.expected_ns, run);
                self.flush(&mut hand);
                self.end(&hand);
            }
        }
        let spent_ns = hand.sheet.cx.spent_ns.take();
        let events = hand.sheet.account.done as usize;
        place.watch.returned().then_some(Begun::Handled { place: taken.place, events, spent_ns })
    }

    /// Expired events end here, before any handler sees them; the waits of the others are noted.
    fn sift(&self, hand: &mut Hand, now_ns: u64) {
        let Hand { batch, sheet: Sheet { account, .. }, .. } = hand;
        let core = self.core();
        if core.shared.traces() {
            batch.all_marks().for_each(end_wait);
        }
        let mut any_expired = false;
        let mut counted = 0;
        for (at, apart) in batch.aparts() {
            if apart.stamp_ns != 0 {
                // A stamp stands for the events since the last one.
                let wait_ns = now_ns.saturating_sub(apart.stamp_ns);
                account.waits.push((wait_ns, (at + 1 - counted) as u32));
                account.wait_ns = account.wait_ns.max(wait_ns);
                counted = at + 1;
            }
            any_expired |= expired(apart, core, now_ns);
        }
        account.waits_end((batch.len() - counted) as u32, core.shared.measures());
        if any_expired {
            let mut gone = batch.sift(|apart| expired(apart, core, now_ns));
            lose_all(&mut gone, &Loss::Expired);
            account.expired = gone.len() as u64;
        }
        batch.forget_stamps();
        if core.gauge.tells_apart() {
            batch.all_marks().for_each(|marks| count_passing(marks, core));
        }
    }

    /// Builds the state of a place that has none: a worker was added, or its state was lost to a panic.
    fn have_work(&self, hand: &mut Hand) -> bool {
        hand.work.is_some() || self.rebuild(hand)
    }

    #[cold]
    fn rebuild(&self, hand: &mut Hand) -> bool {
        match self.build() {
            Ok(work) => hand.work = Some(work),
            Err(error) => not_built(self.core(), &error),
        }
        hand.sheet.built(hand.work.is_some(), self.core());
        hand.work.is_some()
    }

    /// A place without a handler fails its batch and is not used again.
    #[cold]
    fn give_up(&self, mut hand: Held<'_>, place: u32, now_ns: u64) {
        let loss = Loss::Failed("the handler could not be built".to_string());
        hand.sheet.account.failed += fail_all(&mut hand.batch, Some(&loss));
        let (account, keys, _) = hand.sheet.ends(true);
        drop(hand);
        self.inbox.settle_without_handler(&account, place, keys, now_ns);
    }

    /// Sends a batch out to the data-parallel pool, if that is what the handler wants and there is one.
    #[cold]
    fn spread(&self, hand: &mut Hand, place: u32) -> bool {
        let (Some(work), Some(pool)) = (&hand.work, self.core().shared.parallel.get()) else { return false };
        let Some(f) = work.parallel() else { return false };
        let batch = std::mem::take(&mut hand.batch);
        self.places.place(place).watch.begins_outside();
        self.inbox.set_aside(place);
        self.core().shared.spread.fetch_add(1, Ordering::SeqCst);
        let places = self.places.clone();
        let out = move || {
            let core = &places.inbox.core;
            let outcome = f.run(core, batch);
            core.shared.spread.fetch_sub(1, Ordering::SeqCst);
            let mut hand = places.hand(place);
            if !places.place(place).watch.returned() {
                return;
            }
            let service_ns = core.shared.clock.now_ns().saturating_sub(hand.sheet.began_ns);
            hand.sheet.account.spread(outcome.outs.len() as u64, outcome.failed, service_ns);
            hand.outs = outcome.outs;
            drop(hand);
            places.inbox.resume(place);
        };
        parallel::spawn(pool, Box::new(out));
        true
    }

    /// Calls the handler for each event, past panics: what had not been answered is settled as failed, the state is built
    /// anew, and the rest of the batch goes on.
    fn handle(&self, hand: &mut Hand, place: u32, run: &Run<'_>) -> Begun {
        let events = hand.batch.len();
        while !hand.batch.is_empty() && self.have_work(hand) {
            let Hand { work: Some(work), batch, outs, sheet, .. } = hand else { break };
            let before = (batch.len(), sheet.answered());
            let ran = guarded(self.core(), &mut || work.run(batch, outs, &mut sheet.cx));
            let pending = work.pending();
            if pending == 0 && ran.is_ok() {
                continue;
            }
            let begun = before.0 - batch.len() - pending;
            self.after_run(hand, place, run, ran.err().map(|loss| (begun as u64, before.1, loss)));
        }
        // No handler is left to see them.
        let unanswered = hand.batch.len();
        if unanswered > 0 {
            fail_all(&mut hand.batch, None);
        }
        hand.sheet.close(unanswered);
        let spent_ns = hand.sheet.cx.spent_ns.take();
        let returned = self.places.place(place).watch.returned();
        if returned { Begun::Handled { place, events, spent_ns } } else { Begun::Working }
    }

    /// What async handlers left unfinished sets out; a state that panicked is gone.
    #[cold]
    fn after_run(&self, hand: &mut Hand, place: u32, run: &Run<'_>, panicked: Option<(u64, u64, Loss)>) {
        let Some(mut work) = hand.work.take() else { return };
        work.launch(&self.places, hand, place, run);
        match panicked {
            None => hand.work = Some(work),
            Some((begun, answered_before, loss)) => {
                hand.sheet.fails(begun, answered_before, &loss);
                let mut gone = Some(work);
                // Its state may panic again as it goes, which is told with the first.
                past_one_panic(&mut || drop(gone.take()));
            }
        }
    }

    #[inline(never)]
    fn pull(&self, hand: &mut Hand, most: usize) {
        let Hand { work: Some(work), outs, sheet, .. } = hand else { return };
        let mut pulling = Pulling::End;
        let ran = guarded(self.core(), &mut || pulling = work.pull(most, outs, &mut sheet.cx));
        if self.core().shared.traces() {
            follow(outs, self.core());
        }
        if ran.is_err() {
            self.core().ails.source_failed.store(true, Ordering::Relaxed);
        }
        sheet.pulled(outs.len(), pulling, ran.is_err());
    }

    #[cold]
    fn flush(&self, hand: &mut Hand) {
        let Hand { work: Some(work), outs, .. } = hand else { return };
        // What it emitted before a panic goes on.
        let _ = guarded(self.core(), &mut || work.flush(outs));
    }

    /// After the flush of the last place; a model in the handler's place has nothing to end.
    #[cold]
    fn end(&self, hand: &Hand) {
        if self.inbox.probe().flush != Flush::Done || self.model.get().is_some() {
            return;
        }
        let mut at_end = lock(&self.at_end).take();
        let _ = guarded(self.core(), &mut || at_end.take().into_iter().for_each(|end| end(&hand.sheet.cx)));
    }

    // ---- for its driver

    /// Gives it its numbers: at most so many places, and how many may be in use at first.
    pub(crate) fn set_up(&self, options: &mut StageOptions, places_max: usize, limit: usize) {
        self.inbox.set_up(options, places_max as u32, limit);
        let all = (0..places_max).map(|_| Place { watch: Watch::new(), hand: Mutex::new(None) });
        let _ = self.places.all.set(all.collect());
    }

    /// Builds and starts the state of the first `places` places.
    pub(crate) fn start(&self, places: usize) -> Result<(), BoxError> {
        for place in 0..places {
            let work = self.build()?;
            self.places.hand(place as u32).work = Some(work);
        }
        self.inbox.open(places as u32);
        Ok(())
    }

    /// Takes a batch and handles it, up to the point where its time has passed. `None`: nothing to do.
    pub(crate) fn begin(&self, run: &Run<'_>) -> Option<Begun> {
        self.run(self.inbox.take(run.now_ns)?, run)
    }

    /// Emits, settles and records what `begin` left; takes the next batch if `again`.
    pub(crate) fn finish(&self, place: u32, run: &Run<'_>, again: bool) -> Option<Begun> {
        let mut hand = self.places.hand(place);
        let Hand { outs, out, sheet, .. } = &mut *hand;
        if sheet.account.service_ns == 0 {
            sheet.account.service_ns = run.now_ns.saturating_sub(sheet.began_ns);
        }
        let cancelled = self.core().shared.is_cancelled();
        let handing = Handing { now_ns: run.now_ns, domain: run.domain, place, stage: &self.resume, cancelled };
        if out.is_none() {
            *out = Some(self.port.make());
        }
        let mut clear = false;
        let failed = past_panics(self.core(), &mut || {
            let Some(out) = out else { return };
            // Also when nothing is new: after a panic an adapter may hold events that it had not passed on.
            out.emit(outs);
            clear = out.flush(&handing);
        });
        hand.sheet.account.fails_behind(failed);
        let (account, cleared, pulling) = hand.sheet.ends(clear);
        let empty = std::mem::take(&mut hand.batch);
        // Kept for as long as the place is not free again: nobody else comes to this hand.
        drop(hand);
        let taken = self.inbox.settle(&account, empty, place, cleared, run.now_ns, again && pulling.is_none());
        if let Some(pulling) = pulling {
            after_pull(&self.inbox, &self.resume, pulling);
        }
        self.run(taken?, run)
    }

    /// What is in a handler that does not return is fenced off: it will not settle, nor emit. Gives the events it held.
    pub(crate) fn fence(&self) -> u64 {
        let mut held = 0;
        for place in self.places.all() {
            held += place.watch.fence();
        }
        held
    }

    /// Second signal: async handlers that have not ended are dropped where they are, and their events left.
    pub(crate) fn cancel(&self) {
        for place in self.places.all() {
            place.watch.stop_flight();
        }
    }

    /// The pipeline has stopped: what is kept in outboxes is left. False if a hand is still held: an iterator, or an
    /// adapter's function, has not returned.
    pub(crate) fn abandon(&self) -> bool {
        let mut all = true;
        for place in self.places.all() {
            // A fenced handler holds its hand for ever; it has been named.
            if !place.watch.is_idle() {
                continue;
            }
            match place.hand.try_lock() {
                Ok(mut hand) => {
                    if let Some(out) = hand.as_mut().and_then(|hand| hand.out.as_mut()) {
                        out.abandon();
                    }
                }
                Err(_) => all = false,
            }
        }
        all
    }
}

/// Drops a batch that no handler will see; who asked is told of the loss, if there is one to tell.
#[cold]
fn fail_all(batch: &mut Batch, loss: Option<&Loss>) -> u64 {
    let failed = batch.len() as u64;
    if let Some(loss) = loss {
        lose_all(batch, loss);
    }
    batch.clear();
    failed
}

impl Watch {
    fn new() -> Self {
        Watch { phase: AtomicU8::new(IDLE), held: AtomicU64::new(0), flight: Mutex::new(None) }
    }

    /// An event sets out and keeps the place.
    pub(super) fn departs(&self) {
        self.holds(1);
        self.begins_outside();
    }

    pub(super) fn carries(&self, flight: Arc<dyn Aloft>) {
        *lock(&self.flight) = Some(flight);
    }

    /// So many of what it held went on their way.
    pub(super) fn let_go(&self, events: usize) {
        self.held.fetch_sub(events as u64, Ordering::Relaxed);
    }

    /// Second signal: what is in the air comes down where it is.
    fn stop_flight(&self) {
        let flight = lock(&self.flight).clone();
        if let Some(flight) = flight {
            flight.stop(Stop::Cancelled);
        }
    }

    /// Its event is left, as one that a handler on a thread did not give back.
    pub(super) fn leaves(&self) {
        *lock(&self.flight) = None;
        self.phase.store(FENCED, Ordering::SeqCst);
    }

    /// The flight is over.
    pub(super) fn lands(&self) {
        *lock(&self.flight) = None;
    }

    fn holds(&self, events: usize) {
        self.held.store(events as u64, Ordering::Relaxed);
    }

    /// Around a handler: the word that a fence looks at, and the domain's workers, who are told of a long one.
    fn begins<'a>(&self, expected_ns: u64, run: &Run<'a>) -> Option<Long<'a>> {
        self.begins_outside();
        let ready = run.ready.filter(|_| u128::from(expected_ns) > LONG.as_nanos())?;
        ready.begin_long();
        Some(Long(ready))
    }

    /// The same for what no worker is with.
    fn begins_outside(&self) {
        self.phase.store(HANDLING, Ordering::SeqCst);
    }

    /// False if the fence was quicker: then what the handler gave is nobody's.
    pub(super) fn returned(&self) -> bool {
        self.held.store(0, Ordering::Relaxed);
        self.phase.compare_exchange(HANDLING, IDLE, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Events that were in a handler which is now fenced off.
    fn fence(&self) -> u64 {
        let fenced = self.phase.compare_exchange(HANDLING, FENCED, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if fenced { self.held.load(Ordering::Relaxed).max(1) } else { 0 }
    }

    fn is_handling(&self) -> bool {
        self.phase.load(Ordering::SeqCst) == HANDLING
    }

    fn is_idle(&self) -> bool {
        self.phase.load(Ordering::SeqCst) == IDLE
    }
}

/// Of the kinds that this stage tells apart, those that go on from here.
fn count_passing(marks: &Option<Box<Marks>>, core: &StageCore) {
    let told = marks.as_ref().and_then(|marks| marks.kind.told());
    if let Some((by, place)) = told.filter(|(by, _)| *by == core.id) {
        core.gauge.came(by, place);
    }
}

fn end_wait(marks: &mut Option<Box<Marks>>) {
    if let Some(trace) = marks.as_mut().and_then(|marks| marks.trace.as_mut()) {
        trace.taken();
    }
}

/// Events that a source has made begin here.
fn follow(made: &mut Batch, core: &StageCore) {
    let shared = &core.shared;
    for at in 0..made.len() {
        if let Some(trace) = Trace::sample(shared.trace_every.load(Ordering::Relaxed), &shared.name) {
            made.apart(at).marks.get_or_insert_default().trace = Some(trace);
        }
    }
}

/// A handler's start, where a panic is an error like any other.
fn started(f: &mut dyn FnMut() -> Result<(), BoxError>) -> Result<(), BoxError> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| Err(message(&*panic).into()))
}

fn not_built(core: &StageCore, error: &BoxError) {
    tracing::error!(stage = %core.name, %error, "a worker's handler could not be built");
}

/// Runs a handler; a panic is told, and is what its event was lost to.
fn guarded(core: &StageCore, f: &mut dyn FnMut()) -> Result<(), Loss> {
    catch_unwind(AssertUnwindSafe(|| cx::as_handler(core, f))).map_err(|panic| {
        let loss = Loss::Failed(message(&*panic));
        told(core, &loss);
        loss
    })
}

fn past_one_panic(f: &mut dyn FnMut()) {
    let _ = catch_unwind(AssertUnwindSafe(f));
}

/// Until it comes through: a panic in an adapter's function ends its event there, which has failed, and the rest goes on.
/// Gives how many have.
fn past_panics(core: &StageCore, f: &mut dyn FnMut()) -> u64 {
    let mut failed = 0;
    while let Err(panic) = catch_unwind(AssertUnwindSafe(&mut *f)) {
        let loss = Loss::Failed(message(&*panic));
        told(core, &loss);
        adapting::lost().iter().for_each(|marks| cx::note(marks, &loss));
        failed += 1;
    }
    failed
}

/// Where a source goes from here.
fn after_pull(books: &Inbox, resume: &Arc<dyn Resume>, pulling: Pulling) {
    let shared = &books.core.shared;
    match pulling {
        Pulling::End => books.end_source(),
        _ if shared.is_draining() => books.end_source(),
        Pulling::More => {
            let budget = &shared.budget;
            if budget.has_room(1) || !budget.wait(1, Waiter::Source(resume.clone())) {
                resume.source_ready();
            }
        }
        Pulling::Pending => {}
        Pulling::WaitUntil(at_ns) => {
            let resume = Arc::downgrade(resume);
            shared.timers.at(at_ns, move || {
                if let Some(resume) = resume.upgrade() {
                    resume.source_ready();
                }
            });
        }
    }
}

/// A worker in a long handler; back when it is dropped, whatever happened.
struct Long<'a>(&'a ReadySet);

impl Drop for Long<'_> {
    fn drop(&mut self) {
        self.0.end_long();
    }
}

fn expired(apart: &Apart, core: &StageCore, now_ns: u64) -> bool {
    let Apart { stamp_ns, marks, .. } = apart;
    let age_ns = if *stamp_ns == 0 { 0 } else { now_ns.saturating_sub(*stamp_ns) };
    let patience_ns = core.patience_ns();
    let too_old = patience_ns != 0 && age_ns > patience_ns;
    too_old || marks.as_ref().is_some_and(|marks| marks.deadline_ns != 0 && now_ns >= marks.deadline_ns)
}

/// What a panic said.
pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a message".to_string())
}

/// A panic is the host's to know of.
pub(crate) fn told(core: &StageCore, loss: &Loss) {
    if let Loss::Failed(message) = loss {
        tracing::error!(pipeline = %core.shared.name, stage = %core.name, %message, "a handler panicked");
    }
}
