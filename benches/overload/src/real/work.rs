//! A job, what it takes, and what is noted of it.

use std::{
    hint,
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use seda::lab::{Demand, Fate, Measured};

/// What the handlers do with their time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Sleeping,
    Spinning,
}

/// Offers of one run by their numbers, with what came of each, and the service times in the order of start.
pub(crate) struct Work {
    pub(crate) began: Instant,
    /// Intended times, from the beginning.
    pub(crate) due: Vec<Duration>,
    mean: Duration,
    kind: Kind,
    slow: Vec<(Range<Duration>, f64)>,
    draws: Mutex<Dice>,
    notes: Vec<Note>,
}

/// Each in ns and one more; 0 for never.
#[derive(Default)]
struct Note {
    latency: AtomicU64,
    busy: AtomicU64,
    refusal: AtomicU64,
}

impl Work {
    /// The arrivals of a demand, Poisson by seed.
    pub(crate) fn new(demand: &Demand, mean: Duration, kind: Kind, seed: u64) -> Self {
        let due = arrivals(demand, seed);
        let slow = demand.steps().filter(|(.., slower)| *slower != 1.0).map(|(during, _, slower)| (during, slower));
        Work {
            began: Instant::now(),
            mean,
            kind,
            slow: slow.collect(),
            draws: Mutex::new(Dice(seed ^ 0x5EDA)),
            notes: due.iter().map(|_| Note::default()).collect(),
            due,
        }
    }

    /// Its time begins now.
    pub(crate) fn begun(mut self) -> Self {
        self.began = Instant::now();
        self
    }

    /// Takes the time that the next job takes; from when to when.
    pub(crate) fn spend(&self) -> Range<Duration> {
        let begin = self.began.elapsed();
        let slower = self.slow.iter().find(|(during, _)| during.contains(&begin)).map_or(1.0, |(_, slower)| *slower);
        let draw = self.draws.lock().expect("nobody panics with it").exponential();
        let takes = self.mean.mul_f64(draw * slower);
        match self.kind {
            Kind::Sleeping => thread::sleep(takes),
            Kind::Spinning => spin(takes),
        }
        begin..self.began.elapsed()
    }

    /// Does the job of that number, and notes when it ended.
    pub(crate) fn handle(&self, number: usize) {
        let spent = self.spend();
        let note = &self.notes[number];
        note.busy.store((spent.end - spent.start).as_nanos() as u64 + 1, Relaxed);
        note.latency.store(spent.end.saturating_sub(self.due[number]).as_nanos() as u64 + 1, Relaxed);
    }

    /// The offer of that number was refused, so long after it was made.
    pub(crate) fn refused(&self, number: usize, after: Duration) {
        self.notes[number].refusal.store(after.as_nanos() as u64 + 1, Relaxed);
    }

    /// For the lab's books.
    pub(crate) fn measured(&self) -> Vec<Measured> {
        let time = |note: &AtomicU64| note.load(Relaxed).checked_sub(1).map(Duration::from_nanos);
        let fate = |note: &Note| match (time(&note.refusal), time(&note.latency), time(&note.busy)) {
            (Some(_), ..) => Fate::Refused("refused"),
            (None, Some(latency), Some(busy)) => Fate::Done { latency, busy },
            _ => Fate::Lost,
        };
        self.due.iter().zip(&self.notes).map(|(&due, note)| Measured::new(due, fate(note))).collect()
    }

    /// How long refusals took, in ms.
    pub(crate) fn refusals_ms(&self) -> Vec<f64> {
        let times = self.notes.iter().filter_map(|note| note.refusal.load(Relaxed).checked_sub(1));
        times.map(|ns| ns as f64 / 1e6).collect()
    }
}

fn spin(takes: Duration) {
    let began = Instant::now();
    while began.elapsed() < takes {
        hint::spin_loop();
    }
}

fn arrivals(demand: &Demand, seed: u64) -> Vec<Duration> {
    let mut dice = Dice(seed);
    let mut due = Vec::new();
    for (during, rate, _) in demand.steps() {
        let mut at = during.start;
        loop {
            at += Duration::from_secs_f64(dice.exponential() / rate);
            if at >= during.end {
                break;
            }
            due.push(at);
        }
    }
    due
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Dice(seed)
    }

    /// In [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Of mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }
}
