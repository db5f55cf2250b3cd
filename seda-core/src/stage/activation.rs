//! The second half of an event's life: taken in a batch, handled, emitted, settled, recorded. A state machine that never
//! blocks but in the user's handler; threads or virtual time drive it.

use std::sync::{Arc, Mutex, OnceLock};

use super::{
    book::{Account, Flush},
    core::StageCore,
    emit::Handing,
    handler::{AtEnd, BoxError},
    inbox::{Inbox, Taken, What},
    marking::lose_all,
    outlet::Port,
    panics::{guarded, not_built, past_one_panic, past_panics, started},
    parallel,
    places::{Hand, Held, Place, Places, Watch},
    pulling::{after_pull, pull},
    sift::sift,
    waiter::Resume,
    work::{AnyWork, Make},
};
use crate::{options::StageOptions, queue::Batch, ready::ReadySet, sync::lock, ticket::Loss};

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
                self.inbox.set_place_aside(taken.place);
                return Some(Begun::Working);
            }
            What::Resume => return Some(Begun::Resumed { place: taken.place }),
            What::Batch { batch, keys, weight, patience_ns } => {
                let events = batch.len();
                hand.sheet.begins(events, weight, keys);
                place.watch.holds(events);
                hand.batch = batch;
                sift(&mut hand, self.core(), run.now_ns, patience_ns);
                if !self.have_work(&mut hand) {
                    self.give_up(hand, taken.place, run.now_ns);
                    return None;
                }
                if self.core().shared.parallel.get().is_some() && parallel::spread(&self.places, &mut hand, taken.place)
                {
                    return Some(Begun::Working);
                }
                let _long = place.watch.begins(taken.expected_ns, run);
                return Some(self.handle(&mut hand, taken.place, run));
            }
            What::Pull { most } => {
                hand.sheet.account = Account::default();
                if self.have_work(&mut hand) {
                    let _long = place.watch.begins(taken.expected_ns, run);
                    pull(&mut hand, self.core(), most);
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
