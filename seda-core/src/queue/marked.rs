use std::collections::{HashMap, HashSet, VecDeque};

use super::{Batch, Item};
use crate::event::Envelope;

/// A queue that knows keys, weights and classes.
///
/// Higher classes go first. Events of one key are handed out in their order and only while no other event of the key is
/// in flight; those that must wait for their key stand aside, so that a slow key stalls nobody else. Keys are compared
/// by their 64-bit hash: two that collide share an order.
#[derive(Debug)]
pub(crate) struct Marked<T> {
    /// By class, the lowest first.
    lanes: Vec<VecDeque<Item<T>>>,
    /// Keys that have an event here or in flight.
    keys: HashMap<u64, Key<T>>,
    /// Keys that came free with events aside, oldest release first.
    freed: VecDeque<u64>,
    in_lanes: usize,
    aside: usize,
    bytes: u64,
}

#[derive(Debug)]
struct Key<T> {
    /// In flight; a freed key stays held until its events aside are taken.
    held: bool,
    /// Older than all of the key that are in the lanes.
    aside: VecDeque<Item<T>>,
    in_lanes: usize,
}

impl<T> Default for Key<T> {
    fn default() -> Self {
        Key { held: false, aside: VecDeque::new(), in_lanes: 0 }
    }
}

impl<T> Marked<T> {
    pub(crate) fn new(classes: u8) -> Self {
        Marked {
            lanes: (0..classes.max(1)).map(|_| VecDeque::new()).collect(),
            keys: HashMap::new(),
            freed: VecDeque::new(),
            in_lanes: 0,
            aside: 0,
            bytes: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.in_lanes + self.aside
    }

    pub(crate) fn has_work(&self) -> bool {
        self.in_lanes > 0 || !self.freed.is_empty()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn push(&mut self, item: Item<T>) {
        self.bytes += item.weight;
        if let Some(hash) = item.key {
            let key = self.keys.entry(hash).or_default();
            // Straight aside, so that no worker looks for it in vain; but never past an older one in the lanes.
            if key.held && key.in_lanes == 0 {
                self.aside += 1;
                key.aside.push_back(item);
                return;
            }
            key.in_lanes += 1;
        }
        self.in_lanes += 1;
        let lane = usize::from(item.class).min(self.lanes.len() - 1);
        self.lanes[lane].push_back(item);
    }

    pub(crate) fn take(&mut self, most: usize, keys: &mut Vec<u64>) -> (Batch<T>, u64) {
        let mut taken = Taken { batch: Batch::new(), weight: 0, most };
        let mut mine = HashSet::new();
        self.take_freed(&mut taken, keys, &mut mine);
        for lane in (0..self.lanes.len()).rev() {
            while taken.has_room() {
                let Some(item) = self.lanes[lane].pop_front() else { break };
                self.in_lanes -= 1;
                let Some(hash) = item.key else {
                    taken.add(item);
                    continue;
                };
                let key = self.keys.get_mut(&hash).expect("a key with an event in the lanes is known");
                key.in_lanes -= 1;
                if !key.held {
                    key.held = true;
                    mine.insert(hash);
                    keys.push(hash);
                } else if !mine.contains(&hash) {
                    self.aside += 1;
                    key.aside.push_back(item);
                    continue;
                }
                taken.add(item);
            }
        }
        self.bytes -= taken.weight;
        (taken.batch, taken.weight)
    }

    /// Events that stood aside go before those in the lanes: they are older, and of one key they must.
    fn take_freed(&mut self, taken: &mut Taken<T>, keys: &mut Vec<u64>, mine: &mut HashSet<u64>) {
        while taken.has_room() {
            let Some(hash) = self.freed.pop_front() else { return };
            let key = self.keys.get_mut(&hash).expect("a freed key is held until its events are taken");
            while taken.has_room() {
                let Some(item) = key.aside.pop_front() else { break };
                self.aside -= 1;
                taken.add(item);
            }
            // Younger events of the key may follow in this batch only once none older stands aside.
            if key.aside.is_empty() {
                mine.insert(hash);
            }
            keys.push(hash);
        }
    }

    pub(crate) fn release(&mut self, keys: &mut Vec<u64>) {
        for hash in keys.drain(..) {
            let Some(key) = self.keys.get_mut(&hash) else { continue };
            if key.aside.is_empty() {
                key.held = false;
                self.forget_if_gone(hash);
            } else {
                self.freed.push_back(hash);
            }
        }
    }

    fn forget_if_gone(&mut self, hash: u64) {
        if self.keys.get(&hash).is_some_and(|key| !key.held && key.in_lanes == 0) {
            self.keys.remove(&hash);
        }
    }

    pub(crate) fn drop_oldest(&mut self) -> Option<(Envelope<T>, u64)> {
        let Some(lane) = self.lanes.iter_mut().find(|lane| !lane.is_empty()) else { return self.drop_aside() };
        let item = lane.pop_front()?;
        self.in_lanes -= 1;
        self.bytes -= item.weight;
        if let Some(hash) = item.key {
            self.keys.entry(hash).or_default().in_lanes -= 1;
            self.forget_if_gone(hash);
        }
        Some((item.envelope, item.weight))
    }

    /// Only events that wait for their key are left.
    fn drop_aside(&mut self) -> Option<(Envelope<T>, u64)> {
        // By the smallest key hash and not in the map's order, so that a simulation replays.
        let waiting = self.keys.iter_mut().filter(|(_, key)| !key.aside.is_empty());
        let (&hash, key) = waiting.min_by_key(|(hash, _)| **hash)?;
        let item = key.aside.pop_front()?;
        self.aside -= 1;
        self.bytes -= item.weight;
        let freed = self.freed.iter().position(|&freed| freed == hash);
        if let (Some(at), true) = (freed, key.aside.is_empty()) {
            // Nobody has the key in flight, and nothing of it is left to hand out first.
            key.held = false;
            self.freed.remove(at);
            self.forget_if_gone(hash);
        }
        Some((item.envelope, item.weight))
    }

    pub(crate) fn clear(&mut self) -> Vec<Envelope<T>> {
        (self.in_lanes, self.aside, self.bytes) = (0, 0, 0);
        self.freed.clear();
        let aside = self.keys.drain().flat_map(|(_, key)| key.aside);
        self.lanes.iter_mut().flat_map(|lane| lane.drain(..)).chain(aside).map(|item| item.envelope).collect()
    }

    pub(crate) fn oldest_stamp_ns(&self) -> u64 {
        let fronts = self.lanes.iter().filter_map(VecDeque::front);
        let aside = self.keys.values().filter_map(|key| key.aside.front());
        fronts.chain(aside).map(|item| item.envelope.stamp_ns).filter(|&stamp| stamp != 0).min().unwrap_or(0)
    }
}

struct Taken<T> {
    batch: Batch<T>,
    weight: u64,
    most: usize,
}

impl<T> Taken<T> {
    fn has_room(&self) -> bool {
        self.batch.len() < self.most
    }

    fn add(&mut self, item: Item<T>) {
        self.weight += item.weight;
        self.batch.push_back(item.envelope);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(event: u32, key: u64) -> Item<u32> {
        Item { envelope: Envelope::new(event), key: Some(key), weight: 10, class: 0 }
    }

    fn events(batch: Batch<u32>) -> Vec<u32> {
        batch.into_iter().map(|e| e.event).collect()
    }

    #[test]
    fn a_key_in_flight_stalls_only_its_own_events() {
        let mut queue = Marked::new(1);
        [(1, 7), (2, 7), (3, 8), (4, 7)].into_iter().for_each(|(e, k)| queue.push(item(e, k)));
        let (mut first, mut second) = (Vec::new(), Vec::new());
        assert_eq!(events(queue.take(1, &mut first).0), [1]);
        assert_eq!(events(queue.take(9, &mut second).0), [3]);
        assert!(!queue.has_work());
        queue.push(item(5, 7));
        queue.release(&mut first);
        assert_eq!(events(queue.take(9, &mut first).0), [2, 4, 5]);
        assert_eq!((queue.len(), queue.bytes()), (0, 0));
    }

    #[test]
    fn an_event_offered_while_its_key_is_in_flight_does_not_pass_an_older_one() {
        let mut queue = Marked::new(1);
        [1, 2].into_iter().for_each(|e| queue.push(item(e, 7)));
        let mut keys = Vec::new();
        assert_eq!(events(queue.take(1, &mut keys).0), [1]);
        queue.push(item(3, 7));
        queue.release(&mut keys);
        assert_eq!(events(queue.take(9, &mut keys).0), [2, 3]);
        queue.release(&mut keys);
        assert!(queue.keys.is_empty(), "nothing is kept for keys that are gone");
    }

    #[test]
    fn a_freed_key_keeps_its_order_when_a_take_is_too_small_for_it() {
        let mut queue = Marked::new(1);
        (0..5).for_each(|e| queue.push(item(e, 1)));
        let (mut first, mut second) = (Vec::new(), Vec::new());
        queue.take(1, &mut first);
        assert!(queue.take(1, &mut second).0.is_empty());
        queue.release(&mut first);
        assert_eq!(events(queue.take(2, &mut first).0), [1, 2]);
        assert!(queue.take(9, &mut second).0.is_empty(), "the rest waits for the key");
        queue.release(&mut first);
        assert_eq!(events(queue.take(9, &mut first).0), [3, 4]);
    }

    #[test]
    fn higher_classes_go_first_and_the_lowest_is_dropped_first() {
        let mut queue = Marked::new(3);
        for (event, class) in [(1, 0), (2, 2), (3, 1), (4, 9)] {
            queue.push(Item { envelope: Envelope::new(event), key: None, weight: 1, class });
        }
        assert_eq!(queue.drop_oldest().map(|(e, _)| e.event), Some(1));
        assert_eq!(events(queue.take(9, &mut Vec::new()).0), [2, 4, 3]);
    }
}
