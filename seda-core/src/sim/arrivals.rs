//! When events are offered: an open loop, which does not wait for answers.

use std::time::Duration;

use super::clients::Clients;
use crate::{clock::ns, rng::Rng};

/// When events are offered, and as what: open loop, so that no offer waits for an answer, and latency counts from the
/// intended time. Drawn from a stream of its own, so that a change elsewhere leaves the arrivals as they are.
///
/// ```
/// use seda_core::{ms, secs, sim::Arrivals};
/// let steady = Arrivals::poisson(800.0);
/// let step = Arrivals::poisson(800.0).lasting(secs(10)).then(Arrivals::poisson(10_000.0).lasting(secs(2))).then(steady);
/// let classed = Arrivals::bursts(32, ms(53)).kind("export").class(1).slo(secs(1));
/// # let _ = (step, classed);
/// ```
#[derive(Clone, Debug)]
#[must_use = "arrivals are given to `Run::entry`"]
pub struct Arrivals {
    parts: Vec<Part>,
    pub(super) kind: Option<String>,
    pub(super) class: u8,
    pub(super) deadline: Option<Duration>,
    pub(super) slo: Option<Duration>,
    pub(super) clients: Option<Clients>,
}

#[derive(Clone, Debug)]
struct Part {
    pattern: Pattern,
    lasts_ns: Option<u64>,
}

#[derive(Clone, Debug)]
enum Pattern {
    Constant { gap_ns: f64 },
    Poisson { gap_ns: f64 },
    Bursts { events: u64, every_ns: u64 },
    OnOff { gap_ns: f64, on_ns: u64, off_ns: u64 },
    Recorded { at_ns: Vec<u64> },
    Silent,
}

impl Arrivals {
    fn new(pattern: Pattern) -> Self {
        let parts = vec![Part { pattern, lasts_ns: None }];
        Arrivals { parts, kind: None, class: 0, deadline: None, slo: None, clients: None }
    }

    /// So many a second, evenly spaced.
    ///
    /// # Panics
    /// If `rate` is not above 0 and finite.
    pub fn constant(rate: f64) -> Self {
        Arrivals::new(Pattern::Constant { gap_ns: gap_ns(rate) })
    }

    /// So many a second on the mean, independently of each other.
    ///
    /// # Panics
    /// If `rate` is not above 0 and finite.
    pub fn poisson(rate: f64) -> Self {
        Arrivals::new(Pattern::Poisson { gap_ns: gap_ns(rate) })
    }

    /// So many at once, again and again; the first after one period.
    pub fn bursts(events: u64, every: Duration) -> Self {
        Arrivals::new(Pattern::Bursts { events, every_ns: ns(every).max(1) })
    }

    /// Poisson arrivals for a while, then none for a while, again and again.
    ///
    /// # Panics
    /// If `rate` is not above 0 and finite.
    pub fn on_off(rate: f64, on: Duration, off: Duration) -> Self {
        Arrivals::new(Pattern::OnOff { gap_ns: gap_ns(rate), on_ns: ns(on).max(1), off_ns: ns(off) })
    }

    /// At these times, counted from the start; sorted first.
    pub fn recorded(at: impl IntoIterator<Item = Duration>) -> Self {
        let mut at_ns: Vec<u64> = at.into_iter().map(ns).collect();
        at_ns.sort_unstable();
        Arrivals::new(Pattern::Recorded { at_ns })
    }

    /// None: a pause, between others.
    pub fn none() -> Self {
        Arrivals::new(Pattern::Silent)
    }

    /// Poisson arrivals at one rate after the other, each for its time; the last stays.
    ///
    /// ```
    /// use seda_core::{secs, sim::Arrivals};
    /// let step = Arrivals::steps([(800.0, secs(10)), (10_000.0, secs(10)), (800.0, secs(10))]);
    /// # let _ = step;
    /// ```
    ///
    /// # Panics
    /// If a rate is not above 0 and finite, or there is none.
    pub fn steps(steps: impl IntoIterator<Item = (f64, Duration)>) -> Self {
        let parts = steps.into_iter().map(|(rate, time)| Arrivals::poisson(rate).lasting(time));
        let mut steps = parts.reduce(Arrivals::then).expect("there is at least one step");
        steps.last().lasts_ns = None;
        steps
    }

    /// For so long; after that, what [`then`](Arrivals::then) says, or none.
    pub fn lasting(mut self, time: Duration) -> Self {
        self.last().lasts_ns = Some(ns(time));
        self
    }

    /// Goes on with these once the ones before have [lasted](Arrivals::lasting) their time. Their pattern only: kind, class
    /// and the like are said once, by the first.
    pub fn then(mut self, next: Arrivals) -> Self {
        self.parts.extend(next.parts);
        self
    }

    /// What service times, and figures of their own, go by. Default: none.
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Priority class of the offers. Default: 0, the lowest.
    pub fn class(mut self, class: u8) -> Self {
        self.class = class;
        self
    }

    /// After so long no handler sees the event. Default: never.
    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline = Some(after);
        self
    }

    /// An objective of their own, for the figures. Default: [`Run::slo`](super::Run::slo).
    pub fn slo(mut self, slo: Duration) -> Self {
        self.slo = Some(slo);
        self
    }

    /// Each arrival is a request of a client, who may try more than once. Default: one offer each, and no time-out.
    pub fn clients(mut self, clients: Clients) -> Self {
        self.clients = Some(clients);
        self
    }

    fn last(&mut self) -> &mut Part {
        self.parts.last_mut().expect("there is one from the beginning")
    }
}

fn gap_ns(rate: f64) -> f64 {
    assert!(rate > 0.0 && rate.is_finite(), "a rate of {rate} events per second is none");
    1e9 / rate
}

/// The times, one after the other.
pub(super) struct Times {
    parts: Vec<Part>,
    rng: Rng,
    part: usize,
    began_ns: u64,
    /// Within the part: how many came, and where the next draw begins.
    count: u64,
    at_ns: f64,
}

impl Times {
    pub(super) fn new(arrivals: &Arrivals, rng: Rng) -> Self {
        Times { parts: arrivals.parts.clone(), rng, part: 0, began_ns: 0, count: 0, at_ns: 0.0 }
    }

    /// The next time, in ns from the start; none when there is no more.
    pub(super) fn next(&mut self) -> Option<u64> {
        while let Some(part) = self.parts.get(self.part) {
            let lasts_ns = part.lasts_ns.unwrap_or(u64::MAX);
            let at_ns = self.within().filter(|&at_ns| at_ns < lasts_ns);
            if let Some(at_ns) = at_ns {
                return self.began_ns.checked_add(at_ns);
            }
            if lasts_ns == u64::MAX {
                return None;
            }
            self.began_ns = self.began_ns.checked_add(lasts_ns)?;
            self.part += 1;
            (self.count, self.at_ns) = (0, 0.0);
        }
        None
    }

    /// The next one of the part, from its beginning.
    fn within(&mut self) -> Option<u64> {
        self.count += 1;
        match &self.parts[self.part].pattern {
            Pattern::Constant { gap_ns } => Some((gap_ns * self.count as f64) as u64),
            Pattern::Poisson { gap_ns } => {
                self.at_ns += self.rng.exponential(*gap_ns);
                Some(self.at_ns as u64)
            }
            Pattern::Bursts { events, every_ns } => {
                (*events > 0).then(|| ((self.count - 1) / events + 1).saturating_mul(*every_ns))
            }
            Pattern::OnOff { gap_ns, on_ns, off_ns } => {
                // Drawn on a clock that stands still while they are off.
                self.at_ns += self.rng.exponential(*gap_ns);
                let on = self.at_ns as u64;
                Some(on + on / on_ns * off_ns)
            }
            Pattern::Recorded { at_ns } => at_ns.get(self.count as usize - 1).copied(),
            Pattern::Silent => None,
        }
    }
}
