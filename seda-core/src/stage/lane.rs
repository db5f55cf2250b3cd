//! The lanes of the outbox, one for each link: what could not be handed on yet.

use std::{
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    core::{EdgeCore, StageCore},
    emit::{Emit, Handing},
    inbox::Inbox,
    inner::Spill,
    marking::lose_all,
};
use crate::{
    event::{Envelope, Event, Marks},
    queue::Batch,
    sync::AtomicBool,
    ticket::Loss,
};

/// A lane of the outbox: what one link could not hand on yet.
pub(super) struct Lane {
    waiting: Batch,
    spill: Spill,
    stall: Stall,
    inbox: Arc<Inbox>,
    overflow: Option<Box<dyn Emit>>,
}

impl Lane {
    /// What the link refuses goes to the overflow, where there is one; with the reason, if it tells.
    pub(super) fn new(edge: Arc<EdgeCore>, inbox: Arc<Inbox>, overflow: Option<Box<dyn Emit>>, tells: bool) -> Self {
        let spill = Spill { tells, ..Spill::default() };
        Lane { waiting: Batch::default(), spill, stall: Stall::new(edge), inbox, overflow }
    }
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
pub(super) struct AnswerLane<T> {
    pub(super) ask: u32,
    pub(super) edge: Arc<EdgeCore>,
    pub(super) counts: Arc<AnswerCounts>,
    pub(super) event: PhantomData<fn(T)>,
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
