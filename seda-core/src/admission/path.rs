//! What stands before an event behind the stage that it is offered to: the tightest stage that it will come to decides at the
//! entry, as what is shed further down was worked on in vain.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Share of what the stage passes on that must come to another one for that to count: an event surely will.
const SURELY: f64 = 0.9;
/// Readings per objective.
const READINGS: u64 = 4;
/// Weight of the past in a reading.
const PAST: f64 = 0.8;

/// What a stage publishes of itself. One writer, under the stage's lock; readers want to be near the truth, in no order.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    queued: AtomicU64,
    in_hand: AtomicU64,
    places: AtomicU64,
    busy_ns: AtomicU64,
    /// Events that handlers were done with, and those that were taken in.
    handled: AtomicU64,
    taken_in: AtomicU64,
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
}

impl Gauge {
    pub(crate) fn publish(&self, now: Reading) {
        let all = [&self.queued, &self.in_hand, &self.places, &self.busy_ns, &self.handled, &self.taken_in];
        let values = [now.queued, now.in_hand, now.places, now.busy_ns, now.handled, now.taken_in];
        all.into_iter().zip(values).for_each(|(word, value)| word.store(value, Ordering::Relaxed));
    }

    fn waiting(&self) -> u64 {
        self.queued.load(Ordering::Relaxed)
    }

    fn held(&self) -> u64 {
        self.waiting() + self.in_hand.load(Ordering::Relaxed)
    }
}

/// The tightest stage that every event of this one comes to, and what stands before it. Times in ns.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Ahead {
    /// Events on their way to it that have left this stage's queue and hands, those that wait there included.
    pub events: usize,
    /// Time between two events there while it is busy.
    pub each_ns: u64,
    /// Mean time in handlers between this stage and it.
    pub before_ns: u64,
    /// Mean time in handlers behind this stage, to the end.
    pub service_ns: u64,
}

/// The stages behind one, in the order in which events come to them.
#[derive(Debug)]
pub(crate) struct Path {
    own: Arc<Gauge>,
    stations: Vec<Station>,
    taken_in: Trend,
    every_ns: u64,
    next_ns: u64,
    /// Index of the tightest, with what was reckoned of it.
    tightest: Option<(usize, Ahead)>,
}

#[derive(Debug)]
struct Station {
    gauge: Arc<Gauge>,
    busy_ns: Trend,
    handled: Trend,
    taken_in: Trend,
}

/// How much a counter grew of late.
#[derive(Debug, Default)]
struct Trend {
    last: u64,
    recent: f64,
}

impl Trend {
    fn read(&mut self, word: &AtomicU64) -> f64 {
        let now = word.load(Ordering::Relaxed);
        self.recent = PAST * self.recent + now.wrapping_sub(self.last) as f64;
        self.last = now;
        self.recent
    }
}

impl Path {
    pub(crate) fn new(own: Arc<Gauge>, behind: impl IntoIterator<Item = Arc<Gauge>>, objective_ns: u64) -> Self {
        let station =
            |gauge| Station { gauge, busy_ns: Trend::default(), handled: Trend::default(), taken_in: Trend::default() };
        Path {
            own,
            stations: behind.into_iter().map(station).collect(),
            taken_in: Trend::default(),
            every_ns: (objective_ns / READINGS).max(1),
            next_ns: 0,
            tightest: None,
        }
    }

    /// Where an offer of this moment stands. A few loads; every quarter of an objective the stations are read anew.
    pub(crate) fn ahead(&mut self, now_ns: u64) -> Option<Ahead> {
        if now_ns >= self.next_ns {
            self.next_ns = now_ns.saturating_add(self.every_ns);
            self.read();
        }
        let (at, ahead) = self.tightest?;
        let before: u64 = self.stations[..at].iter().map(|station| station.gauge.held()).sum();
        Some(Ahead { events: (before + self.stations[at].gauge.waiting()) as usize, ..ahead })
    }

    #[cold]
    fn read(&mut self) {
        let passed = self.taken_in.read(&self.own.handled);
        let (mut service, mut tightest): (f64, Option<(usize, Ahead)>) = (0.0, None);
        for (at, station) in self.stations.iter_mut().enumerate() {
            let gauge = &station.gauge;
            let (busy_ns, handled) = (station.busy_ns.read(&gauge.busy_ns), station.handled.read(&gauge.handled));
            let taken_in = station.taken_in.read(&gauge.taken_in);
            if handled < 1.0 || taken_in < SURELY * passed {
                continue;
            }
            let mean = busy_ns / handled;
            let each_ns = (mean / gauge.places.load(Ordering::Relaxed).max(1) as f64) as u64;
            if tightest.is_none_or(|(_, other)| other.each_ns < each_ns) {
                tightest = Some((at, Ahead { each_ns, before_ns: service as u64, ..Ahead::default() }));
            }
            service += mean;
        }
        self.tightest = tightest.map(|(at, ahead)| (at, Ahead { service_ns: service as u64, ..ahead }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One place, and so many events a second at so long each.
    fn busy(gauge: &Gauge, queued: u64, handled: u64, each_ns: u64) {
        let busy_ns = handled * each_ns;
        gauge.publish(Reading { queued, in_hand: 1, places: 1, busy_ns, handled, taken_in: handled + queued + 1 });
    }

    #[test]
    fn the_slowest_stage_that_all_come_to_is_the_tightest_and_all_before_it_stand_before_it() {
        let gauges: Vec<Arc<Gauge>> = (0..4).map(|_| Arc::default()).collect();
        let mut path = Path::new(gauges[0].clone(), gauges[1..].to_vec(), 400);
        busy(&gauges[0], 0, 100, 10);
        busy(&gauges[1], 2, 100, 10);
        busy(&gauges[2], 7, 90, 40);
        busy(&gauges[3], 0, 89, 10);
        let ahead = path.ahead(1).unwrap();
        assert_eq!(ahead, Ahead { events: 2 + 1 + 7, each_ns: 40, before_ns: 10, service_ns: 60 });
        busy(&gauges[2], 9, 90, 40);
        assert_eq!(path.ahead(2).unwrap().events, 12);
    }

    #[test]
    fn a_stage_that_one_in_ten_comes_to_does_not_decide_for_the_others() {
        let gauges: Vec<Arc<Gauge>> = (0..3).map(|_| Arc::default()).collect();
        let mut path = Path::new(gauges[0].clone(), gauges[1..].to_vec(), 400);
        busy(&gauges[0], 0, 1000, 10);
        busy(&gauges[1], 50, 50, 1000);
        busy(&gauges[2], 0, 950, 20);
        assert_eq!(path.ahead(1).unwrap().each_ns, 20);
    }
}
