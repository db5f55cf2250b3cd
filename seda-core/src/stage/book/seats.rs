//! The places of a stage for workers: which are free, which hold what could not be handed on, and which can go on.

use std::collections::VecDeque;

use crate::queue::Whose;

#[derive(Debug, Default)]
pub(crate) struct Seats {
    seats: Vec<Seat>,
    /// As many as the numbers of the start allow.
    most: u32,
    free: Vec<u32>,
    resumable: VecDeque<u32>,
    /// Those that hold nothing but what they could not hand on.
    stalled: Vec<u32>,
    in_use: usize,
    /// Whose events are in hand, by place.
    whose: Vec<Whose>,
}

/// Where a place for a worker stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seat {
    Free,
    Busy,
    /// Room came for it while it was still busy finding that there was none.
    BusyAndResumed,
    /// Holds what it could not hand on, or waits for the data-parallel pool or an async handler; no worker is with it.
    Aside,
    /// The same, and it can go on.
    Resumable,
}

impl Seats {
    pub(super) fn at_most(&mut self, most: u32) {
        self.most = most;
    }

    /// Places whose state exists; set at start for those that were built then.
    pub(crate) fn open(&mut self, places: u32) {
        self.seats = vec![Seat::Free; places as usize];
        self.free = (0..places).rev().collect();
    }

    /// Those that were ever used or opened at the start.
    pub(crate) fn len(&self) -> usize {
        self.seats.len()
    }

    /// From take to slot free; a stalled one counts.
    pub(crate) fn in_use(&self) -> usize {
        self.in_use
    }

    pub(super) fn stalled(&self) -> usize {
        self.stalled.len()
    }

    /// The one used last, whose state is warm.
    pub(super) fn take(&mut self) -> Option<u32> {
        let place = match self.free.pop() {
            Some(place) => place,
            None if self.seats.len() == self.most as usize => return None,
            None => {
                self.seats.push(Seat::Free);
                self.seats.len() as u32 - 1
            }
        };
        self.occupy(place);
        Some(place)
    }

    /// This very one, which is free.
    pub(super) fn take_this(&mut self, place: u32) {
        self.free.retain(|&free| free != place);
        self.occupy(place);
    }

    fn occupy(&mut self, place: u32) {
        self.seats[place as usize] = Seat::Busy;
        self.in_use += 1;
    }

    pub(super) fn any_resumable(&self) -> bool {
        !self.resumable.is_empty()
    }

    pub(super) fn take_resumable(&mut self) -> Option<u32> {
        let place = self.resumable.pop_front()?;
        self.seats[place as usize] = Seat::Busy;
        Some(place)
    }

    pub(crate) fn free(&mut self, place: u32) {
        self.stalled.retain(|&stalled| stalled != place);
        self.in_use -= 1;
        self.seats[place as usize] = Seat::Free;
        self.free.push(place);
    }

    /// A place for an event that sets out from another one; no worker is with it.
    pub(crate) fn detach(&mut self, from: u32) -> u32 {
        let place = self.take().expect("there are places for as many as may set out, and for the workers");
        self.set_aside(place);
        let whose = std::mem::take(self.whose(from));
        *self.whose(place) = whose;
        place
    }

    /// The worker leaves the place with what it could not hand on.
    pub(crate) fn stall(&mut self, place: u32) {
        if !self.stalled.contains(&place) {
            self.stalled.push(place);
        }
        self.set_aside(place);
    }

    /// No worker is with the place until it is resumed.
    pub(crate) fn set_aside(&mut self, place: u32) {
        let seat = &mut self.seats[place as usize];
        if *seat == Seat::BusyAndResumed {
            *seat = Seat::Resumable;
            self.resumable.push_back(place);
        } else {
            *seat = Seat::Aside;
        }
    }

    /// Room came, or a batch came back from the pool. A place that needs neither any more is left alone.
    pub(crate) fn resume(&mut self, place: u32) {
        let seat = &mut self.seats[place as usize];
        match *seat {
            Seat::Aside => {
                *seat = Seat::Resumable;
                self.resumable.push_back(place);
            }
            Seat::Busy => *seat = Seat::BusyAndResumed,
            Seat::Free | Seat::BusyAndResumed | Seat::Resumable => {}
        }
    }

    /// Whose events this place holds.
    pub(crate) fn whose(&mut self, place: u32) -> &mut Whose {
        let place = place as usize;
        if self.whose.len() <= place {
            self.whose.resize_with(place + 1, Whose::default);
        }
        &mut self.whose[place]
    }

    /// The same, taken; nothing where there never were any.
    pub(super) fn take_whose(&mut self, place: u32) -> Whose {
        self.whose.get_mut(place as usize).map(std::mem::take).unwrap_or_default()
    }

    /// Their memory back.
    pub(super) fn keep_whose(&mut self, place: u32, mut whose: Whose) {
        if let Some(kept) = self.whose.get_mut(place as usize) {
            whose.clear();
            *kept = whose;
        }
    }
}
