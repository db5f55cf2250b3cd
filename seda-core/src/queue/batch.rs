//! A batch of events on its way, without their type: queues, books and lanes are compiled once, and only what looks at
//! the events themselves, handlers and adapters, is compiled for each type of them.

use std::{any::Any, collections::VecDeque};

use crate::event::{Envelope, Event, Marks};

/// Taken from a queue, or made by a handler.
///
/// The events lie by themselves; a stamp or marks, which few of them have, stand apart with their number in the batch.
#[derive(Default)]
pub(crate) struct Batch {
    /// Events that ever left at the front: the number of the first, for what stands apart.
    first: u64,
    len: usize,
    apart: VecDeque<Apart>,
    /// None has no events, and no type yet.
    events: Option<Box<dyn Events>>,
}

/// What an event has beside itself.
#[derive(Debug, Default)]
pub(crate) struct Apart {
    at: u64,
    /// Time of the offer to the present stage in ns; 0 when this one was not sampled.
    pub(crate) stamp_ns: u64,
    pub(crate) marks: Option<Box<Marks>>,
}

/// The events of a batch.
pub(super) trait Events: Any + Send {
    /// None of the same type.
    fn fresh(&self, room: usize) -> Box<dyn Events>;

    fn room(&self) -> usize;

    /// Moves the first `n` to the end of `to`, which has the same type.
    fn move_first(&mut self, n: usize, to: &mut dyn Events);

    /// Moves the last one to the end of `to`, which has the same type.
    fn move_last(&mut self, to: &mut dyn Events);

    fn shelf(&self) -> Box<dyn Shelf>;

    fn clear(&mut self);
}

/// Places in which events are kept one by one.
pub(super) trait Shelf: Any + Send {
    /// Puts the first of `from` into a place that nobody is in, or that is the next new one.
    fn put_first(&mut self, place: usize, from: &mut dyn Events);

    /// Takes the events of these places out, in their order.
    fn take(&mut self, places: &[Place], to: &mut dyn Events);

    fn fresh(&self, room: usize) -> Box<dyn Events>;
}

/// Where an event of a shelf is, and the time of its offer; 0 when it was not sampled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) at: usize,
    pub(super) stamp_ns: u64,
}

impl<T: Event> Events for VecDeque<T> {
    fn fresh(&self, room: usize) -> Box<dyn Events> {
        Box::new(VecDeque::<T>::with_capacity(room))
    }

    fn room(&self) -> usize {
        self.capacity()
    }

    fn move_first(&mut self, n: usize, to: &mut dyn Events) {
        let to = typed::<T>(to);
        if n == self.len() {
            to.append(self);
            return;
        }
        // Of a part, which few are, one by one: each further way to move events is compiled for every type of them.
        for _ in 0..n {
            if let Some(event) = self.pop_front() {
                to.push_back(event);
            }
        }
    }

    fn move_last(&mut self, to: &mut dyn Events) {
        typed::<T>(to).extend(self.pop_back());
    }

    fn shelf(&self) -> Box<dyn Shelf> {
        Box::new(Vec::<Option<T>>::new())
    }

    fn clear(&mut self) {
        VecDeque::clear(self);
    }
}

impl<T: Event> Shelf for Vec<Option<T>> {
    fn put_first(&mut self, place: usize, from: &mut dyn Events) {
        put(self, place, typed::<T>(from).pop_front());
    }

    fn take(&mut self, places: &[Place], to: &mut dyn Events) {
        let to = typed::<T>(to);
        to.extend(places.iter().filter_map(|place| self[place.at].take()));
    }

    fn fresh(&self, room: usize) -> Box<dyn Events> {
        Box::new(VecDeque::<T>::with_capacity(room))
    }
}

/// Puts one into a place that nobody is in, or that is the next new one.
pub(super) fn put<T>(kept: &mut Vec<Option<T>>, place: usize, one: Option<T>) {
    if place == kept.len() { kept.push(one) } else { kept[place] = one }
}

/// Puts one event on a shelf, which is made for the first.
pub(super) fn put_on<T: Event>(shelf: &mut Option<Box<dyn Shelf>>, place: usize, event: T) {
    let shelf: &mut dyn Any = &mut **shelf.get_or_insert_with(|| Box::new(Vec::<Option<T>>::new()));
    put(shelf.downcast_mut().expect(ONE_TYPE), place, Some(event));
}

fn typed<T: Event>(events: &mut dyn Events) -> &mut VecDeque<T> {
    let events: &mut dyn Any = events;
    events.downcast_mut().expect(ONE_TYPE)
}

const ONE_TYPE: &str = "a stage's events have one type";

impl Batch {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn end(&self) -> u64 {
        self.first + self.len as u64
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Events for which there is memory.
    pub(super) fn room(&self) -> usize {
        self.events.as_ref().map_or(0, |events| events.room())
    }

    /// An empty one of the same type.
    pub(super) fn fresh(&self, room: usize) -> Batch {
        Batch { events: self.events.as_ref().map(|events| events.fresh(room)), ..Batch::default() }
    }

    /// Its events, with their type.
    pub(crate) fn open<T: Event>(&mut self) -> Opened<'_, T> {
        let events = self.events.get_or_insert_with(|| Box::new(VecDeque::<T>::new()));
        Opened {
            at: self.first,
            first: &mut self.first,
            len: &mut self.len,
            apart: &mut self.apart,
            events: typed(&mut **events),
        }
    }

    /// For a first event: with room for so many.
    #[inline]
    pub(super) fn open_with_room<T: Event>(&mut self, room: usize) -> Opened<'_, T> {
        if self.events.is_none() {
            self.events = Some(Box::new(VecDeque::<T>::with_capacity(room)));
        }
        self.open()
    }

    /// Of bare events, which are not copied.
    pub(crate) fn of<T: Event>(events: Vec<T>) -> Batch {
        let len = events.len();
        Batch { len, events: Some(Box::new(VecDeque::from(events))), ..Batch::default() }
    }

    /// One event by reference, for what reads it.
    pub(crate) fn event<T: Event>(&self, at: usize) -> Option<&T> {
        let events: &dyn Any = &**self.events.as_ref()?;
        events.downcast_ref::<VecDeque<T>>().expect(ONE_TYPE).get(at)
    }

    /// What stands apart of the first event.
    pub(crate) fn first_apart(&self) -> Option<&Apart> {
        self.apart.front().filter(|apart| apart.at == self.first)
    }

    /// What stands apart, in order, with the number of each event in the batch.
    pub(crate) fn aparts(&self) -> impl Iterator<Item = (usize, &Apart)> {
        self.apart.iter().map(|apart| ((apart.at - self.first) as usize, apart))
    }

    /// The marks of all that have some.
    pub(crate) fn all_marks(&mut self) -> impl Iterator<Item = &mut Option<Box<Marks>>> {
        self.apart.iter_mut().map(|apart| &mut apart.marks).filter(|marks| marks.is_some())
    }

    /// What stands apart of one event, made if it has nothing yet.
    pub(crate) fn apart(&mut self, at: usize) -> &mut Apart {
        let at = self.first + at as u64;
        let index = self.apart.partition_point(|apart| apart.at < at);
        if self.apart.get(index).is_none_or(|apart| apart.at != at) {
            self.apart.insert(index, Apart { at, ..Apart::default() });
        }
        &mut self.apart[index]
    }

    /// The first event, and every `every`th after it, are offered now; what was said before of the time is forgotten.
    pub(crate) fn stamp(&mut self, now_ns: u64, every: usize) {
        self.forget_stamps();
        if self.apart.is_empty() {
            let stamped = (self.first..self.end()).step_by(every);
            self.apart.extend(stamped.map(|at| Apart { at, stamp_ns: now_ns, marks: None }));
            return;
        }
        for at in (0..self.len()).step_by(every) {
            self.apart(at).stamp_ns = now_ns;
        }
    }

    /// Only marks are left apart.
    pub(crate) fn forget_stamps(&mut self) {
        if self.apart.iter().any(|apart| apart.marks.is_some()) {
            self.apart.retain_mut(|apart| {
                apart.stamp_ns = 0;
                apart.marks.is_some()
            });
        } else {
            self.apart.clear();
        }
    }

    /// Moves the first `n` of `from` to the end of this one.
    pub(crate) fn take_first(&mut self, n: usize, from: &mut Batch) {
        let Some(theirs) = &mut from.events else { return };
        let ours = self.events.get_or_insert_with(|| theirs.fresh(n));
        theirs.move_first(n, &mut **ours);
        let shift = (self.first + self.len as u64).wrapping_sub(from.first);
        from.first += n as u64;
        from.len -= n;
        self.len += n;
        while from.apart.front().is_some_and(|apart| apart.at < from.first) {
            let Some(apart) = from.apart.pop_front() else { break };
            self.apart.push_back(Apart { at: apart.at.wrapping_add(shift), ..apart });
        }
    }

    /// Moves the last of `from`, which is not empty, to the end of this one.
    pub(super) fn take_last(&mut self, from: &mut Batch) {
        let Some(theirs) = &mut from.events else { return };
        let ours = self.events.get_or_insert_with(|| theirs.fresh(1));
        theirs.move_last(&mut **ours);
        from.len -= 1;
        let last = from.first + from.len as u64;
        if let Some(apart) = from.apart.pop_back_if(|apart| apart.at == last) {
            let at = self.end();
            self.apart.push_back(Apart { at, ..apart });
        }
        self.len += 1;
    }

    /// All of it, by a swap where this one is empty.
    pub(crate) fn append(&mut self, from: &mut Batch) {
        if self.is_empty() { std::mem::swap(self, from) } else { self.take_first(from.len(), from) }
    }

    pub(crate) fn clear(&mut self) {
        if let Some(events) = &mut self.events {
            events.clear();
        }
        self.len = 0;
        self.apart.clear();
    }

    /// Splits off the events that `ends` says of, by what stands apart of them.
    pub(crate) fn sift(&mut self, ends: impl Fn(&Apart) -> bool) -> Batch {
        let (mut kept, mut gone) = (Batch::default(), Batch::default());
        while !self.is_empty() {
            let to = if self.first_apart().is_some_and(&ends) { &mut gone } else { &mut kept };
            to.take_first(1, self);
        }
        *self = kept;
        gone
    }

    // ---- for the queue that keeps its events on a shelf

    /// Puts the first event on the shelf; gives its marks.
    pub(super) fn first_to(&mut self, place: usize, shelf: &mut Option<Box<dyn Shelf>>) -> Option<Box<Marks>> {
        let events = self.events.as_mut()?;
        shelf.get_or_insert_with(|| events.shelf()).put_first(place, &mut **events);
        let apart = self.apart.pop_front_if(|apart| apart.at == self.first);
        self.first += 1;
        self.len -= 1;
        apart.and_then(|apart| apart.marks)
    }

    /// Takes events from the shelf, with their marks.
    pub(super) fn take_from(&mut self, shelf: &mut dyn Shelf, places: &[Place], marks: &mut [Option<Box<Marks>>]) {
        let events = self.events.get_or_insert_with(|| shelf.fresh(places.len()));
        shelf.take(places, &mut **events);
        for place in places {
            let marks = marks[place.at].take();
            if place.stamp_ns != 0 || marks.is_some() {
                self.apart.push_back(Apart { at: self.end(), stamp_ns: place.stamp_ns, marks });
            }
            self.len += 1;
        }
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batch({} events)", self.len())
    }
}

/// A batch with the type of its events.
///
/// Its counts are brought up to date when it is dropped, also by a panic.
pub(crate) struct Opened<'a, T> {
    /// Number of the first.
    at: u64,
    first: &'a mut u64,
    len: &'a mut usize,
    apart: &'a mut VecDeque<Apart>,
    events: &'a mut VecDeque<T>,
}

impl<T> Opened<'_, T> {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(crate) fn reserve(&mut self, more: usize) {
        self.events.reserve(more);
    }

    #[inline]
    pub(crate) fn push_bare(&mut self, event: T) {
        self.events.push_back(event);
    }

    #[inline]
    pub(crate) fn push(&mut self, envelope: Envelope<T>) {
        let Envelope { event, stamp_ns, marks } = envelope;
        if stamp_ns != 0 || marks.is_some() {
            let at = self.at + self.events.len() as u64;
            self.apart.push_back(Apart { at, stamp_ns, marks });
        }
        self.push_bare(event);
    }

    pub(super) fn extend_bare(&mut self, events: impl Iterator<Item = T>) {
        self.events.extend(events);
    }

    /// Of an event behind all that have one.
    pub(super) fn stamp(&mut self, place: usize, stamp_ns: u64) {
        self.apart.push_back(Apart { at: self.at + place as u64, stamp_ns, marks: None });
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Envelope<T>> {
        let event = self.events.pop_front()?;
        let at = self.at;
        self.at += 1;
        match self.apart.front() {
            Some(next) if next.at == at => {
                let Apart { stamp_ns, marks, .. } = self.apart.pop_front().unwrap_or_default();
                Some(Envelope { event, stamp_ns, marks })
            }
            _ => Some(Envelope { event, stamp_ns: 0, marks: None }),
        }
    }
}

impl<T> Drop for Opened<'_, T> {
    #[inline]
    fn drop(&mut self) {
        (*self.first, *self.len) = (self.at, self.events.len());
    }
}
