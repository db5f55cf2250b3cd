use std::collections::VecDeque;

use super::Batch;
use crate::event::{Envelope, Event};

/// Events per chunk: the default batch, so that a worker's take is one chunk.
const CHUNK: usize = crate::options::BATCH_MAX;
/// Emptied chunks kept for the next offers: enough for a queue of the default bound.
const SPARES: usize = 16;

/// First in, first out, in chunks: single offers fill the last one, a batch is handed over as a chunk of its own, and a
/// take moves the first one out, so nothing is copied under the lock.
#[derive(Debug)]
pub(crate) struct Plain {
    /// None is empty, but for the last while the queue is empty.
    chunks: VecDeque<Batch>,
    len: usize,
    spares: Vec<Batch>,
}

impl Plain {
    pub(crate) fn new() -> Self {
        Plain { chunks: VecDeque::new(), len: 0, spares: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn push<T: Event>(&mut self, envelope: Envelope<T>) {
        self.len += 1;
        self.open_chunk().open_with_room(CHUNK).push(envelope);
    }

    /// Many bare events, in chunks; every so many have a stamp. Copied into memory that the queue keeps: that costs less than
    /// to keep theirs, which another thread would have to free.
    pub(crate) fn extend<T: Event>(&mut self, events: Vec<T>, stamp: Option<(u64, usize)>) {
        self.len += events.len();
        let (mut events, mut at) = (events.into_iter(), 0);
        while events.len() > 0 {
            let chunk = self.open_chunk();
            let room = CHUNK - chunk.len();
            let mut chunk = chunk.open_with_room(CHUNK);
            let (before, most) = (chunk.len(), room.min(events.len()));
            chunk.extend_bare(events.by_ref().take(most));
            if let Some((stamp_ns, every)) = stamp {
                let stamped = (at..at + most).filter(|at| at.is_multiple_of(every));
                stamped.for_each(|number| chunk.stamp(before + number - at, stamp_ns));
            }
            at += most;
        }
    }

    /// The last chunk, which has room for one more.
    #[inline]
    fn open_chunk(&mut self) -> &mut Batch {
        if self.chunks.back().is_none_or(|last| last.len() >= CHUNK) {
            let empty = self.spares.pop().unwrap_or_default();
            self.chunks.push_back(empty);
        }
        self.chunks.back_mut().expect("one was just put there")
    }

    /// Moves the first `n` of a batch in; all of it by a swap where it is worth a chunk.
    pub(crate) fn append(&mut self, batch: &mut Batch, n: usize) {
        self.len += n;
        let room = self.chunks.back().map_or(0, |last| CHUNK.saturating_sub(last.len()));
        if n <= room {
            self.open_chunk().take_first(n, batch);
        } else if n == batch.len() {
            let empty = self.spares.pop().unwrap_or_else(|| batch.fresh(CHUNK));
            self.chunks.push_back(std::mem::replace(batch, empty));
        } else {
            let mut chunk = self.spares.pop().unwrap_or_else(|| batch.fresh(CHUNK));
            chunk.take_first(n, batch);
            self.chunks.push_back(chunk);
        }
    }

    pub(crate) fn take(&mut self, most: usize) -> Batch {
        let Some(first) = self.chunks.front_mut() else { return Batch::default() };
        let batch = if first.len() <= most {
            let mut batch = self.chunks.pop_front().expect("a front was seen");
            self.fill(&mut batch, most);
            batch
        } else {
            let mut batch = self.spares.pop().unwrap_or_default();
            batch.take_first(most, first);
            batch
        };
        self.len -= batch.len();
        batch
    }

    /// Small chunks come from small batches upstream: join them while a copy of few events saves a whole round.
    fn fill(&mut self, batch: &mut Batch, most: usize) {
        while let Some(next) = self.chunks.front_mut() {
            if batch.len() + next.len() > most || next.len() > CHUNK / 4 {
                return;
            }
            batch.take_first(next.len(), next);
            let empty = self.chunks.pop_front().expect("a front was seen");
            self.recycle(empty);
        }
    }

    /// Up to `most` events, the newest first.
    pub(super) fn take_newest(&mut self, most: usize, batch: &mut Batch) {
        let most = most.min(self.len);
        for _ in 0..most {
            // Only the last chunk can be empty, and only while the queue is.
            let Some(last) = self.chunks.back_mut() else { return };
            batch.take_last(last);
            self.len -= 1;
            if last.is_empty() {
                let empty = self.chunks.pop_back().expect("a back was seen");
                self.recycle(empty);
            }
        }
    }

    /// False if there is none, or the oldest was offered at that time or later.
    pub(super) fn drop_stale(&mut self, before_ns: u64, gone: &mut Batch) -> bool {
        let stamp_ns = self.oldest_stamp_ns();
        stamp_ns != 0 && stamp_ns < before_ns && self.drop_oldest(gone)
    }

    /// False if there is none.
    pub(crate) fn drop_oldest(&mut self, gone: &mut Batch) -> bool {
        let Some(first) = self.chunks.front_mut().filter(|first| !first.is_empty()) else { return false };
        gone.take_first(1, first);
        self.len -= 1;
        if first.is_empty() {
            let empty = self.chunks.pop_front().expect("a front was seen");
            self.recycle(empty);
        }
        true
    }

    pub(crate) fn clear(&mut self) -> Batch {
        self.len = 0;
        let mut gone = Batch::default();
        while let Some(mut chunk) = self.chunks.pop_front() {
            gone.append(&mut chunk);
        }
        gone
    }

    pub(crate) fn oldest_stamp_ns(&self) -> u64 {
        let stamps = self.chunks.front().into_iter().flat_map(Batch::aparts).map(|(_, apart)| apart.stamp_ns);
        stamps.into_iter().find(|&stamp_ns| stamp_ns != 0).unwrap_or(0)
    }

    pub(crate) fn recycle(&mut self, empty: Batch) {
        if self.spares.len() < SPARES && empty.room() >= CHUNK && empty.is_empty() {
            self.spares.push(empty);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(events: std::ops::Range<u32>) -> Batch {
        let mut batch = Batch::default();
        events.for_each(|event| batch.open().push_bare(event));
        batch
    }

    fn events(mut batch: Batch) -> Vec<u32> {
        let mut batch = batch.open();
        std::iter::from_fn(|| batch.pop().map(|envelope| envelope.event)).collect()
    }

    #[test]
    fn order_is_kept_through_single_offers_batches_and_partial_takes() {
        let mut queue = Plain::new();
        (0..70).for_each(|n: u32| queue.push(Envelope::new(n)));
        queue.append(&mut batch(70..200), 130);
        let mut part = batch(200..210);
        queue.append(&mut part, 3);
        assert_eq!(part.len(), 7);
        let mut seen = Vec::new();
        for most in [1, 63, 64, 10, 500, 1, 1000].into_iter().cycle() {
            if queue.len() == 0 {
                break;
            }
            seen.extend(events(queue.take(most)));
        }
        assert_eq!(seen, (0..203).collect::<Vec<_>>());
    }

    #[test]
    fn a_whole_batch_is_handed_over_without_a_copy() {
        let mut queue = Plain::new();
        let mut full = batch(0..64);
        let address: *const u32 = full.event(0).unwrap();
        queue.append(&mut full, 64);
        assert!(full.is_empty());
        assert_eq!(queue.take(64).event::<u32>(0).unwrap() as *const u32, address);
    }

    #[test]
    fn what_stands_apart_follows_its_event_through_joins_and_splits() {
        let stamped = |at: u64, event: u32| Envelope { event, stamp_ns: at, marks: None };
        let mut queue = Plain::new();
        (0..100).for_each(|n: u32| queue.push(stamped(if n.is_multiple_of(7) { u64::from(n) + 1 } else { 0 }, n)));
        let mut more = batch(100..140);
        more.stamp(1000, 16);
        queue.append(&mut more, 10);
        queue.append(&mut more, 30);
        for most in [3, 60, 5, 90] {
            let mut taken = queue.take(most);
            let mut taken = taken.open::<u32>();
            while let Some(Envelope { event, stamp_ns, .. }) = taken.pop() {
                let stamp = match event {
                    100 | 116 | 132 => 1000,
                    0..100 if event.is_multiple_of(7) => u64::from(event) + 1,
                    _ => 0,
                };
                assert_eq!(stamp_ns, stamp, "of event {event}");
            }
        }
    }

    #[test]
    fn the_newest_are_taken_from_the_end_through_chunks_with_what_stands_apart() {
        let mut queue = Plain::new();
        (0..70).for_each(|n: u32| queue.push(Envelope { event: n, stamp_ns: u64::from(n) + 1, marks: None }));
        let mut batch = Batch::default();
        queue.take_newest(8, &mut batch);
        let mut opened = batch.open::<u32>();
        let taken: Vec<_> = std::iter::from_fn(|| opened.pop().map(|it| (it.event, it.stamp_ns))).collect();
        assert_eq!(taken, (62..70).rev().map(|n| (n, u64::from(n) + 1)).collect::<Vec<_>>());
        assert_eq!(events(queue.take(100)), (0..62).collect::<Vec<_>>());
        queue.push(Envelope::new(7u32));
        queue.take_newest(9, &mut Batch::default());
        assert_eq!(queue.len(), 0);
        queue.push(Envelope::new(8u32));
        assert_eq!(events(queue.take(9)), [8]);
    }

    #[test]
    fn the_oldest_is_dropped_first() {
        let mut queue = Plain::new();
        queue.append(&mut batch(0..3), 3);
        let mut gone = Batch::default();
        assert!(queue.drop_oldest(&mut gone));
        assert_eq!(events(gone), [0]);
        assert_eq!(queue.len(), 2);
    }
}
