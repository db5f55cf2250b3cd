//! One offer, and everything that becomes of it.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
};

use super::{board::Board, tallies::Origin, tally::End};
use crate::{event::Lineage, ticket::Loss};

/// One offer, and everything that becomes of it.
pub(super) struct Offered {
    board: Arc<Board>,
    pub(super) id: u64,
    pub(super) entry: usize,
    pub(super) origin: Origin,
    /// Of its client, if it has one.
    pub(super) request: Option<u64>,
    busy_ns: AtomicU64,
    /// When the handler that had it last will return.
    busy_until_ns: AtomicU64,
    fate: AtomicU8,
}

/// What is known of a lineage at its end.
#[derive(Clone, Copy)]
pub(super) struct Ending {
    pub(super) id: u64,
    pub(super) entry: usize,
    pub(super) origin: Origin,
    pub(super) request: Option<u64>,
    pub(super) busy_ns: u64,
    pub(super) end: End,
}

const ON_ITS_WAY: u8 = 0;
/// At the entry.
const REFUSED: u8 = u8::MAX;
const LOST: [End; 5] = [End::Failed, End::Expired, End::Dropped, End::ShedLater, End::Left];

impl Lineage for Offered {
    fn begins(&self, stage: u32, spent_ns: &Cell<u64>) {
        let (at_ns, time_ns, fails) = self.board.begins(self, stage as usize);
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

    /// The entry did not take it: it never was a lineage.
    pub(super) fn refuse(&self) {
        self.fate.store(REFUSED, Ordering::Relaxed);
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
