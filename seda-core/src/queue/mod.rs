//! What a stage's queue holds, without its lock: plain data, moved by whole batches.
//!
//! Under one mutex per stage stand the queue, its bound, the counters and the policy. A mutex with batches handed over
//! as whole chunks (a pointer swap, whatever their size) was chosen over a lock-free ring: within 20 % of it for single offers in a spike and
//! faster for batches; byte bounds, classes, keys and a bound that changes while running are plain code, and the
//! crate needs no `unsafe`. Figures: `cargo xtask bench chain`.

mod batch;
mod marked;
mod plain;

pub(crate) use batch::{Apart, Batch, Opened};
pub(crate) use marked::Marked;
pub(crate) use plain::Plain;

/// Of those that waited too long, as many as may leave with one take of newer ones: a short pause under the lock.
const STALE: usize = 64;

/// What was read off an event at the offer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Read {
    pub(crate) key: Option<u64>,
    pub(crate) weight: u64,
    pub(crate) class: u8,
    /// 0 for none.
    pub(crate) tenant: u64,
    /// 0 for none.
    pub(crate) deadline_ns: u64,
}

/// Whose events some are, each list one for each or empty.
#[derive(Debug, Default)]
pub(crate) struct Whose {
    /// 0 for none.
    pub(crate) tenants: Vec<u64>,
    /// Where there is more than one.
    pub(crate) classes: Vec<u8>,
}

impl Whose {
    pub(crate) fn clear(&mut self) {
        self.tenants.clear();
        self.classes.clear();
    }

    fn append(&mut self, more: &mut Whose) {
        self.tenants.append(&mut more.tenants);
        self.classes.append(&mut more.classes);
    }
}

/// A queue: plain first in, first out; or one that knows keys, weights and classes.
#[derive(Debug)]
pub(crate) enum Store {
    Plain(Plain),
    Marked(Box<Marked>),
}

impl Store {
    pub(crate) fn plain() -> Self {
        Store::Plain(Plain::new())
    }

    pub(crate) fn marked(classes: u8) -> Self {
        Store::Marked(Box::new(Marked::new(classes)))
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Store::Plain(queue) => queue.len(),
            Store::Marked(queue) => queue.len(),
        }
    }

    /// Events of lower classes than this one; where there are no classes, none.
    pub(crate) fn below(&self, class: u8) -> usize {
        match self {
            Store::Plain(_) => 0,
            Store::Marked(queue) => queue.below(class),
        }
    }

    /// Events of this class.
    pub(crate) fn beside(&self, class: u8) -> usize {
        match self {
            Store::Plain(queue) => queue.len(),
            Store::Marked(queue) => queue.beside(class),
        }
    }

    /// Whether a worker that looks now may find something; for keys an answer of yes can turn out wrong, and mends itself.
    pub(crate) fn has_work(&self) -> bool {
        match self {
            Store::Plain(queue) => queue.len() > 0,
            Store::Marked(queue) => queue.has_work(),
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Store::Plain(_) => 0,
            Store::Marked(queue) => queue.bytes(),
        }
    }

    /// Earliest stamp known among the oldest events; 0 when none is.
    pub(crate) fn oldest_stamp_ns(&self) -> u64 {
        match self {
            Store::Plain(queue) => queue.oldest_stamp_ns(),
            Store::Marked(queue) => queue.oldest_stamp_ns(),
        }
    }

    /// Moves the first of a batch in.
    pub(crate) fn push_first(&mut self, from: &mut Batch, read: Read) {
        match self {
            Store::Plain(queue) => queue.append(from, 1),
            Store::Marked(queue) => queue.push_first(from, read),
        }
    }

    /// Takes up to `most` events in order; the keys that are now in flight and the weight go beside.
    pub(crate) fn take(&mut self, most: usize, keys: &mut Vec<u64>) -> (Batch, u64) {
        match self {
            Store::Plain(queue) => (queue.take(most), 0),
            Store::Marked(queue) => queue.take(most, keys),
        }
    }

    /// Takes the newest events, up to `most`; before them some of the oldest, those that were offered before a time, so that they
    /// do not stay for good. With their weight.
    pub(crate) fn take_newest(&mut self, most: usize, before_ns: u64) -> (Batch, u64) {
        let (mut batch, mut weight) = (Batch::default(), 0);
        for _ in 0..most.max(STALE) {
            let stale = match self {
                Store::Plain(queue) => queue.drop_stale(before_ns, &mut batch).then_some(0),
                Store::Marked(queue) => queue.drop_stale(before_ns, &mut batch),
            };
            let Some(of_one) = stale else { break };
            weight += of_one;
        }
        weight += match self {
            Store::Plain(queue) => {
                queue.take_newest(most, &mut batch);
                0
            }
            Store::Marked(queue) => queue.take_newest(most, &mut batch),
        };
        (batch, weight)
    }

    /// Moves the event that loses when the oldest must to `gone`, and gives its weight: of the lowest class, the one that
    /// waited longest.
    pub(crate) fn drop_oldest(&mut self, gone: &mut Batch) -> Option<u64> {
        match self {
            Store::Plain(queue) => queue.drop_oldest(gone).then_some(0),
            Store::Marked(queue) => queue.drop_oldest(gone),
        }
    }

    /// Moves whose events were taken since to `to`; nothing where the stage does not say.
    pub(crate) fn whose(&mut self, to: &mut Whose) {
        if let Store::Marked(queue) = self {
            queue.whose(to);
        }
    }

    pub(crate) fn release(&mut self, keys: &mut Vec<u64>) {
        if let Store::Marked(queue) = self {
            queue.release(keys);
        }
    }

    /// Takes everything out, whatever it waits for.
    pub(crate) fn clear(&mut self) -> Batch {
        match self {
            Store::Plain(queue) => queue.clear(),
            Store::Marked(queue) => queue.clear(),
        }
    }

    /// Gives an emptied batch back, for its memory to be used again.
    pub(crate) fn recycle(&mut self, empty: Batch) {
        if let Store::Plain(queue) = self {
            queue.recycle(empty);
        }
    }
}
