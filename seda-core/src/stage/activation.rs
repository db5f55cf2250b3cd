//! The second half of an event's life: taken in a batch, handled, emitted, settled, recorded. A state machine that never
//! blocks but in the user's handler; threads or virtual time drive it.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicU8, Ordering},
    },
};

use super::{
    book::Account,
    books::Books,
    core::StageCore,
    cx::{self, Cx, note},
    handler::{BoxError, Factory, Pulling, Work},
    inbox::{Inbox, Taken, What},
    outlet::{Emit, Handing, Port},
    parallel,
    waiter::{Resume, Waiter},
};
use crate::{
    event::{Envelope, Event},
    queue::Batch,
    ready::{LONG, ReadySet},
    sync::lock,
    ticket::Loss,
};

/// A stage as its driver sees it.
pub(crate) trait Activate: Send + Sync {
    fn books(&self) -> &dyn Books;

    /// Builds and starts the state of the first `places` places.
    fn start(&self, places: usize) -> Result<(), BoxError>;

    /// Takes a batch and handles it, up to the point where its time has passed. `None`: nothing to do.
    fn begin(&self, run: &Run<'_>) -> Option<Begun>;

    /// Emits, settles and records what `begin` left; takes the next batch if `again`.
    fn finish(&self, place: u32, run: &Run<'_>, again: bool) -> Option<Begun>;

    /// What is in a handler that does not return is fenced off: it will not settle, nor emit. Gives the events it held.
    fn fence(&self) -> u64;

    /// The pipeline has stopped: what is kept in outboxes is left. False if a hand is still held: an iterator, or an
    /// adapter's function, has not returned.
    fn abandon(&self) -> bool;
}

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

pub(crate) struct Activation<I, O> {
    me: std::sync::Weak<Activation<I, O>>,
    inbox: Arc<Inbox<I>>,
    resume: Arc<dyn Resume>,
    factory: Factory<I, O>,
    /// In the factory's place, for tests and simulation.
    model: OnceLock<Factory<I, O>>,
    port: Arc<Port<O>>,
    /// Made when a place is first used.
    places: Box<[OnceLock<Place<I, O>>]>,
}

/// Between a handler's return and its settling stands one word, so that a fence and a late return have one order.
struct Place<I, O> {
    phase: AtomicU8,
    held: std::sync::atomic::AtomicU64,
    hand: Mutex<Hand<I, O>>,
}

const IDLE: u8 = 0;
const HANDLING: u8 = 1;
const FENCED: u8 = 2;

/// What a worker has in hand at one place.
struct Hand<I, O> {
    work: Option<Box<dyn Work<I, O>>>,
    cx: Cx,
    outs: Batch<O>,
    out: Box<dyn Emit<O>>,
    keys: Vec<u64>,
    account: Account,
    emptied: Batch<I>,
    began_ns: u64,
    pulling: Option<Pulling>,
}

impl<I: Event, O: Event> Activation<I, O> {
    pub(crate) fn new(inbox: Arc<Inbox<I>>, factory: Factory<I, O>, port: Arc<Port<O>>, places: usize) -> Arc<Self> {
        Arc::new_cyclic(|me| Activation {
            me: me.clone(),
            resume: inbox.clone(),
            inbox,
            factory,
            model: OnceLock::new(),
            port,
            places: (0..places).map(|_| OnceLock::new()).collect(),
        })
    }

    pub(crate) fn replace(&self, model: Factory<I, O>) {
        let _ = self.model.set(model);
    }

    fn core(&self) -> &Arc<StageCore> {
        &self.inbox.core
    }

    fn place(&self, place: u32) -> &Place<I, O> {
        self.places[place as usize].get_or_init(|| Place {
            phase: AtomicU8::new(IDLE),
            held: 0.into(),
            hand: Mutex::new(Hand {
                work: None,
                cx: Cx::new(self.core().clone()),
                outs: Batch::new(),
                out: self.port.make(),
                keys: Vec::new(),
                account: Account::default(),
                emptied: Batch::new(),
                began_ns: 0,
                pulling: None,
            }),
        })
    }

    fn build(&self) -> Result<Box<dyn Work<I, O>>, BoxError> {
        let built = catch_unwind(AssertUnwindSafe(|| {
            let mut work = self.model.get().unwrap_or(&self.factory)();
            work.start().map(|()| work)
        }));
        built.unwrap_or_else(|panic| Err(message(&*panic).into()))
    }

    /// Handles what was taken.
    fn run(&self, taken: Taken<I>, run: &Run<'_>) -> Option<Begun> {
        if let (true, Some(ready)) = (taken.plenty, run.ready) {
            ready.wake_another();
        }
        let place = self.place(taken.place);
        let mut hand = lock(&place.hand);
        hand.began_ns = run.now_ns;
        match taken.what {
            // A wake-up that came late, for a stall that is over: the batch is out on the pool and will say when it is back.
            What::Resume if place.phase.load(Ordering::SeqCst) == HANDLING => {
                self.inbox.set_aside(taken.place);
                return Some(Begun::Working);
            }
            What::Resume => return Some(Begun::Resumed { place: taken.place }),
            What::Batch { batch, keys, weight } => {
                hand.keys = keys;
                hand.account = Account { taken: batch.len(), weight, ..Account::default() };
                place.held.store(batch.len() as u64, Ordering::Relaxed);
                let batch = self.sift(&mut hand, batch, run.now_ns);
                if !self.have_work(&mut hand) {
                    return self.give_up(hand, batch, taken.place, run.now_ns);
                }
                if let Some(begun) = self.spread(&mut hand, batch, taken.place) {
                    return Some(begun);
                }
                return Some(self.handle(hand, place, taken.place, taken.expected_ns, run));
            }
            What::Pull { most } => {
                hand.account = Account::default();
                if self.have_work(&mut hand) {
                    self.guarded(place, taken.expected_ns, run, || self.pull(&mut hand, most));
                }
            }
            What::Flush => {
                hand.account = Account::default();
                self.guarded(place, taken.expected_ns, run, || self.flush(&mut hand));
            }
        }
        let spent_ns = hand.cx.spent_ns.take();
        let events = hand.account.done as usize;
        self.returned(place).then_some(Begun::Handled { place: taken.place, events, spent_ns })
    }

    /// Expired events end here, before any handler sees them; the waits of the others are noted.
    fn sift(&self, hand: &mut Hand<I, O>, mut batch: Batch<I>, now_ns: u64) -> Batch<I> {
        let max_age_ns = self.core().max_age_ns;
        let mut any_expired = false;
        let mut since_stamp = 0;
        let waits = &mut hand.account.waits;
        for envelope in &batch {
            since_stamp += 1;
            if envelope.stamp_ns != 0 {
                waits.push((now_ns.saturating_sub(envelope.stamp_ns), since_stamp));
                since_stamp = 0;
            }
            any_expired |= (max_age_ns != 0 || envelope.marks.is_some()) && expired(envelope, max_age_ns, now_ns);
        }
        // Events after the last stamp share its wait.
        if let Some(last) = waits.last_mut() {
            last.1 += since_stamp;
        }
        if !self.core().shared.measures() {
            waits.clear();
        }
        if any_expired {
            let before = batch.len();
            batch.retain(|envelope| {
                let dead = expired(envelope, max_age_ns, now_ns);
                if dead {
                    envelope.marks.iter().for_each(|marks| note(marks, &Loss::Expired));
                }
                !dead
            });
            hand.account.expired = (before - batch.len()) as u64;
        }
        batch
    }

    /// Builds the state of a place that has none: a worker was added, or its state was lost to a panic.
    fn have_work(&self, hand: &mut Hand<I, O>) -> bool {
        if hand.work.is_none() {
            match self.build() {
                Ok(work) => hand.work = Some(work),
                Err(error) => {
                    tracing::error!(stage = %self.core().name, %error, "a worker's handler could not be built");
                    return false;
                }
            }
        }
        true
    }

    /// A place without a handler fails its batch and is not used again.
    fn give_up(&self, mut hand: MutexGuard<'_, Hand<I, O>>, batch: Batch<I>, place: u32, now_ns: u64) -> Option<Begun> {
        let loss = Loss::Failed("the handler could not be built".to_string());
        batch.iter().filter_map(|envelope| envelope.marks.as_ref()).for_each(|marks| note(marks, &loss));
        hand.account.failed += batch.len() as u64;
        drop(batch);
        let mut keys = std::mem::take(&mut hand.keys);
        let account = std::mem::take(&mut hand.account);
        drop(hand);
        self.inbox.settle_without_handler(&account, place, &mut keys, now_ns);
        None
    }

    /// Sends a batch out to the data-parallel pool, if that is what the handler wants and there is one.
    fn spread(&self, hand: &mut Hand<I, O>, batch: Batch<I>, place: u32) -> Option<Begun> {
        let (work, pool) = (hand.work.as_ref()?, self.core().shared.parallel.get());
        let (Some(f), Some(pool)) = (work.parallel(), pool) else {
            hand.emptied = batch;
            return None;
        };
        let me = self.me.upgrade()?;
        me.place(place).phase.store(HANDLING, Ordering::SeqCst);
        self.inbox.set_aside(place);
        self.core().shared.spread.fetch_add(1, Ordering::SeqCst);
        let out = move || {
            let outcome = f.run(&me.inbox.core, batch);
            me.core().shared.spread.fetch_sub(1, Ordering::SeqCst);
            let seat = me.place(place);
            let mut hand = lock(&seat.hand);
            if !me.returned(seat) {
                return;
            }
            hand.account.done = outcome.outs.len() as u64;
            hand.account.failed = outcome.failed;
            hand.account.service_ns = me.core().shared.clock.now_ns().saturating_sub(hand.began_ns);
            hand.outs = outcome.outs;
            drop(hand);
            me.inbox.resume(place);
        };
        parallel::spawn(pool, Box::new(out));
        Some(Begun::Working)
    }

    /// Calls the handler for each event, past panics: what had not been answered is settled as failed, the state is built
    /// anew, and the rest of the batch goes on.
    fn handle(
        &self,
        mut hand: MutexGuard<'_, Hand<I, O>>,
        place: &Place<I, O>,
        index: u32,
        expected_ns: u64,
        run: &Run<'_>,
    ) -> Begun {
        let mut batch = std::mem::take(&mut hand.emptied);
        let events = batch.len();
        self.guarded(place, expected_ns, run, || {
            while !batch.is_empty() {
                if !self.have_work(&mut hand) {
                    break;
                }
                self.handle_guarded(&mut hand, &mut batch);
            }
        });
        let hand = &mut *hand;
        // No handler is left to see them.
        hand.account.failed += batch.len() as u64;
        batch.clear();
        hand.emptied = batch;
        hand.account.done = hand.cx.answered;
        hand.account.failed += hand.cx.failed;
        hand.account.expired += hand.cx.expired;
        (hand.cx.answered, hand.cx.failed, hand.cx.expired) = (0, 0, 0);
        let spent_ns = hand.cx.spent_ns.take();
        if self.returned(place) { Begun::Handled { place: index, events, spent_ns } } else { Begun::Working }
    }

    fn handle_guarded(&self, hand: &mut Hand<I, O>, batch: &mut Batch<I>) {
        let Hand { work: Some(work), outs, cx, .. } = hand else { return };
        let before = (batch.len(), cx.answered + cx.expired);
        let result = catch_unwind(AssertUnwindSafe(|| {
            cx::as_handler(&self.inbox.core, || work.run(batch, outs, cx));
        }));
        if let Err(panic) = result {
            let begun = (before.0 - batch.len()) as u64;
            cx.failed += begun - (cx.answered + cx.expired - before.1);
            let loss = Loss::Failed(message(&*panic));
            told(self.core(), &loss);
            cx.lose(&loss);
            // Its state may panic again as it goes.
            let gone = hand.work.take();
            let _ = catch_unwind(AssertUnwindSafe(|| drop(gone)));
        }
    }

    fn pull(&self, hand: &mut Hand<I, O>, most: usize) {
        let Hand { work: Some(work), outs, cx, .. } = hand else { return };
        let result = catch_unwind(AssertUnwindSafe(|| cx::as_handler(&self.inbox.core, || work.pull(most, outs, cx))));
        let pulling = result.unwrap_or_else(|panic| {
            // The state of a source is one and cannot be built again.
            told(&self.inbox.core, &Loss::Failed(message(&*panic)));
            hand.account.failed = 1;
            hand.account.pulled = 1;
            Pulling::End
        });
        hand.account.done = hand.outs.len() as u64;
        hand.account.pulled += hand.account.done;
        hand.pulling = Some(pulling);
    }

    fn flush(&self, hand: &mut Hand<I, O>) {
        let Hand { work: Some(work), outs, .. } = hand else { return };
        let emit = &mut |event| outs.push_back(Envelope::new(event));
        let result = catch_unwind(AssertUnwindSafe(|| cx::as_handler(&self.inbox.core, || work.flush(emit))));
        if let Err(panic) = result {
            told(self.core(), &Loss::Failed(message(&*panic)));
        }
    }

    /// Around a handler: the word that a fence looks at, and the domain's workers, who are told of a long one.
    fn guarded(&self, place: &Place<I, O>, expected_ns: u64, run: &Run<'_>, f: impl FnOnce()) {
        place.phase.store(HANDLING, Ordering::SeqCst);
        let long = run.ready.filter(|_| u128::from(expected_ns) > LONG.as_nanos());
        let _back = long.map(|ready| {
            ready.begin_long();
            Long(ready)
        });
        f();
    }

    /// False if the fence was quicker: then what the handler gave is nobody's.
    fn returned(&self, place: &Place<I, O>) -> bool {
        place.held.store(0, Ordering::Relaxed);
        place.phase.compare_exchange(HANDLING, IDLE, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

impl<I: Event, O: Event> Activate for Activation<I, O> {
    fn books(&self) -> &dyn Books {
        &*self.inbox
    }

    fn start(&self, places: usize) -> Result<(), BoxError> {
        for place in 0..places {
            let work = self.build()?;
            lock(&self.place(place as u32).hand).work = Some(work);
        }
        self.books().open(places as u32);
        Ok(())
    }

    fn begin(&self, run: &Run<'_>) -> Option<Begun> {
        self.run(self.inbox.take(run.now_ns)?, run)
    }

    fn finish(&self, place: u32, run: &Run<'_>, again: bool) -> Option<Begun> {
        let seat = self.place(place);
        let mut hand = lock(&seat.hand);
        let Hand { outs, out, keys, account, emptied, began_ns, pulling, .. } = &mut *hand;
        if account.service_ns == 0 {
            account.service_ns = run.now_ns.saturating_sub(*began_ns);
        }
        let cancelled = self.core().shared.is_cancelled();
        let handing = Handing { now_ns: run.now_ns, domain: run.domain, place, stage: &self.resume, cancelled };
        let clear = hand_on(&self.inbox.core, outs, &mut **out, &handing);
        let (account, empty, pulling) =
            (std::mem::take(account), std::mem::take(emptied), if clear { pulling.take() } else { None });
        let mut keys = std::mem::take(keys);
        if !clear {
            hand.keys = std::mem::take(&mut keys);
        }
        // Kept for as long as the place is not free again: nobody else comes to this hand.
        drop(hand);
        let cleared = clear.then_some(&mut keys);
        let taken = self.inbox.settle(&account, empty, place, cleared, run.now_ns, again && pulling.is_none());
        if let Some(pulling) = pulling {
            after_pull(self.books(), &self.resume, pulling);
        }
        self.run(taken?, run)
    }

    fn fence(&self) -> u64 {
        let places = self.places.iter().filter_map(OnceLock::get);
        let fenced = places
            .filter(|place| place.phase.compare_exchange(HANDLING, FENCED, Ordering::SeqCst, Ordering::SeqCst).is_ok());
        fenced.map(|place| place.held.load(Ordering::Relaxed).max(1)).sum()
    }

    fn abandon(&self) -> bool {
        let places = self.places.iter().filter_map(OnceLock::get);
        // A fenced handler holds its hand for ever; it has been named.
        let idle = places.filter(|place| place.phase.load(Ordering::SeqCst) == IDLE);
        idle.fold(true, |all, place| match place.hand.try_lock() {
            Ok(mut hand) => {
                hand.out.abandon();
                all
            }
            Err(_) => false,
        })
    }
}

/// Where a source goes from here.
fn after_pull(books: &dyn Books, resume: &Arc<dyn Resume>, pulling: Pulling) {
    let shared = &books.core().shared;
    match pulling {
        Pulling::End => books.end_source(),
        _ if shared.is_draining() => books.end_source(),
        Pulling::More => {
            let budget = &shared.budget;
            if budget.has_room(1) || !budget.wait(1, Waiter::Source(resume.clone())) {
                resume.source_ready();
            }
        }
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

/// Emits and flushes, past panics in an adapter's function: its event ends there, as if filtered, and the rest goes on.
fn hand_on<O>(core: &StageCore, outs: &mut Batch<O>, out: &mut dyn Emit<O>, to: &Handing<'_>) -> bool {
    loop {
        let result = catch_unwind(AssertUnwindSafe(|| {
            // Also when nothing is new: after a panic an adapter may hold events that it had not passed on.
            out.emit(outs);
            out.flush(to)
        }));
        match result {
            Ok(clear) => return clear,
            Err(panic) => told(core, &Loss::Failed(message(&*panic))),
        }
    }
}

fn expired<T>(envelope: &Envelope<T>, max_age_ns: u64, now_ns: u64) -> bool {
    let too_old = max_age_ns != 0 && envelope.stamp_ns != 0 && now_ns.saturating_sub(envelope.stamp_ns) > max_age_ns;
    too_old || envelope.marks.as_ref().is_some_and(|marks| marks.deadline_ns != 0 && now_ns >= marks.deadline_ns)
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
