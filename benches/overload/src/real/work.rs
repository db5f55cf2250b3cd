//! The offers of one run, and what is noted of each.

use std::{
    ops::Range,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use seda::lab::{Demand, Fate, Measured};
use seda_bench::percentile;

use super::job::{Drawn, Job, Kind, arrivals};

/// Offers of one run by their numbers, with what came of each, and the service times in the order of start.
pub(crate) struct Work {
    pub(crate) began: Instant,
    /// Intended times, from the beginning.
    pub(crate) due: Vec<Duration>,
    /// Each step of a demand draws from a stream of its own, so that all contenders begin a step with the same times.
    steps: Vec<(Range<Duration>, f64, Job)>,
    notes: Vec<Note>,
    /// How late each offer was made, in ms.
    late_ms: OnceLock<Vec<f64>>,
}

/// Each in ns and one more; 0 for never.
#[derive(Default)]
struct Note {
    latency: AtomicU64,
    busy: AtomicU64,
    refusal: AtomicU64,
}

/// One offer that was handled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    pub(crate) due: Duration,
    pub(crate) latency: Duration,
    pub(crate) busy: Duration,
}

impl Work {
    /// The arrivals of a demand, Poisson by seed.
    pub(crate) fn new(demand: &Demand, mean: Duration, kind: Kind, seed: u64) -> Self {
        let due = arrivals(demand.steps().map(|(during, rate, _)| (during, rate)), seed);
        let job = |at: usize| Job::new(mean, kind, seed + 1000 * at as u64);
        let steps = demand.steps().enumerate().map(|(at, (during, _, slower))| (during, slower, job(at)));
        Work::of(due, steps.collect())
    }

    /// So many a second for so long, and no more about it.
    pub(crate) fn steady(rate: f64, lasts: Duration, job: Job, seed: u64) -> Self {
        Work::of(arrivals([(Duration::ZERO..lasts, rate)].into_iter(), seed), vec![(Duration::ZERO..lasts, 1.0, job)])
    }

    fn of(due: Vec<Duration>, steps: Vec<(Range<Duration>, f64, Job)>) -> Self {
        let notes = due.iter().map(|_| Note::default()).collect();
        Work { began: Instant::now(), due, steps, notes, late_ms: OnceLock::new() }
    }

    /// Its time begins now.
    pub(crate) fn begun(mut self) -> Self {
        self.began = Instant::now();
        self
    }

    /// Takes the time that the next job takes; from when to when.
    pub(crate) fn spend(&self) -> Range<Duration> {
        let begin = self.began.elapsed();
        let step = self.steps.iter().find(|(during, ..)| begin < during.end).or(self.steps.last());
        let (_, slower, job) = step.expect("there is a step");
        job.spend(*slower);
        begin..self.began.elapsed()
    }

    /// What was drawn in the first step.
    pub(crate) fn drawn(&self) -> Drawn {
        self.steps[0].2.drawn()
    }

    /// Does the job of that number, and notes when it ended.
    pub(crate) fn handle(&self, number: usize) {
        let spent = self.spend();
        self.done(number, spent.end - spent.start);
    }

    /// The event of that number ends now, after so long in the handler.
    pub(crate) fn done(&self, number: usize, busy: Duration) {
        let note = &self.notes[number];
        note.busy.store(busy.as_nanos() as u64 + 1, Relaxed);
        note.latency.store(self.began.elapsed().saturating_sub(self.due[number]).as_nanos() as u64 + 1, Relaxed);
    }

    /// The offer of that number was refused, so long after it was made.
    pub(crate) fn refused(&self, number: usize, after: Duration) {
        self.notes[number].refusal.store(after.as_nanos() as u64 + 1, Relaxed);
    }

    /// How late the generator made its offers.
    pub(crate) fn were_late(&self, late_ms: Vec<f64>) {
        self.late_ms.get_or_init(|| late_ms);
    }

    /// p99 of that, in ms.
    pub(crate) fn late_ms(&self) -> f64 {
        self.late_ms.get().map_or(f64::NAN, |all| percentile(all, 0.99))
    }

    /// For the lab's books.
    pub(crate) fn measured(&self) -> Vec<Measured> {
        let fate = |note: &Note| match (time(&note.refusal), time(&note.latency), time(&note.busy)) {
            (Some(_), ..) => Fate::Refused("refused"),
            (None, Some(latency), Some(busy)) => Fate::Done { latency, busy },
            _ => Fate::Lost,
        };
        self.due.iter().zip(&self.notes).map(|(&due, note)| Measured::new(due, fate(note))).collect()
    }

    /// Those that were handled, by their intended times.
    pub(crate) fn all_done(&self) -> impl Iterator<Item = Done> {
        let of = |(&due, note): (&Duration, &Note)| {
            Some(Done { due, latency: time(&note.latency)?, busy: time(&note.busy)? })
        };
        self.due.iter().zip(&self.notes).filter_map(of)
    }

    /// Whether each offer was refused, by its intended time.
    pub(crate) fn all_refused(&self) -> impl Iterator<Item = (Duration, bool)> {
        self.due.iter().zip(&self.notes).map(|(&due, note)| (due, time(&note.refusal).is_some()))
    }

    /// How long refusals took, in ms.
    pub(crate) fn refusals_ms(&self) -> Vec<f64> {
        self.notes.iter().filter_map(|note| time(&note.refusal)).map(ms_of).collect()
    }
}

fn time(note: &AtomicU64) -> Option<Duration> {
    note.load(Relaxed).checked_sub(1).map(Duration::from_nanos)
}

pub(crate) fn ms_of(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
