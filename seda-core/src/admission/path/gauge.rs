//! What a stage publishes of itself for those before it.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

/// Kinds that one stage tells apart; see [`Kinds`](super::kinds::Kinds).
pub(crate) const KINDS: usize = 16;
/// No bound.
const ANY: u64 = u64::MAX;

/// What a stage publishes of itself. One writer, under the stage's lock, but where it says otherwise; readers want to be near
/// the truth, in no order.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    /// Somebody reads it.
    is_on: AtomicBool,
    pub(super) queued: AtomicU64,
    pub(super) in_hand: AtomicU64,
    pub(super) places: AtomicU64,
    pub(super) busy_ns: AtomicU64,
    /// Events that handlers were done with, those that were taken in, and those that were refused: shed, or found it full.
    pub(super) handled: AtomicU64,
    pub(super) taken_in: AtomicU64,
    pub(super) refused: AtomicU64,
    /// Most events that may wait without one being refused.
    room: AtomicU64,
    objective_ns: AtomicU64,
    /// Events that would have come, and were shed at a stage before; counted by those.
    shed_before: AtomicU64,
    /// Events that came, by who tells their kinds apart; counted by whoever hands them on.
    seen: OnceLock<Box<[Seen]>>,
}

/// One reading.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) queued: u64,
    pub(crate) in_hand: u64,
    pub(crate) places: u64,
    pub(crate) busy_ns: u64,
    pub(crate) handled: u64,
    pub(crate) taken_in: u64,
    pub(crate) refused: u64,
    /// None where nothing that waits is refused.
    pub(crate) room: Option<u64>,
    /// 0 for none.
    pub(crate) objective_ns: u64,
}

/// Events of the kinds that one stage tells apart.
#[derive(Debug)]
pub(crate) struct Seen {
    by: u32,
    came: [AtomicU64; KINDS],
}

impl Seen {
    pub(crate) fn by(stage: u32) -> Self {
        Seen { by: stage, came: Default::default() }
    }
}

impl Gauge {
    pub(crate) fn turn_on(&self) {
        self.is_on.store(true, Relaxed);
    }

    pub(crate) fn is_on(&self) -> bool {
        self.is_on.load(Relaxed)
    }

    pub(crate) fn publish(&self, now: Reading) {
        let all = [&self.queued, &self.in_hand, &self.places, &self.busy_ns, &self.handled, &self.taken_in];
        let values = [now.queued, now.in_hand, now.places, now.busy_ns, now.handled, now.taken_in];
        all.into_iter().zip(values).for_each(|(word, value)| word.store(value, Relaxed));
        self.refused.store(now.refused, Relaxed);
        self.room.store(now.room.unwrap_or(ANY), Relaxed);
        self.objective_ns.store(now.objective_ns, Relaxed);
    }

    pub(super) fn waiting(&self) -> u64 {
        self.queued.load(Relaxed)
    }

    pub(super) fn held(&self) -> u64 {
        self.waiting() + self.in_hand.load(Relaxed)
    }

    /// Most events that may wait there, the free places counted with them; none where nothing bounds them.
    pub(super) fn room(&self) -> Option<u64> {
        let room = self.room.load(Relaxed);
        let free = self.places.load(Relaxed).saturating_sub(self.in_hand.load(Relaxed));
        (room != ANY).then(|| room.saturating_add(free))
    }

    /// 0 for none.
    pub(super) fn objective_ns(&self) -> u64 {
        self.objective_ns.load(Relaxed)
    }

    pub(super) fn shed_before_it(&self, events: u64) {
        self.shed_before.fetch_add(events, Relaxed);
    }

    /// Events that would have come here, and were shed at a stage before: they are demand all the same.
    pub(crate) fn shed_before(&self) -> u64 {
        self.shed_before.load(Relaxed)
    }

    // ---- kinds

    /// These stages tell kinds apart, of events that can come here.
    pub(crate) fn tell_apart(&self, for_stages: impl IntoIterator<Item = u32>) {
        let _ = self.seen.set(for_stages.into_iter().map(Seen::by).collect());
    }

    /// Whether events are to be counted by their kind.
    #[inline]
    pub(crate) fn tells_apart(&self) -> bool {
        self.seen.get().is_some()
    }

    /// One came of that kind of that stage's.
    pub(crate) fn came(&self, by: u32, kind: u8) {
        if let Some(word) = self.word(by, kind) {
            word.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn seen(&self, by: u32, kind: u8) -> u64 {
        self.word(by, kind).map_or(0, |word| word.load(Relaxed))
    }

    fn word(&self, by: u32, kind: u8) -> Option<&AtomicU64> {
        let seen = self.seen.get()?.iter().find(|seen| seen.by == by)?;
        seen.came.get(usize::from(kind))
    }
}
