//! Which stages a kind of event comes to: learnt from what came, of a bounded number of kinds.

use super::gauge::{Gauge, KINDS};

/// Share of a kind's events that must have come to a stage for the next one to come surely.
const SURELY: f64 = 0.9;
/// And below which it is no longer sure: far enough from the other that what is on its way makes no difference.
const NO_MORE: f64 = 0.5;
/// Events of a kind before anything is said of it, and how many are remembered.
const FEW: f64 = 8.0;
const REMEMBERED: f64 = 256.0;
/// A kind that was not offered for so many readings gives its place to a new one.
const SILENT: u32 = 64;

/// The kinds that a stage tells apart.
#[derive(Debug)]
pub(super) struct Kinds {
    /// The stage.
    by: u32,
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    hash: u64,
    /// Readings since it was last offered.
    silent: u32,
    flow: Flow,
}

/// Some events: how many passed the stage, and how many of them came to each station.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    passed: Counter,
    stations: Vec<Came>,
}

#[derive(Clone, Debug, Default)]
struct Came {
    count: Counter,
    surely: bool,
}

/// How much a counter grew, of late.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counter {
    last: u64,
    recent: f64,
}

impl Counter {
    fn starting(last: u64) -> Self {
        Counter { last, recent: 0.0 }
    }

    /// By how much it grew since the last reading.
    pub(super) fn read(&mut self, now: u64) -> f64 {
        let grown = now.wrapping_sub(self.last) as f64;
        self.last = now;
        self.recent += grown;
        grown
    }
}

impl Kinds {
    pub(super) fn new(by: u32) -> Self {
        Kinds { by, known: Vec::new() }
    }

    /// The place of a kind that is offered, if it has one.
    pub(super) fn known(&mut self, hash: u64) -> Option<usize> {
        let at = self.known.iter().position(|known| known.hash == hash)?;
        self.known[at].silent = 0;
        Some(at)
    }

    /// A place for a new kind, if there is one.
    #[cold]
    pub(super) fn welcome(&mut self, hash: u64, own: &Gauge, stations: &[&Gauge]) -> Option<usize> {
        let at = if self.known.len() < KINDS {
            self.known.len()
        } else {
            self.known.iter().position(|known| known.silent > SILENT)?
        };
        let (by, kind) = (self.by, at as u8);
        let flow = Flow::new(own.seen(by, kind), stations.iter().map(|gauge| gauge.seen(by, kind)));
        let known = Known { hash, silent: 0, flow };
        if at == self.known.len() {
            self.known.push(known)
        } else {
            self.known[at] = known
        }
        Some(at)
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether the next event of a kind will come to a station.
    pub(super) fn surely(&self, kind: usize, station: usize) -> bool {
        self.known[kind].flow.surely(station)
    }

    /// Reads anew how many came where.
    pub(super) fn read(&mut self, own: &Gauge, stations: &[&Gauge]) {
        let by = self.by;
        for (at, known) in self.known.iter_mut().enumerate() {
            let kind = at as u8;
            known.silent = known.silent.saturating_add(1);
            known.flow.read(own.seen(by, kind), stations.iter().map(|gauge| gauge.seen(by, kind)));
        }
    }
}

impl Flow {
    pub(super) fn new(passed: u64, came: impl Iterator<Item = u64>) -> Self {
        let came = came.map(|came| Came { count: Counter::starting(came), surely: false });
        Flow { passed: Counter::starting(passed), stations: came.collect() }
    }

    /// Whether the next event will come to a station.
    pub(super) fn surely(&self, station: usize) -> bool {
        self.stations[station].surely
    }

    /// Share of what passes that comes to a station.
    pub(super) fn share(&self, station: usize) -> f64 {
        (self.stations[station].count.recent / self.passed.recent.max(1.0)).min(1.0)
    }

    /// Share of what comes to one that comes to another.
    pub(super) fn share_of(&self, before: usize, station: usize) -> f64 {
        let came = |at: usize| self.stations[at].count.recent;
        (came(station) / came(before).max(1.0)).min(1.0)
    }

    /// So many have passed, and come to each station, until now.
    pub(super) fn read(&mut self, passed: u64, came: impl Iterator<Item = u64>) {
        self.passed.read(passed);
        self.stations.iter_mut().zip(came).for_each(|(station, came)| {
            station.count.read(came);
        });
        self.judge();
    }

    /// By events and not by time: a kind that is shed here comes nowhere, and what is known of it stays.
    fn judge(&mut self) {
        let passed = self.passed.recent;
        if passed < FEW {
            return;
        }
        for came in &mut self.stations {
            let share = came.count.recent / passed;
            came.surely = share >= if came.surely { NO_MORE } else { SURELY };
        }
        if passed > REMEMBERED {
            self.passed.recent *= 0.5;
            self.stations.iter_mut().for_each(|came| came.count.recent *= 0.5);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauges() -> [Gauge; 3] {
        let gauges: [Gauge; 3] = Default::default();
        gauges.iter().for_each(|gauge| gauge.tell_apart([7]));
        gauges
    }

    fn pass(gauge: &Gauge, kind: u8, times: usize) {
        (0..times).for_each(|_| gauge.came(7, kind));
    }

    #[test]
    fn where_a_kind_comes_to_is_learnt_from_what_came_and_kept_while_none_passes() {
        let [own, quick, slow] = gauges();
        let stations = [&quick, &slow];
        let mut kinds = Kinds::new(7);
        let (page, thumb) = (kinds.welcome(11, &own, &stations).unwrap(), kinds.welcome(22, &own, &stations).unwrap());
        pass(&own, 0, 100);
        pass(&quick, 0, 100);
        pass(&own, 1, 10);
        pass(&slow, 1, 10);
        (0..50).for_each(|_| kinds.read(&own, &stations));
        let sure = |kinds: &Kinds, kind| [0, 1].map(|station| kinds.surely(kind, station));
        assert_eq!((sure(&kinds, page), sure(&kinds, thumb)), ([true, false], [false, true]));
        // From now on most thumbnails are in the cache.
        pass(&own, 1, 300);
        kinds.read(&own, &stations);
        assert_eq!(sure(&kinds, thumb), [false, false]);
    }

    #[test]
    fn a_few_events_and_a_kind_too_many_say_nothing() {
        let [own, quick, slow] = gauges();
        let stations = [&quick, &slow];
        let mut kinds = Kinds::new(7);
        let first = kinds.welcome(1, &own, &stations).unwrap();
        pass(&own, 0, 7);
        pass(&slow, 0, 7);
        kinds.read(&own, &stations);
        assert!(!kinds.surely(first, 1));
        for hash in 2..=KINDS as u64 {
            assert!(kinds.welcome(hash, &own, &stations).is_some());
        }
        assert_eq!(kinds.welcome(99, &own, &stations), None);
        (0..100).for_each(|_| kinds.read(&own, &stations));
        assert_eq!(kinds.known(1), Some(0));
        assert_eq!(kinds.welcome(99, &own, &stations), Some(1), "the first that was silent");
    }
}
