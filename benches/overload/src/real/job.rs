//! What handlers do with their time, drawn in the order of start.

use std::{ops::Range, sync::Mutex, thread, time::Duration};

use seda_bench::thread_time;

/// Of SEDA's slow stage (SOSP 2001, section 5.2): the share of the events that sleep, and for how long.
const SLOW_SHARE: f64 = 0.15;
const SLOW: Duration = Duration::from_millis(20);

/// What the handlers do with their time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Sleeping,
    Spinning,
    /// Half of the time each.
    Mixed,
    /// SEDA's slow stage, whatever the mean: most take no time, and some sleep.
    Router,
}

/// Service times of one stage, exponential about a mean.
pub(crate) struct Job {
    mean: Duration,
    kind: Kind,
    draws: Mutex<Draws>,
}

struct Draws {
    dice: Dice,
    drawn: Drawn,
}

/// How many were drawn, and their sum in means.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Drawn {
    pub(crate) count: u64,
    sum: f64,
}

impl Drawn {
    /// Mean of those that were drawn after `before`, in means: what luck made of it.
    pub(crate) fn luck_since(self, before: Drawn) -> f64 {
        (self.sum - before.sum) / (self.count - before.count).max(1) as f64
    }
}

impl Job {
    pub(crate) fn new(mean: Duration, kind: Kind, seed: u64) -> Self {
        Job { mean, kind, draws: Mutex::new(Draws { dice: Dice(seed ^ 0x5EDA), drawn: Drawn::default() }) }
    }

    /// Takes the time that the next one takes, so many times slower.
    pub(crate) fn spend(&self, slower: f64) {
        let takes = self.next().mul_f64(slower);
        match self.kind {
            Kind::Sleeping => thread::sleep(takes),
            Kind::Spinning => spin(takes),
            Kind::Mixed => {
                spin(takes / 2);
                thread::sleep(takes / 2);
            }
            Kind::Router if takes.is_zero() => {}
            Kind::Router => thread::sleep(takes),
        }
    }

    fn next(&self) -> Duration {
        let mut draws = self.draws.lock().expect("nobody panics with it");
        if self.kind == Kind::Router {
            return if draws.dice.unit() < SLOW_SHARE { SLOW } else { Duration::ZERO };
        }
        let draw = draws.dice.exponential();
        draws.drawn.count += 1;
        draws.drawn.sum += draw;
        self.mean.mul_f64(draw)
    }

    pub(crate) fn drawn(&self) -> Drawn {
        self.draws.lock().expect("nobody panics with it").drawn
    }
}

/// Computes for so long. By the thread's own time: what waits for a core takes longer, as any computation does.
pub(crate) fn spin(takes: Duration) {
    let until = thread_time() + takes;
    while thread_time() < until {}
}

/// Poisson arrivals at rates one after the other.
pub(crate) fn arrivals(steps: impl Iterator<Item = (Range<Duration>, f64)>, seed: u64) -> Vec<Duration> {
    let mut dice = Dice(seed);
    let mut due = Vec::new();
    for (during, rate) in steps {
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
