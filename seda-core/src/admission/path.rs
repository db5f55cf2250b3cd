//! What an event will meet downstream of the stage that it is offered to. The entry decides for the tightest stage that it will
//! come to, as what is shed further downstream was worked on in vain.

mod gauge;
mod kinds;
mod quota;
mod station;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

pub(crate) use self::gauge::{Gauge, Reading};
use self::{
    kinds::{Flow, Kinds},
    station::{Pace, Station},
};
use crate::rng::Rng;

/// Readings per objective.
const READINGS: u64 = 4;
/// Most time between two readings: what is learnt should not wait for a long objective.
const READ_NS: u64 = 10_000_000;

/// The tightest stage downstream that an event surely comes to, and what it will meet until then. Times in ns.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Ahead {
    /// Events that will come to it and have not been taken there yet: those that wait there, and those on their way, in this
    /// stage's queue and hands too.
    pub events: usize,
    /// Time between two events there while it is busy.
    pub each_ns: u64,
    /// Mean time in handlers between this stage and it.
    pub before_ns: u64,
    /// Mean time in handlers downstream of this stage, to the end.
    pub service_ns: u64,
    /// Whose way it is: 0 for what all have in common, else a kind's.
    pub(crate) way: u8,
}

/// One that stands behind a stage, as the graph has it.
#[derive(Clone, Debug)]
pub(crate) struct Behind {
    pub(crate) gauge: Arc<Gauge>,
    /// What runs it.
    pub(crate) domain: u32,
    /// Those of the list that lead to it.
    pub(crate) after: Vec<usize>,
}

/// What an offer meets ahead.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outlook {
    pub(crate) ahead: Option<Ahead>,
    /// Place of its kind.
    pub(crate) kind: Option<u8>,
    /// A stage that it surely comes to would refuse it; when to try again.
    pub(crate) refused: Option<Duration>,
    /// That stage, in the order of those behind.
    by: usize,
}

/// The stages behind one, in the order in which events come to them.
#[derive(Debug)]
pub(crate) struct Path {
    own: Arc<Gauge>,
    domain: u32,
    stations: Vec<Station>,
    pace: Pace,
    /// Of all events, and of kinds.
    all: Flow,
    kinds: Option<Kinds>,
    /// What all have in common, then each kind's.
    ways: Vec<Way>,
    /// 0 for none.
    objective_ns: u64,
    next_ns: u64,
    jitter: Rng,
}

/// Where some events surely come to.
#[derive(Clone, Debug, Default)]
struct Way {
    tightest: Option<(usize, Ahead)>,
    /// Those that bound what may wait, or refuse.
    doors: Vec<Door>,
}

/// A station that may refuse what comes. Times in ns.
#[derive(Clone, Copy, Debug)]
struct Door {
    at: usize,
    each_ns: f64,
    /// Events that it works off while one is in handlers on its way there.
    meanwhile: f64,
}

impl Path {
    /// Behind the stage of that gauge and domain. An objective of 0 is none; `tells_kinds` is the stage itself, where it says
    /// the kind of its events.
    pub(crate) fn new(own: Arc<Gauge>, domain: u32, behind: &[Behind], tells_kinds: Option<u32>) -> Self {
        own.turn_on();
        behind.iter().for_each(|behind| behind.gauge.turn_on());
        Path {
            own,
            domain,
            stations: behind.iter().cloned().map(Station::new).collect(),
            pace: Pace::default(),
            all: Flow::new(0, behind.iter().map(|_| 0)),
            kinds: tells_kinds.map(Kinds::new),
            ways: Vec::new(),
            objective_ns: 0,
            next_ns: 0,
            jitter: Rng::new(0),
        }
    }

    /// The objective that the stage keeps, which also says how often the stations are read: four times in it, or more. 0 for none.
    pub(crate) fn aim(&mut self, objective_ns: u64) {
        (self.objective_ns, self.next_ns) = (objective_ns, 0);
    }

    /// What so many of a kind meet that are offered now; 0 is no kind. A few loads; every quarter of an objective the stations
    /// are read anew. One of a higher class is not refused for a stage behind, which may take it before others.
    pub(crate) fn look(&mut self, now_ns: u64, hash: u64, events: usize, class: u8) -> Outlook {
        if now_ns >= self.next_ns {
            self.read();
            self.next_ns = now_ns.saturating_add(self.every_ns());
        }
        let kind = self.place(hash);
        let way = self.way_of(kind);
        let (by, refused) = (class == 0).then(|| self.refused(way, events)).flatten().unzip();
        let ahead = self.ways[way].tightest.map(|(at, ahead)| Ahead { events: self.on_the_way(at) as usize, ..ahead });
        Outlook { ahead, kind: kind.map(|kind| kind as u8), refused, by: by.unwrap_or(0) }
    }

    /// What was looked at is shed for the stage that would refuse it, which hears of the demand.
    pub(crate) fn shed(&self, outlook: &Outlook, events: usize) {
        self.stations[outlook.by].gauge().shed_before_it(events as u64);
    }

    /// What was looked at is taken in.
    pub(crate) fn admitted(&mut self, kind: Option<u8>, events: usize) {
        let way = self.way_of(kind.map(usize::from));
        for door in &self.ways[way].doors {
            self.stations[door.at].sends(events as f64);
        }
    }

    /// A kind that is new has no way of its own before the next reading.
    fn way_of(&self, kind: Option<usize>) -> usize {
        kind.map_or(0, |kind| kind + 1).min(self.ways.len()) % self.ways.len()
    }

    /// The place of a kind.
    pub(crate) fn kind(&mut self, hash: u64) -> Option<u8> {
        self.place(hash).map(|kind| kind as u8)
    }

    fn every_ns(&self) -> u64 {
        let objectives = self.stations.iter().map(|station| station.gauge().objective_ns()).chain([self.objective_ns]);
        let shortest_ns = objectives.filter(|&ns| ns != 0).min().unwrap_or(u64::MAX);
        (shortest_ns / READINGS).clamp(1, READ_NS)
    }

    fn place(&mut self, hash: u64) -> Option<usize> {
        let kinds = self.kinds.as_mut().filter(|_| hash != 0)?;
        kinds.known(hash).or_else(|| {
            let stations: Vec<&Gauge> = self.stations.iter().map(Station::gauge).collect();
            kinds.welcome(hash, &self.own, &stations)
        })
    }

    /// Events that are at or before a station and will come to it: of what is held on the way there, the share that goes on.
    fn on_the_way(&self, at: usize) -> f64 {
        let there = &self.stations[at];
        let before = there.behind.after.iter().map(|&before| {
            let held = self.stations[before].gauge().held() as f64;
            held * self.all.share_of(before, at)
        });
        self.own.held() as f64 * self.all.share(at) + before.sum::<f64>() + there.gauge().waiting() as f64
    }

    /// The station on this way that would refuse so many, and when to try again.
    fn refused(&mut self, way: usize, events: usize) -> Option<(usize, Duration)> {
        let n = events as f64;
        for at in 0..self.ways[way].doors.len() {
            let door = self.ways[way].doors[at];
            let room = self.stations[door.at].gauge().room().map_or(f64::INFINITY, |room| room as f64 + door.meanwhile);
            let there = &mut self.stations[door.at];
            let sent = there.on_their_way() + there.gauge().waiting() as f64;
            let over = self.on_the_way(door.at).max(sent) + n - room;
            if over > 0.0 || !self.stations[door.at].quota.has(n) {
                let after_ns = over.max(1.0) * door.each_ns * (1.0 + self.jitter.unit());
                return Some((door.at, Duration::from_nanos(after_ns as u64)));
            }
        }
        None
    }

    #[cold]
    fn read(&mut self) {
        let passed = self.own.handled.load(Ordering::Relaxed);
        self.pace.read(&self.own);
        self.stations.iter_mut().for_each(Station::read);
        let gauges: Vec<&Gauge> = self.stations.iter().map(|station| &*station.behind.gauge).collect();
        if let Some(kinds) = &mut self.kinds {
            kinds.read(&self.own, &gauges);
        }
        self.all.read(passed, self.stations.iter().map(|station| station.came));
        let common = self.way(0, &|at| self.all.surely(at));
        let kinds = self.kinds.iter().flat_map(|kinds| (0..kinds.len()).map(move |kind| (kinds, kind)));
        let kinds = kinds.map(|(kinds, kind)| self.way(kind as u8 + 1, &|at| kinds.surely(kind, at)));
        self.ways = [common].into_iter().chain(kinds).collect();
    }

    /// The way of those who surely come to these stations.
    fn way(&self, way: u8, surely: &dyn Fn(usize) -> bool) -> Way {
        let mut found = Way::default();
        let own_ns = self.pace.mean_ns().unwrap_or(0.0);
        let mut service_ns = 0.0;
        let sure: Vec<usize> = (0..self.stations.len()).filter(|&at| surely(at)).collect();
        for &at in &sure {
            let station = &self.stations[at];
            let Some(mean_ns) = station.mean_ns() else { continue };
            let each_ns = self.each_ns(at, mean_ns, &sure, own_ns);
            found.doors.push(Door { at, each_ns, meanwhile: (own_ns + service_ns) / each_ns.max(1.0) });
            if !self.has_its_own_time(at) {
                let each_ns = each_ns as u64;
                if found.tightest.is_none_or(|(_, other)| other.each_ns < each_ns) {
                    found.tightest =
                        Some((at, Ahead { each_ns, before_ns: service_ns as u64, way, ..Ahead::default() }));
                }
                service_ns += mean_ns;
            }
        }
        found.tightest = found.tightest.map(|(at, ahead)| (at, Ahead { service_ns: service_ns as u64, ..ahead }));
        found
    }

    /// Time between two events at a station: that of its own places, or that of the threads which it shares with others on the
    /// way, or with this stage.
    fn each_ns(&self, at: usize, mean_ns: f64, sure: &[usize], own_ns: f64) -> f64 {
        let station = &self.stations[at];
        let domain = station.behind.domain;
        let mates = sure.iter().map(|&at| &self.stations[at]).filter(|mate| mate.behind.domain == domain);
        let shared = mates.clone().filter_map(Station::mean_ns).sum::<f64>();
        let shared = shared + if domain == self.domain { own_ns } else { 0.0 };
        let threads = mates.map(Station::places).fold(1.0, f64::max);
        (mean_ns / station.places()).max(shared / threads)
    }

    /// A stage with a longer objective gives those that come there, and what is behind it, more time than this one has to
    /// give: it judges them itself.
    fn has_its_own_time(&self, at: usize) -> bool {
        let longer = |at: usize| self.stations[at].gauge().objective_ns() > self.objective_ns;
        longer(at) || self.stations[at].behind.after.iter().any(|&before| longer(before))
    }
}

#[cfg(test)]
mod tests;
