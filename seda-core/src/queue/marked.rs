use std::collections::{HashMap, HashSet, VecDeque};

use super::{
    Batch, Read, Whose,
    batch::{Place, Shelf, put, put_on},
};
use crate::event::{Envelope, Event, Marks};

/// One event of so many is of a lower class that waits, for each of them: a little over the 5 % of the capacity that it is to
/// have, as places are not busy all of the time.
const FLOOR: u32 = 18;

/// A queue that knows keys, weights and classes.
///
/// The events lie on a shelf, and [`Order`] knows in which order they go.
pub(crate) struct Marked {
    order: Order,
    /// Made for the first event.
    shelf: Option<Box<dyn Shelf>>,
    /// Their marks, by place.
    marks: Vec<Option<Box<Marks>>>,
}

impl Marked {
    pub(crate) fn new(classes: u8) -> Self {
        Marked { order: Order::new(classes), shelf: None, marks: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.order.in_lanes + self.order.aside
    }

    pub(crate) fn below(&self, class: u8) -> usize {
        self.order.lanes.iter().take(class.into()).map(VecDeque::len).sum()
    }

    pub(crate) fn beside(&self, class: u8) -> usize {
        let lane = usize::from(class).min(self.order.lanes.len() - 1);
        self.order.lanes[lane].len()
    }

    pub(crate) fn has_work(&self) -> bool {
        self.order.in_lanes > 0 || !self.order.freed.is_empty()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.order.bytes
    }

    pub(crate) fn push<T: Event>(&mut self, envelope: Envelope<T>, read: Read) {
        let Envelope { event, stamp_ns, marks } = envelope;
        let place = self.order.push(Mark::of(read, stamp_ns));
        put_on(&mut self.shelf, place, event);
        put(&mut self.marks, place, marks);
    }

    pub(crate) fn push_first(&mut self, from: &mut Batch, read: Read) {
        let stamp_ns = from.first_apart().map_or(0, |apart| apart.stamp_ns);
        let place = self.order.push(Mark::of(read, stamp_ns));
        let marks = from.first_to(place, &mut self.shelf);
        put(&mut self.marks, place, marks);
    }

    pub(crate) fn take(&mut self, most: usize, keys: &mut Vec<u64>) -> (Batch, u64) {
        let (taken, weight) = self.order.take(most, keys);
        let mut batch = Batch::default();
        self.leave(&taken, &mut batch);
        self.order.free(taken);
        (batch, weight)
    }

    /// Up to `most` events, of each class the newest first; gives their weight. Not for keys, whose events have an order.
    pub(super) fn take_newest(&mut self, most: usize, batch: &mut Batch) -> u64 {
        let (taken, weight) = self.order.take_newest(most);
        self.leave(&taken, batch);
        self.order.free(taken);
        weight
    }

    /// Moves one that was offered before that time to `gone`, and gives its weight.
    pub(super) fn drop_stale(&mut self, before_ns: u64, gone: &mut Batch) -> Option<u64> {
        let is_stale = |mark: &Mark| mark.stamp_ns != 0 && mark.stamp_ns < before_ns;
        let lane = self.order.lanes.iter().position(|lane| lane.front().is_some_and(is_stale))?;
        let mark = self.order.drop_front(lane)?;
        self.leave(&[mark.place()], gone);
        Some(mark.weight)
    }

    fn leave(&mut self, places: &[Place], to: &mut Batch) {
        if let Some(shelf) = &mut self.shelf {
            to.take_from(&mut **shelf, places, &mut self.marks);
        }
    }

    pub(crate) fn whose(&mut self, to: &mut Whose) {
        to.append(&mut self.order.whose);
    }

    pub(crate) fn release(&mut self, keys: &mut Vec<u64>) {
        self.order.release(keys);
    }

    /// Gives the weight of the event that went to `gone`.
    pub(crate) fn drop_oldest(&mut self, gone: &mut Batch) -> Option<u64> {
        let mark = self.order.drop_oldest()?;
        self.leave(&[mark.place()], gone);
        Some(mark.weight)
    }

    /// Everything, whatever it waits for, in no order.
    pub(crate) fn clear(&mut self) -> Batch {
        let mut gone = Batch::default();
        let places = self.order.clear();
        self.leave(&places, &mut gone);
        self.shelf = None;
        self.marks.clear();
        gone
    }

    pub(crate) fn oldest_stamp_ns(&self) -> u64 {
        self.order.oldest_stamp_ns()
    }
}

impl std::fmt::Debug for Marked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Marked").field("order", &self.order).finish_non_exhaustive()
    }
}

/// The order of events that it does not see.
///
/// Higher classes go first. Events of one key are handed out in their order and only while no other event of the key is
/// in flight; those that must wait for their key stand aside, so that a slow key stalls nobody else. Keys are compared
/// by their 64-bit hash: two that collide share an order.
#[derive(Debug)]
struct Order {
    /// By class, the lowest first.
    lanes: Vec<VecDeque<Mark>>,
    /// Of each, the events that were taken of others while it had some.
    passed_by: Vec<u32>,
    /// Keys that have an event here or in flight.
    keys: HashMap<u64, Key>,
    /// Keys that came free with events aside, oldest release first.
    freed: VecDeque<u64>,
    in_lanes: usize,
    aside: usize,
    bytes: u64,
    /// Places that nobody is in, below the first that nobody ever was in.
    vacant: Vec<usize>,
    places: usize,
    /// Memory of the last take.
    taken: Vec<Place>,
    /// Of the taken events.
    whose: Whose,
}

/// What the order knows of an event.
#[derive(Clone, Copy, Debug)]
struct Mark {
    key: Option<u64>,
    weight: u64,
    class: u8,
    tenant: u64,
    stamp_ns: u64,
    place: usize,
}

impl Mark {
    fn of(Read { key, weight, class, tenant, .. }: Read, stamp_ns: u64) -> Self {
        Mark { key, weight, class, tenant, stamp_ns, place: 0 }
    }

    fn place(&self) -> Place {
        Place { at: self.place, stamp_ns: self.stamp_ns }
    }
}

#[derive(Debug, Default)]
struct Key {
    /// In flight; a freed key stays held until its events aside are taken.
    held: bool,
    /// Older than all of the key that are in the lanes.
    aside: VecDeque<Mark>,
    in_lanes: usize,
}

impl Order {
    fn new(classes: u8) -> Self {
        Order {
            lanes: (0..classes.max(1)).map(|_| VecDeque::new()).collect(),
            passed_by: vec![0; classes.max(1).into()],
            keys: HashMap::new(),
            freed: VecDeque::new(),
            in_lanes: 0,
            aside: 0,
            bytes: 0,
            vacant: Vec::new(),
            places: 0,
            taken: Vec::new(),
            whose: Whose::default(),
        }
    }

    /// Says in which place the event is to be kept.
    fn push(&mut self, mut mark: Mark) -> usize {
        mark.place = self.vacant.pop().unwrap_or_else(|| {
            self.places += 1;
            self.places - 1
        });
        self.bytes += mark.weight;
        if let Some(hash) = mark.key {
            let key = self.keys.entry(hash).or_default();
            // Straight aside, so that no worker looks for it in vain; but never past an older one in the lanes.
            if key.held && key.in_lanes == 0 {
                self.aside += 1;
                key.aside.push_back(mark);
                return mark.place;
            }
            key.in_lanes += 1;
        }
        self.in_lanes += 1;
        let lane = usize::from(mark.class).min(self.lanes.len() - 1);
        self.lanes[lane].push_back(mark);
        mark.place
    }

    /// The places of up to `most` events in order, and their weight. To be given back by [`free`](Self::free).
    fn take(&mut self, most: usize, keys: &mut Vec<u64>) -> (Vec<Place>, u64) {
        let mut taken = self.taken(most);
        let mut mine = HashSet::new();
        self.take_freed(&mut taken, keys, &mut mine);
        while taken.has_room() {
            let Some(mark) = self.next_lane().and_then(|lane| self.lanes[lane].pop_front()) else { break };
            self.in_lanes -= 1;
            let Some(hash) = mark.key else {
                taken.add(mark);
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
                key.aside.push_back(mark);
                continue;
            }
            taken.add(mark);
        }
        self.bytes -= taken.weight;
        self.whose = taken.whose;
        (taken.places, taken.weight)
    }

    /// With the memory of the last one.
    fn taken(&mut self, most: usize) -> Taken {
        let (places, whose) = (std::mem::take(&mut self.taken), std::mem::take(&mut self.whose));
        Taken { places, whose, classes: self.lanes.len(), weight: 0, most }
    }

    /// The same from the other end.
    fn take_newest(&mut self, most: usize) -> (Vec<Place>, u64) {
        let mut taken = self.taken(most);
        while taken.has_room() {
            let Some(mark) = self.next_lane().and_then(|lane| self.lanes[lane].pop_back()) else { break };
            self.in_lanes -= 1;
            taken.add(mark);
        }
        self.bytes -= taken.weight;
        self.whose = taken.whose;
        (taken.places, taken.weight)
    }

    /// The highest class that has any; but for one that has been passed by for long.
    fn next_lane(&mut self) -> Option<usize> {
        let top = self.lanes.iter().rposition(|lane| !lane.is_empty())?;
        if self.in_lanes == self.lanes[top].len() {
            return Some(top);
        }
        let is_due = |lane: usize| !self.lanes[lane].is_empty() && self.passed_by[lane] + 1 >= FLOOR;
        let lane = (0..top).rev().find(|&lane| is_due(lane)).unwrap_or(top);
        for (passed_by, waiting) in self.passed_by.iter_mut().zip(&self.lanes) {
            *passed_by = if waiting.is_empty() { 0 } else { *passed_by + 1 };
        }
        self.passed_by[lane] = 0;
        Some(lane)
    }

    fn free(&mut self, mut taken: Vec<Place>) {
        self.vacant.extend(taken.drain(..).map(|place| place.at));
        self.taken = taken;
    }

    /// Events that stood aside go before those in the lanes: they are older, and of one key they must.
    fn take_freed(&mut self, taken: &mut Taken, keys: &mut Vec<u64>, mine: &mut HashSet<u64>) {
        while taken.has_room() {
            let Some(hash) = self.freed.pop_front() else { return };
            let key = self.keys.get_mut(&hash).expect("a freed key is held until its events are taken");
            while taken.has_room() {
                let Some(mark) = key.aside.pop_front() else { break };
                self.aside -= 1;
                taken.add(mark);
            }
            // Younger events of the key may follow in this batch only once none older stands aside.
            if key.aside.is_empty() {
                mine.insert(hash);
            }
            keys.push(hash);
        }
    }

    fn release(&mut self, keys: &mut Vec<u64>) {
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

    fn drop_oldest(&mut self) -> Option<Mark> {
        match self.lanes.iter().position(|lane| !lane.is_empty()) {
            Some(lane) => self.drop_front(lane),
            None => self.drop_aside(),
        }
    }

    /// The oldest of a lane.
    fn drop_front(&mut self, lane: usize) -> Option<Mark> {
        let mark = self.lanes[lane].pop_front()?;
        self.in_lanes -= 1;
        self.bytes -= mark.weight;
        if let Some(hash) = mark.key {
            self.keys.entry(hash).or_default().in_lanes -= 1;
            self.forget_if_gone(hash);
        }
        self.vacant.push(mark.place);
        Some(mark)
    }

    /// Only events that wait for their key are left.
    fn drop_aside(&mut self) -> Option<Mark> {
        // By the smallest key hash and not in the map's order, so that a simulation replays.
        let waiting = self.keys.iter_mut().filter(|(_, key)| !key.aside.is_empty());
        let (&hash, key) = waiting.min_by_key(|(hash, _)| **hash)?;
        let mark = key.aside.pop_front()?;
        self.aside -= 1;
        self.bytes -= mark.weight;
        let freed = self.freed.iter().position(|&freed| freed == hash);
        if let (Some(at), true) = (freed, key.aside.is_empty()) {
            // Nobody has the key in flight, and nothing of it is left to hand out first.
            key.held = false;
            self.freed.remove(at);
            self.forget_if_gone(hash);
        }
        self.vacant.push(mark.place);
        Some(mark)
    }

    /// The places of all that was there.
    fn clear(&mut self) -> Vec<Place> {
        let aside = self.keys.values().flat_map(|key| &key.aside);
        let places = self.lanes.iter().flatten().chain(aside).map(Mark::place).collect();
        *self = Order::new(self.lanes.len() as u8);
        places
    }

    fn oldest_stamp_ns(&self) -> u64 {
        let fronts = self.lanes.iter().filter_map(VecDeque::front);
        let aside = self.keys.values().filter_map(|key| key.aside.front());
        fronts.chain(aside).map(|mark| mark.stamp_ns).filter(|&stamp| stamp != 0).min().unwrap_or(0)
    }
}

struct Taken {
    places: Vec<Place>,
    whose: Whose,
    classes: usize,
    weight: u64,
    most: usize,
}

impl Taken {
    fn has_room(&self) -> bool {
        self.places.len() < self.most
    }

    fn add(&mut self, mark: Mark) {
        self.weight += mark.weight;
        if mark.tenant != 0 {
            self.whose.tenants.push(mark.tenant);
        }
        if self.classes > 1 {
            self.whose.classes.push(mark.class);
        }
        self.places.push(mark.place());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(queue: &mut Marked, event: u32, key: u64) {
        queue.push(Envelope::new(event), Read { key: Some(key), weight: 10, ..Read::default() });
    }

    fn events(mut batch: Batch) -> Vec<u32> {
        let mut batch = batch.open();
        std::iter::from_fn(|| batch.pop().map(|envelope| envelope.event)).collect()
    }

    #[test]
    fn a_key_in_flight_stalls_only_its_own_events() {
        let mut queue = Marked::new(1);
        [(1, 7), (2, 7), (3, 8), (4, 7)].into_iter().for_each(|(e, k)| push(&mut queue, e, k));
        let (mut first, mut second) = (Vec::new(), Vec::new());
        assert_eq!(events(queue.take(1, &mut first).0), [1]);
        assert_eq!(events(queue.take(9, &mut second).0), [3]);
        assert!(!queue.has_work());
        push(&mut queue, 5, 7);
        queue.release(&mut first);
        assert_eq!(events(queue.take(9, &mut first).0), [2, 4, 5]);
        assert_eq!((queue.len(), queue.bytes()), (0, 0));
    }

    #[test]
    fn an_event_offered_while_its_key_is_in_flight_does_not_pass_an_older_one() {
        let mut queue = Marked::new(1);
        [1, 2].into_iter().for_each(|e| push(&mut queue, e, 7));
        let mut keys = Vec::new();
        assert_eq!(events(queue.take(1, &mut keys).0), [1]);
        push(&mut queue, 3, 7);
        queue.release(&mut keys);
        assert_eq!(events(queue.take(9, &mut keys).0), [2, 3]);
        queue.release(&mut keys);
        assert!(queue.order.keys.is_empty(), "nothing is kept for keys that are gone");
    }

    #[test]
    fn a_freed_key_keeps_its_order_when_a_take_is_too_small_for_it() {
        let mut queue = Marked::new(1);
        (0..5).for_each(|e| push(&mut queue, e, 1));
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
        for (event, class) in [(1u32, 0), (2, 2), (3, 1), (4, 9)] {
            queue.push(Envelope::new(event), Read { weight: 1, class, ..Read::default() });
        }
        let mut gone = Batch::default();
        queue.drop_oldest(&mut gone);
        assert_eq!(events(gone), [1]);
        assert_eq!(events(queue.take(9, &mut Vec::new()).0), [2, 4, 3]);
    }

    #[test]
    fn the_newest_of_the_highest_class_goes_first_and_the_stale_leave_wherever_they_are() {
        let mut queue = Marked::new(2);
        for (event, class, stamp_ns) in [(1u32, 1, 10), (2, 0, 20), (3, 1, 30), (4, 1, 40)] {
            queue.push(Envelope { event, stamp_ns, marks: None }, Read { class, weight: 5, ..Read::default() });
        }
        let mut gone = Batch::default();
        assert_eq!(queue.drop_stale(15, &mut gone), Some(5));
        assert_eq!(queue.drop_stale(15, &mut gone), None);
        assert_eq!(events(gone), [1]);
        let mut batch = Batch::default();
        assert_eq!(queue.take_newest(9, &mut batch), 15);
        assert_eq!((events(batch), queue.len(), queue.bytes()), (vec![4, 3, 2], 0, 0));
    }

    #[test]
    fn a_lower_class_that_waits_gets_one_in_eighteen() {
        let mut queue = Marked::new(2);
        for class in [0, 1] {
            (0..100u32).for_each(|_| {
                queue.push(Envelope::new(u32::from(class)), Read { class, ..Read::default() });
            });
        }
        let taken: Vec<u32> = (0..72).flat_map(|_| events(queue.take(1, &mut Vec::new()).0)).collect();
        let low: Vec<usize> = (0..72).filter(|&at| taken[at] == 0).collect();
        assert_eq!(low, [17, 35, 53, 71]);
    }
}
