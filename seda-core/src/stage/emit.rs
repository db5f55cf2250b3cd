//! Where a run's events go: the adapters of outlets, which say what a value means.

use std::{
    collections::VecDeque,
    marker::PhantomData,
    sync::{Arc, atomic::Ordering},
};

use super::{
    adapting::Adapting,
    marking::lose,
    waiter::{Resume, Waiter},
};
use crate::{
    event::{Envelope, Event},
    options::BATCH_MAX,
    outcome::{Refusal, Refused},
    queue::Batch,
    sync::AtomicBool,
    ticket::Loss,
};

/// What a run produced goes in here.
pub(crate) trait Emit: Send {
    /// Takes all of `batch`, which is left empty. After a panic of an adapter's function it is called again with what was
    /// not taken, so events leave their batch one by one.
    fn emit(&mut self, batch: &mut Batch);

    /// Hands on what is kept, lane by lane; true when nothing is left. A lane that stalls has left a waiter for the
    /// place behind and holds no other lane back.
    fn flush(&mut self, to: &Handing<'_>) -> bool;

    /// The pipeline has stopped: what is kept is left.
    fn abandon(&mut self);
}

/// Who hands on.
pub(crate) struct Handing<'a> {
    pub(crate) now_ns: u64,
    pub(crate) domain: u32,
    pub(crate) place: u32,
    pub(crate) stage: &'a Arc<dyn Resume>,
    /// Second signal: nothing more is drawn.
    pub(crate) cancelled: bool,
}

impl Handing<'_> {
    pub(super) fn waiter(&self, standing: &Arc<AtomicBool>) -> Waiter {
        standing.store(true, Ordering::Release);
        Waiter::Place { stage: self.stage.clone(), place: self.place, standing: standing.clone() }
    }
}

/// The end of a stage whose handler gives `()`.
pub(crate) struct Nothing;

impl Emit for Nothing {
    fn emit(&mut self, batch: &mut Batch) {
        batch.clear();
    }

    fn flush(&mut self, _: &Handing<'_>) -> bool {
        true
    }

    fn abandon(&mut self) {}
}

/// Puts the reason beside each event that was refused.
pub(super) struct RefusedEmit<T> {
    pub(super) made: Batch,
    pub(super) next: Box<dyn Emit>,
    pub(super) event: PhantomData<fn(T)>,
}

impl<T: Event> Emit for RefusedEmit<T> {
    fn emit(&mut self, batch: &mut Batch) {
        let (mut batch, mut made) = (batch.open::<T>(), self.made.open());
        while let Some(Envelope { event, stamp_ns, mut marks }) = batch.pop() {
            let why = marks.as_mut().and_then(|marks| marks.refused.take()).map_or(Refusal::Full, |why| *why);
            let marks = marks.filter(|marks| !marks.is_default());
            made.push(Envelope { event: Refused { event, why }, stamp_ns, marks });
        }
        drop(made);
        self.next.emit(&mut self.made);
    }

    fn flush(&mut self, to: &Handing<'_>) -> bool {
        self.next.flush(to)
    }

    fn abandon(&mut self) {
        self.next.abandon();
    }
}

/// Applies `f` to every event on its way.
pub(crate) struct MapEmit<T, U, F> {
    pub(crate) f: Arc<F>,
    pub(crate) made: Batch,
    pub(crate) next: Box<dyn Emit>,
    pub(crate) from: PhantomData<fn(T) -> U>,
}

impl<T: Event, U: Event, F: Fn(T) -> U + Send + Sync> Emit for MapEmit<T, U, F> {
    fn emit(&mut self, batch: &mut Batch) {
        let (mut batch, mut made) = (batch.open(), self.made.open());
        while let Some(Envelope { event, stamp_ns, marks }) = batch.pop() {
            let marks = Adapting::new(marks);
            let event = (self.f)(event);
            made.push(Envelope { event, stamp_ns, marks: marks.marks() });
        }
        drop(made);
        self.next.emit(&mut self.made);
    }

    fn flush(&mut self, to: &Handing<'_>) -> bool {
        self.next.flush(to)
    }

    fn abandon(&mut self) {
        self.next.abandon();
    }
}

/// Lets through what `f` gives something for.
pub(crate) struct SiftEmit<T, U, F> {
    pub(crate) f: Arc<F>,
    pub(crate) made: Batch,
    pub(crate) next: Box<dyn Emit>,
    pub(crate) from: PhantomData<fn(T) -> U>,
}

impl<T: Event, U: Event, F: Fn(T) -> Option<U> + Send + Sync> Emit for SiftEmit<T, U, F> {
    fn emit(&mut self, batch: &mut Batch) {
        let (mut batch, mut made) = (batch.open(), self.made.open());
        while let Some(Envelope { event, stamp_ns, marks }) = batch.pop() {
            let marks = Adapting::new(marks);
            if let Some(event) = (self.f)(event) {
                made.push(Envelope { event, stamp_ns, marks: marks.marks() });
            }
        }
        drop(made);
        self.next.emit(&mut self.made);
    }

    fn flush(&mut self, to: &Handing<'_>) -> bool {
        self.next.flush(to)
    }

    fn abandon(&mut self) {
        self.next.abandon();
    }
}

/// Two ways: one event goes to one of them, or a copy to both is `FanEmit`.
pub(crate) struct TwoEmit<T, A, B, F> {
    pub(crate) f: F,
    pub(crate) a: (Batch, Box<dyn Emit>),
    pub(crate) b: (Batch, Box<dyn Emit>),
    pub(crate) from: PhantomData<fn(T) -> (A, B)>,
}

impl<T: Event, A: Event, B: Event, F: Fn(T) -> Result<A, B> + Send> Emit for TwoEmit<T, A, B, F> {
    fn emit(&mut self, batch: &mut Batch) {
        let (mut batch, mut a, mut b) = (batch.open(), self.a.0.open(), self.b.0.open());
        while let Some(Envelope { event, stamp_ns, marks }) = batch.pop() {
            match (self.f)(event) {
                Ok(event) => a.push(Envelope { event, stamp_ns, marks }),
                Err(event) => b.push(Envelope { event, stamp_ns, marks }),
            }
        }
        drop((a, b));
        self.a.1.emit(&mut self.a.0);
        self.b.1.emit(&mut self.b.0);
    }

    fn flush(&mut self, to: &Handing<'_>) -> bool {
        // Both, whatever the first says: a stalled lane holds no other back.
        self.a.1.flush(to) & self.b.1.flush(to)
    }

    fn abandon(&mut self) {
        self.a.1.abandon();
        self.b.1.abandon();
    }
}

/// A copy of every event to each.
pub(crate) struct FanEmit<T> {
    pub(crate) event: PhantomData<fn(T)>,
    /// One for each way, of which there is at least one.
    pub(crate) copies: Vec<Batch>,
    pub(crate) ways: Vec<Box<dyn Emit>>,
}

impl<T: Event + Clone> Emit for FanEmit<T> {
    fn emit(&mut self, batch: &mut Batch) {
        let mut batch = batch.open::<T>();
        while let Some(envelope) = batch.pop() {
            // All copies before any is kept, so that a panic in `clone` ends the event on every way alike.
            let copies = self.copies.len() - 1;
            let Envelope { event, stamp_ns, marks } = envelope;
            let marks = Adapting::new(marks);
            let made: Vec<T> = (0..copies).map(|_| event.clone()).collect();
            let marks = marks.marks();
            for (copy, event) in self.copies.iter_mut().zip(made) {
                copy.open().push(Envelope { event, stamp_ns, marks: marks.clone() });
            }
            self.copies[copies].open().push(Envelope { event, stamp_ns, marks });
        }
        self.ways.iter_mut().zip(&mut self.copies).for_each(|(way, copy)| way.emit(copy));
    }

    fn flush(&mut self, to: &Handing<'_>) -> bool {
        self.ways.iter_mut().fold(true, |all, way| way.flush(to) & all)
    }

    fn abandon(&mut self) {
        self.ways.iter_mut().for_each(|way| way.abandon());
    }
}

/// Batches that are drawn from iterators before the domain's other stages have their turn.
const DRAWS: usize = 16;

/// One event for each item. What is not yet drawn from an iterator stays there while the way is stalled.
pub(crate) struct EachEmit<I: IntoIterator> {
    pub(crate) drawn_from: VecDeque<Envelope<I::IntoIter>>,
    pub(crate) made: Batch,
    pub(crate) next: Box<dyn Emit>,
}

impl<I> Emit for EachEmit<I>
where
    I: IntoIterator + Event,
    I::IntoIter: Send,
    I::Item: Event,
{
    fn emit(&mut self, batch: &mut Batch) {
        let mut batch = batch.open::<I>();
        while let Some(envelope) = batch.pop() {
            let Envelope { event, stamp_ns, marks } = envelope;
            let marks = Adapting::new(marks);
            let event = event.into_iter();
            self.drawn_from.push_back(Envelope { event, stamp_ns, marks: marks.marks() });
        }
    }

    fn flush(&mut self, to: &Handing<'_>) -> bool {
        for _ in 0..DRAWS {
            if !self.next.flush(to) || to.cancelled {
                return self.drawn_from.is_empty() && self.made.is_empty() && self.next.flush(to);
            }
            self.draw();
            if self.made.is_empty() {
                return true;
            }
            self.next.emit(&mut self.made);
        }
        // Others of the domain come first, then this place again.
        to.stage.resume(to.place);
        false
    }

    fn abandon(&mut self) {
        self.drawn_from.drain(..).for_each(|envelope| lose(envelope.marks.as_deref(), &Loss::Cancelled));
        self.next.abandon();
    }
}

impl<I: IntoIterator<Item: Event>> EachEmit<I> {
    /// At most a batch, so that the outbox stays bounded.
    fn draw(&mut self) {
        let mut made = self.made.open();
        while made.len() < BATCH_MAX {
            // Out of the list while it is asked: one that panics is gone with what it would have given.
            let Some(mut front) = self.drawn_from.pop_front() else { return };
            while made.len() < BATCH_MAX {
                let marks = Adapting::new(front.marks.take());
                let Some(event) = front.event.next() else { break };
                front.marks = marks.marks();
                made.push(Envelope { event, stamp_ns: 0, marks: front.marks.clone() });
            }
            if made.len() == BATCH_MAX {
                self.drawn_from.push_front(front);
            }
        }
    }
}
