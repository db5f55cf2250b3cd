use std::collections::VecDeque;

use super::Batch;
use crate::event::Envelope;

/// Events per chunk: the default batch, so that a worker's take is one chunk.
const CHUNK: usize = crate::options::BATCH_MAX;
/// Emptied chunks kept for the next offers: enough for a queue of the default bound.
const SPARES: usize = 16;

/// First in, first out, in chunks: single offers fill the last one, a batch is handed over as a chunk of its own, and a
/// take moves the first one out, so nothing is copied under the lock.
#[derive(Debug)]
pub(crate) struct Plain<T> {
    /// None is empty, but for the last while the queue is empty.
    chunks: VecDeque<Batch<T>>,
    len: usize,
    /// Of the same type as the chunks, to be compiled with them.
    spares: VecDeque<Batch<T>>,
}

impl<T> Plain<T> {
    pub(crate) fn new() -> Self {
        Plain { chunks: VecDeque::new(), len: 0, spares: VecDeque::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn push(&mut self, envelope: Envelope<T>) {
        self.len += 1;
        match self.chunks.back_mut() {
            Some(last) if last.len() < CHUNK => last.push_back(envelope),
            _ => {
                let mut chunk = self.spare();
                chunk.push_back(envelope);
                self.chunks.push_back(chunk);
            }
        }
    }

    /// Many single events, in chunks.
    pub(crate) fn extend(&mut self, events: impl ExactSizeIterator<Item = Envelope<T>>) {
        let mut events = events;
        self.len += events.len();
        while events.len() > 0 {
            match self.chunks.back_mut() {
                Some(last) if last.len() < CHUNK => {
                    let room = CHUNK - last.len();
                    last.extend(events.by_ref().take(room));
                }
                _ => {
                    let empty = self.spare();
                    self.chunks.push_back(empty);
                }
            }
        }
    }

    /// Moves the first `n` of a batch in; all of it by a swap where it is worth a chunk.
    pub(crate) fn append(&mut self, batch: &mut Batch<T>, n: usize) {
        self.len += n;
        let room = self.chunks.back().map_or(0, |last| CHUNK.saturating_sub(last.len()));
        if n <= room {
            let last = self.chunks.back_mut().expect("a chunk with room is there");
            move_first(n, batch, last);
        } else if n == batch.len() {
            let empty = self.spare();
            self.chunks.push_back(std::mem::replace(batch, empty));
        } else {
            let mut chunk = self.spare();
            move_first(n, batch, &mut chunk);
            self.chunks.push_back(chunk);
        }
    }

    pub(crate) fn take(&mut self, most: usize) -> Batch<T> {
        let Some(first) = self.chunks.front_mut() else { return Batch::new() };
        let batch = if first.len() <= most {
            let mut batch = self.chunks.pop_front().expect("a front was seen");
            self.fill(&mut batch, most);
            batch
        } else {
            let mut batch = self.spares.pop_back().unwrap_or_default();
            move_first(most, first, &mut batch);
            batch
        };
        self.len -= batch.len();
        batch
    }

    /// Small chunks come from small batches upstream: join them while a copy of few events saves a whole round.
    fn fill(&mut self, batch: &mut Batch<T>, most: usize) {
        while let Some(next) = self.chunks.front_mut() {
            if batch.len() + next.len() > most || next.len() > CHUNK / 4 {
                return;
            }
            batch.append(next);
            let empty = self.chunks.pop_front().expect("a front was seen");
            self.recycle(empty);
        }
    }

    pub(crate) fn drop_oldest(&mut self) -> Option<Envelope<T>> {
        let first = self.chunks.front_mut()?;
        let oldest = first.pop_front();
        if first.is_empty() {
            let empty = self.chunks.pop_front().expect("a front was seen");
            self.recycle(empty);
        }
        self.len -= usize::from(oldest.is_some());
        oldest
    }

    pub(crate) fn clear(&mut self, gone: &mut Batch<T>) {
        self.len = 0;
        while let Some(mut chunk) = self.chunks.pop_front() {
            gone.append(&mut chunk);
        }
    }

    pub(crate) fn oldest_stamp_ns(&self) -> u64 {
        let Some(first) = self.chunks.front() else { return 0 };
        for envelope in first {
            if envelope.stamp_ns != 0 {
                return envelope.stamp_ns;
            }
        }
        0
    }

    pub(crate) fn recycle(&mut self, empty: Batch<T>) {
        if self.spares.len() < SPARES && empty.capacity() >= CHUNK && empty.is_empty() {
            self.spares.push_back(empty);
        }
    }

    fn spare(&mut self) -> Batch<T> {
        match self.spares.pop_back() {
            Some(empty) => empty,
            None => Batch::with_capacity(CHUNK),
        }
    }
}

/// All of it by a copy; of a part, which few are, one by one: each further way to move events is compiled for every type
/// of event.
fn move_first<T>(n: usize, from: &mut Batch<T>, to: &mut Batch<T>) {
    if n == from.len() {
        to.append(from);
        return;
    }
    for _ in 0..n {
        if let Some(envelope) = from.pop_front() {
            to.push_back(envelope);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(events: std::ops::Range<u32>) -> Batch<u32> {
        events.map(Envelope::new).collect()
    }

    #[test]
    fn order_is_kept_through_single_offers_batches_and_partial_takes() {
        let mut queue = Plain::new();
        (0..70).for_each(|n| queue.push(Envelope::new(n)));
        queue.append(&mut batch(70..200), 130);
        let mut part = batch(200..210);
        queue.append(&mut part, 3);
        assert_eq!(part.len(), 7);
        let mut seen = Vec::new();
        for most in [1, 63, 64, 10, 500, 1, 1000].into_iter().cycle() {
            if queue.len() == 0 {
                break;
            }
            seen.extend(queue.take(most).into_iter().map(|e| e.event));
        }
        assert_eq!(seen, (0..203).collect::<Vec<_>>());
    }

    #[test]
    fn a_whole_batch_is_handed_over_without_a_copy() {
        let mut queue = Plain::new();
        let mut full = batch(0..64);
        let address = full.as_slices().0.as_ptr();
        queue.append(&mut full, 64);
        assert!(full.is_empty());
        assert_eq!(queue.take(64).as_slices().0.as_ptr(), address);
    }

    #[test]
    fn the_oldest_is_dropped_first() {
        let mut queue = Plain::new();
        queue.append(&mut batch(0..3), 3);
        assert_eq!(queue.drop_oldest().map(|e| e.event), Some(0));
        assert_eq!(queue.len(), 2);
    }
}
