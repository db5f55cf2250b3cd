//! The way out of a stage: adapters that say what a value means, and the lanes of the outbox behind them.
//!
//! An outlet is wired once, by moving it. What it becomes is made anew for each place of the stage, so that a lane has
//! one owner and needs no lock; calls go through one `dyn` per adapter and batch, not per event.

use std::{
    any::type_name,
    collections::VecDeque,
    fmt,
    marker::PhantomData,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    adapting::Adapting,
    core::{EdgeCore, StageCore},
    inbox::{Inbox, lose, lose_all},
    inner::Spill,
    waiter::{Resume, Waiter},
};
use crate::{
    event::{Envelope, Event, Marks},
    options::BATCH_MAX,
    outcome::{Refusal, Refused},
    queue::Batch,
    sync::{AtomicBool, lock},
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
    fn waiter(&self, standing: &Arc<AtomicBool>) -> Waiter {
        standing.store(true, Ordering::Release);
        Waiter::Place { stage: self.stage.clone(), place: self.place, standing: standing.clone() }
    }
}

/// Makes the way behind a port, for one place.
pub(crate) type MakeEmit = Box<dyn Fn() -> Box<dyn Emit> + Send + Sync>;

/// A port: open until it is wired.
#[derive(Clone, Default)]
pub(crate) struct Port(Arc<OnceLock<MakeEmit>>);

impl Port {
    pub(crate) fn make(&self) -> Box<dyn Emit> {
        self.0.get().expect("the check before the start found every port wired")()
    }

    fn wire(&self, make: MakeEmit) {
        assert!(self.0.set(make).is_ok(), "an outlet is moved when it is wired");
    }
}

/// What outlets tell the pipeline while it is being built.
#[derive(Default)]
pub(crate) struct Sketch {
    pub(crate) ports: Vec<PortSketch>,
    pub(crate) edges: Vec<EdgeSketch>,
}

pub(crate) struct PortSketch {
    pub(crate) stage: u32,
    pub(crate) name: String,
    pub(crate) event: &'static str,
    pub(crate) wired: bool,
}

pub(crate) struct EdgeSketch {
    pub(crate) edge: Arc<EdgeCore>,
    pub(crate) to: Target,
    pub(crate) has_overflow: bool,
}

/// Where an edge goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    Stage(u32),
    Answer(u32),
}

/// The typed way out of a stage. It is moved when it is wired, so wiring it twice does not compile; left open, it is in
/// the list of findings at start.
#[must_use = "an outlet that is not linked is an open port, and the pipeline will not start"]
pub struct Outlet<T> {
    port: Port,
    stub: Stub,
    overflow: Option<Overflow>,
    event: PhantomData<fn() -> T>,
}

/// Where what a link refuses goes to.
#[derive(Clone)]
struct Overflow {
    port: Port,
    /// With the reason.
    tells: bool,
}

/// An outlet without its type.
struct Stub {
    sketch: Arc<Mutex<Sketch>>,
    id: usize,
    from: Origin,
}

#[derive(Clone)]
struct Origin {
    pipeline: u32,
    stage: u32,
    name: String,
}

impl Stub {
    fn new(sketch: Arc<Mutex<Sketch>>, from: Origin, event: &'static str) -> Self {
        let id = {
            let mut drawn = lock(&sketch);
            drawn.ports.push(PortSketch { stage: from.stage, name: from.name.clone(), event, wired: false });
            drawn.ports.len() - 1
        };
        Stub { sketch, id, from }
    }

    fn branch(&self, label: &str, event: &'static str) -> Self {
        let name = if label.is_empty() { self.from.name.clone() } else { format!("{}.{label}", self.from.name) };
        Stub::new(self.sketch.clone(), Origin { name, ..self.from }, event)
    }

    fn wired(&self) {
        lock(&self.sketch).ports[self.id].wired = true;
    }

    fn draw(&self, to: Target, to_name: &str, has_overflow: bool) -> Arc<EdgeCore> {
        let edge = Arc::new(EdgeCore::new(self.from.stage, self.from.name.clone(), to_name.to_string()));
        let drawn = EdgeSketch { edge: edge.clone(), to, has_overflow };
        lock(&self.sketch).edges.push(drawn);
        edge
    }
}

impl<T> fmt::Debug for Outlet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outlet({})", self.name())
    }
}

impl<T> Outlet<T> {
    /// What open ports, edges and metrics call it.
    pub(crate) fn name(&self) -> &str {
        &self.stub.from.name
    }

    pub(crate) fn pipeline(&self) -> u32 {
        self.stub.from.pipeline
    }
}

impl<T: Event> Outlet<T> {
    pub(crate) fn of_stage(port: Port, sketch: Arc<Mutex<Sketch>>, pipeline: u32, stage: u32, name: &str) -> Self {
        let from = Origin { pipeline, stage, name: name.to_string() };
        Outlet { port, stub: Stub::new(sketch, from, type_name::<T>()), overflow: None, event: PhantomData }
    }

    /// Another port of the same stage, behind an adapter.
    pub(crate) fn branch<U: Event>(&self, label: &str) -> (Port, Outlet<U>) {
        let (port, stub) = (Port::default(), self.stub.branch(label, type_name::<U>()));
        (port.clone(), Outlet { port, stub, overflow: None, event: PhantomData })
    }

    pub(crate) fn wire(self, make: MakeEmit) {
        self.stub.wired();
        self.port.wire(make);
    }

    pub(crate) fn with_overflow(mut self) -> (Outlet<T>, Outlet<T>) {
        let (port, outlet) = self.branch("overflow");
        self.overflow = Some(Overflow { port, tells: false });
        (self, outlet)
    }

    pub(crate) fn with_refused(mut self) -> (Outlet<T>, Outlet<Refused<T>>) {
        let (port, told) = self.branch("refused");
        let told_by = Port::default();
        let event = PhantomData::<fn(T)>;
        told_by.wire(Box::new(move || Box::new(RefusedEmit { made: Batch::default(), next: port.make(), event })));
        self.overflow = Some(Overflow { port: told_by, tells: true });
        (self, told)
    }

    pub(crate) fn link(self, inbox: Arc<Inbox>) {
        let edge = self.stub.draw(Target::Stage(inbox.core.id), &inbox.core.name, self.overflow.is_some());
        let overflow = self.overflow.clone();
        self.wire(Box::new(move || {
            Box::new(Lane {
                waiting: Batch::default(),
                spill: Spill { tells: overflow.as_ref().is_some_and(|over| over.tells), ..Spill::default() },
                stall: Stall::new(edge.clone()),
                inbox: inbox.clone(),
                overflow: overflow.as_ref().map(|over| over.port.make()),
            })
        }));
    }

    pub(crate) fn answer(self, ask: u32, name: &str, counts: Arc<AnswerCounts>) {
        let edge = self.stub.draw(Target::Answer(ask), name, self.overflow.is_some());
        self.wire(Box::new(move || {
            let (edge, counts) = (edge.clone(), counts.clone());
            Box::new(AnswerLane { ask, edge, counts, event: PhantomData::<fn(T)> })
        }));
    }
}

impl Outlet<()> {
    /// The end of a sink.
    pub(crate) fn nowhere(self) {
        self.wire(Box::new(|| Box::new(Nothing)));
    }
}

/// A lane of the outbox: what one link could not hand on yet.
struct Lane {
    waiting: Batch,
    spill: Spill,
    stall: Stall,
    inbox: Arc<Inbox>,
    overflow: Option<Box<dyn Emit>>,
}

impl Emit for Lane {
    fn emit(&mut self, batch: &mut Batch) {
        if batch.is_empty() {
            return;
        }
        self.stall.edge.produced.fetch_add(batch.len() as u64, Ordering::Relaxed);
        if let Some(asks) = self.stall.edge.asks.get() {
            batch.all_marks().for_each(|marks| keep_ticket(marks, asks, &self.stall.edge.to));
        }
        if self.inbox.core.gauge.tells_apart() {
            batch.all_marks().for_each(|marks| count_kind(marks, &self.inbox.core));
        }
        if self.inbox.core.shared.traces() {
            batch.all_marks().for_each(|marks| begin_wait(marks, &self.inbox.core.name));
        }
        self.waiting.append(batch);
    }

    fn flush(&mut self, to: &Handing<'_>) -> bool {
        if !self.waiting.is_empty() && !self.stall.standing.load(Ordering::Acquire) {
            // The offer of the whole batch is now; its events share the stamp.
            self.inbox.stamp(&mut self.waiting, to.now_ns);
            let (offered, stalled) =
                self.inbox.hand(&mut self.waiting, &mut self.spill, to.domain, &|| to.waiter(&self.stall.standing));
            self.stall.edge.offered.fetch_add(offered as u64, Ordering::Relaxed);
            self.stall.time(stalled, to.now_ns);
        }
        let mut rest = true;
        if let Some(overflow) = &mut self.overflow {
            if !self.spill.events.is_empty() {
                overflow.emit(&mut self.spill.events);
            }
            rest = overflow.flush(to);
        }
        self.waiting.is_empty() && rest
    }

    fn abandon(&mut self) {
        self.stall.edge.left.fetch_add(self.waiting.len() as u64, Ordering::Relaxed);
        for lane in [&mut self.waiting, &mut self.spill.events] {
            lose_all(lane, &Loss::Cancelled);
            lane.clear();
        }
        if let Some(overflow) = &mut self.overflow {
            overflow.abandon();
        }
    }
}

/// How a lane stands with its edge.
struct Stall {
    edge: Arc<EdgeCore>,
    began_ns: Option<u64>,
    /// A waiter of this lane stands at the inlet.
    standing: Arc<AtomicBool>,
}

impl Stall {
    fn new(edge: Arc<EdgeCore>) -> Self {
        Stall { edge, began_ns: None, standing: Arc::new(AtomicBool::new(false)) }
    }

    fn time(&mut self, stalled: bool, now_ns: u64) {
        match (self.began_ns, stalled) {
            (None, true) => {
                self.began_ns = Some(now_ns);
                self.edge.stall_begins(now_ns);
            }
            (Some(began_ns), false) => {
                self.began_ns = None;
                self.edge.stall_ends(began_ns, now_ns);
            }
            _ => {}
        }
    }
}

/// A ticket stays only where its answer can still be reached.
fn keep_ticket(kept: &mut Option<Box<Marks>>, asks: &[u32], to: &str) {
    let Some(marks) = kept else { return };
    let Some(ticket) = &marks.ticket else { return };
    if !asks.contains(&ticket.ask()) {
        ticket.note(Loss::Unanswered(to.to_string()));
        marks.ticket = None;
        if marks.is_default() {
            *kept = None;
        }
    }
}

/// Says that one of its kind came here; who comes back to the stage that tells kinds apart was counted there.
fn count_kind(marks: &Option<Box<Marks>>, here: &StageCore) {
    let told = marks.as_ref().and_then(|marks| marks.kind.told());
    if let Some((by, place)) = told.filter(|(by, _)| *by != here.id) {
        here.gauge.came(by, place);
    }
}

/// A followed event waits from when it was made, whether there is room for it or not.
fn begin_wait(marks: &mut Option<Box<Marks>>, stage: &str) {
    if let Some(trace) = marks.as_mut().and_then(|marks| marks.trace.as_mut()) {
        trace.waits(stage);
    }
}

/// What came to the answer of an ask.
#[derive(Default)]
pub(crate) struct AnswerCounts {
    pub(crate) answered: AtomicU64,
    /// Second, late, or not asked for.
    pub(crate) unheard: AtomicU64,
}

/// Gives each event to whoever asked; never stalls.
struct AnswerLane<T> {
    ask: u32,
    edge: Arc<EdgeCore>,
    counts: Arc<AnswerCounts>,
    event: PhantomData<fn(T)>,
}

impl<T: Event> Emit for AnswerLane<T> {
    fn emit(&mut self, batch: &mut Batch) {
        let n = batch.len() as u64;
        self.edge.produced.fetch_add(n, Ordering::Relaxed);
        self.edge.offered.fetch_add(n, Ordering::Relaxed);
        let heard = |envelope: Envelope<T>| {
            let ticket = envelope.marks.and_then(|marks| marks.ticket).filter(|ticket| ticket.ask() == self.ask);
            ticket.is_some_and(|ticket| ticket.answer(envelope.event).is_ok())
        };
        let mut batch = batch.open();
        let answered = std::iter::from_fn(|| batch.pop()).map(heard).filter(|&heard| heard).count() as u64;
        self.counts.answered.fetch_add(answered, Ordering::Relaxed);
        if answered < n {
            self.counts.unheard.fetch_add(n - answered, Ordering::Relaxed);
        }
    }

    fn flush(&mut self, _: &Handing<'_>) -> bool {
        true
    }

    fn abandon(&mut self) {}
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

// ---- adapters

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

/// Puts the reason beside each event that was refused.
struct RefusedEmit<T> {
    made: Batch,
    next: Box<dyn Emit>,
    event: PhantomData<fn(T)>,
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
