use std::time::Duration;

use super::{
    Advice, Controller, Sight, StageSight,
    slope::{Judgement, Saw, Slope, THETA},
    stream::Stream,
};
use crate::metrics::short;

/// The least number of threads, or places, that sustains the demand: the default for `threads` and `limit` given as a range.
///
/// Offers that were shed, or found the queue full, are demand like any other. Little's law says how many workers it keeps
/// busy: *load = Σ offers per second × service time* over the stages of the domain; at the utilisation that is aimed at,
/// *n = ⌈load / 0.7⌉*. That is reached in one step, as in DS2 (Kalavri et al., OSDI 2018), whose useful time is our service
/// time. Where demand is hidden, because offerers wait, all are busy and each step is by 1 / 0.7.
///
/// - **Up**, straight to *n*, when there is need: offers are lost while most workers are busy, or nine in ten waits, or
///   the oldest event, are over twice the service time (and over 200 us, as in Caladan), or 85 % of the time is busy. By the
///   lower end of the estimate, and before a hundred samples of a service time that varies at most to twice as many.
/// - **Taken back** where growth did not pay: ten per cent more threads should give 3 % more throughput while demand still
///   waits. Then it is not tried for 10 s, doubled each time up to 5 min.
/// - **Not up** beyond what the processor can serve: one for each core, those that sleep meanwhile, and to spare 2.2 times the
///   square root of these (Halfin and Whitt, Operations Research 1981); and not where places stand still for want of room behind
///   them.
/// - **Down** when for 5 s fewer would have done, to what the mean of that time needs, by half at most; reckoned at a
///   utilisation of 0.64, so that one number is kept.
///
/// | parameter | value | source |
/// |---|---|---|
/// | utilisation aimed at | 0.7; down at 0.64 | Flink's autoscaler; the boundary keeps it still |
/// | memory of offers and service times | 1 s; for fewer than 300 events in it, up to 5 s | |
/// | another load at once | offers off by 4 standard deviations of a Poisson stream | |
/// | wait that calls for more | 2 service times, 200 us at least | Caladan, OSDI 2020 |
/// | slope | 3 % for each 10 % | Protego, NSDI 2023 |
/// | hold after growth that did not pay | 10 s to 5 min | |
/// | time before it goes down | 5 s | SEDA's idle time, SOSP 2001, figure 8 |
///
/// ```
/// use seda_core::{Demand, prelude::*};
/// let mut p = Pipeline::named("orders");
/// p.sink("price", drop::<u64>.threads(2..=8)); // this is enough
/// p.controller("stage.price.threads", Demand::default().utilisation(0.5)); // with more to spare
/// # p.start()?;
/// # Ok::<(), seda_core::StartError>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct Demand {
    utilisation: f64,
    stages: Vec<Stream>,
    slope: Slope,
    quiet: Duration,
    /// Workers that were kept busy since it is quiet, times seconds.
    loaded: f64,
    /// The share of its time that a worker computes: the most of late, as a window in which other programs kept the cores, or
    /// a handler had not returned, shows less.
    computes: Option<f64>,
}

const UTILISATION: f64 = 0.7;
/// Down only where the need is still met at this share of the utilisation that is aimed at: 0.64 at the default.
const DOWN: f64 = 0.92;
const BUSY: f64 = 0.85;
/// A policy that sheds while its workers have time to spare does not do so for want of them.
const BUSY_TO_SHED: f64 = 0.7;
const BLOCKED: f64 = 0.5;
const WAIT_SERVICES: f64 = 2.0;
const WAIT_LEAST: Duration = Duration::from_micros(200);
/// Standard errors by which an estimate must be above what there is.
const SURE: f64 = 1.5;
/// Service times that vary by more than this share of their mean are not known before so many samples.
const VARIES: f64 = 0.3;
const SAMPLES: f64 = 100.0;
/// Of the square root of those that sleep: so many more keep the cores busy.
const STAFFING: f64 = 2.2;
/// At each look.
const COMPUTED_FADES: f64 = 0.98;
const QUIET: Duration = Duration::from_secs(5);

impl Default for Demand {
    fn default() -> Self {
        Demand {
            utilisation: UTILISATION,
            stages: Vec::new(),
            slope: Slope::default(),
            quiet: Duration::ZERO,
            computes: None,
            loaded: 0.0,
        }
    }
}

impl Demand {
    /// The share of their time that workers are to be busy, 0.1 to 1. Default 0.7.
    pub fn utilisation(mut self, share: f64) -> Self {
        self.utilisation = share.clamp(0.1, 1.0);
        self
    }
}

/// One look, reckoned.
struct Reckoned {
    load: f64,
    error: f64,
    busy: f64,
    offers_per_s: f64,
    service: Duration,
    p90: Duration,
    /// Too few samples of a service time that varies.
    few: bool,
    /// What calls for more, in words.
    need: Option<String>,
}

impl Controller for Demand {
    fn look(&mut self, sight: &Sight<'_>) -> Advice {
        let seen = self.reckon(sight);
        self.computes = match (sight.computing(), self.computes) {
            (Some(now), Some(before)) => Some(now.max(COMPUTED_FADES * before)),
            (now, before) => now.or(before),
        };
        let judgement = self.slope.look(&saw(sight, &seen));
        match judgement {
            Judgement::Back { to, gain } => {
                self.quiet = Duration::ZERO;
                return Advice::turn(to, back(sight.value, gain));
            }
            Judgement::Wait => return Advice::hold("sees whether the last growth pays"),
            Judgement::None | Judgement::Unsure => {}
        }
        let least = self.number((seen.load - SURE * seen.error).max(0.0), self.utilisation);
        let least = if seen.few { least.min(sight.value * 2) } else { least };
        if least > sight.value && seen.need.is_some() {
            self.quiet = Duration::ZERO;
            return self.up(sight, &seen, least);
        }
        self.down(sight, &seen)
    }
}

impl Demand {
    fn number(&self, load: f64, utilisation: f64) -> usize {
        ((load / utilisation - 1e-6).ceil().min(1e6) as usize).max(1)
    }

    fn reckon(&mut self, sight: &Sight<'_>) -> Reckoned {
        self.stages.resize(sight.stages.len(), Stream::default());
        let alone = alone(sight);
        for (stream, stage) in self.stages.iter_mut().zip(sight.stages) {
            stream.add(stage, sight.window, alone);
        }
        let load: f64 = self.stages.iter().map(|stream| stream.load()).sum();
        let error = self.stages.iter().map(|stream| stream.error_squared()).sum::<f64>().sqrt();
        let offers_per_s = self.stages.iter().map(|stream| stream.offers_per_s()).sum::<f64>();
        let service = Duration::from_secs_f64(if offers_per_s > 0.0 { load / offers_per_s } else { 0.0 });
        let longest = |of: fn(&StageSight) -> Duration| sight.stages.iter().map(of).max().unwrap_or_default();
        let (p90, oldest) = (longest(|stage| stage.wait_p90), longest(|stage| stage.oldest));
        let (wait, whose) = if oldest > p90 { (oldest, "the oldest waits") } else { (p90, "p90 wait") };
        let busy = sight.busy_share();
        let lost: u64 = sight.stages.iter().map(|stage| stage.lost).sum();
        let patience = service.mul_f64(WAIT_SERVICES).max(WAIT_LEAST);
        let need = if lost > 0 && busy >= BUSY_TO_SHED {
            Some(format!("{lost} offers lost"))
        } else if wait > patience {
            Some(format!("{whose} {} over {}", short(wait), short(patience)))
        } else {
            (busy >= BUSY).then(|| "no time to spare".to_string())
        };
        let few = self.stages.iter().any(|of| of.deviation > VARIES && of.settled > 0.0 && of.settled < SAMPLES);
        Reckoned { load, error, busy, offers_per_s, service, p90, few, need }
    }

    fn up(&mut self, sight: &Sight<'_>, seen: &Reckoned, least: usize) -> Advice {
        let blocked = sight.blocked_share();
        if blocked > BLOCKED {
            return Advice::hold(format!(
                "stands still {:.0} % of the time for want of room behind it",
                100.0 * blocked
            ));
        }
        let mut to = sight.clamp(least);
        if let Some((cores, most, computes)) = self.processor_most(sight)
            && to > most
        {
            to = most;
            if to <= sight.value {
                return Advice::hold(format!(
                    "{} threads compute {:.0} % of their time, and there are {cores:.0} cores",
                    sight.value,
                    100.0 * computes
                ));
            }
        }
        if let Some((ceiling, left)) = self.slope.ceiling() {
            to = to.min(ceiling);
            if to <= sight.value {
                return Advice::hold(format!("more did not pay; not tried for {} yet", short(left)));
            }
        }
        if to <= sight.value {
            return Advice::hold(format!("{least} would be right, and the range ends at {}", sight.range.max));
        }
        self.slope.begin(sight.value, to);
        Advice::turn(to, self.words(sight, seen))
    }

    fn down(&mut self, sight: &Sight<'_>, seen: &Reckoned) -> Advice {
        let needed = |load: f64| sight.clamp(self.number(load, self.utilisation * DOWN));
        if needed(seen.load) >= sight.value {
            (self.quiet, self.loaded) = (Duration::ZERO, 0.0);
            return Advice::hold("right as it is");
        }
        let quiet = self.quiet + sight.window;
        let loaded = self.loaded + seen.load * sight.window.as_secs_f64();
        if quiet < QUIET {
            (self.quiet, self.loaded) = (quiet, loaded);
            return Advice::hold("sees whether fewer are enough");
        }
        let to = sight.clamp(needed(loaded / quiet.as_secs_f64()).max(sight.value.div_ceil(2)));
        (self.quiet, self.loaded) = (Duration::ZERO, 0.0);
        if to >= sight.value {
            return Advice::hold("right as it is");
        }
        Advice::turn(to, format!("for 5 s fewer were enough; {}", self.words(sight, seen)))
    }

    /// Cores, the most workers that they can serve, and the share of its time that one computes.
    fn processor_most(&self, sight: &Sight<'_>) -> Option<(f64, usize, f64)> {
        let (computes, cores) = (self.computes?, sight.processor?.cores);
        // Those that sleep do not take turns at it, so there are some to spare; and one that spins is never seen to compute all
        // of its time.
        let sleeping = cores / computes.max(1e-3) - cores;
        let spare = (2.0 * sleeping).min(STAFFING * sleeping.max(0.0).sqrt());
        let most = (cores + sleeping + spare - 0.4).ceil().clamp(1.0, 1e6) as usize;
        Some((cores, most, computes))
    }

    fn words(&self, sight: &Sight<'_>, seen: &Reckoned) -> String {
        let need = seen.need.as_ref().map_or_else(|| format!("p90 wait {}", short(seen.p90)), String::clone);
        let cpu = sight.computing().map_or_else(String::new, |share| format!(", CPU {:.0} %", 100.0 * share));
        format!(
            "{need}, busy {:.0} %{cpu}; {:.0} offers/s of {} keep {:.1} busy",
            100.0 * seen.busy,
            seen.offers_per_s,
            short(seen.service),
            seen.load
        )
    }
}

/// The share of the busy time in which workers did not wait for a core.
fn alone(sight: &Sight<'_>) -> f64 {
    let busy: Duration = sight.stages.iter().map(|stage| stage.busy).sum();
    let queued = sight.processor.map_or(Duration::ZERO, |processor| processor.queued);
    if busy.is_zero() { 1.0 } else { (1.0 - queued.as_secs_f64() / busy.as_secs_f64()).clamp(0.1, 1.0) }
}

fn saw(sight: &Sight<'_>, seen: &Reckoned) -> Saw {
    let settled = sight.stages.iter().map(|stage| stage.settled).sum();
    let deviation = sight.stages.iter().map(|stage| stage.deviation).fold(0.0, f64::max);
    let unmet = seen.need.is_some() && seen.busy >= BUSY;
    Saw { value: sight.value, settled, window: sight.window, unmet, deviation }
}

fn back(value: usize, gain: f64) -> String {
    let gain = 100.0 * (gain - 1.0);
    format!(
        "taken back: growth to {value} gave {gain:+.0} % throughput, under {:.0} % for each 10 % of it",
        100.0 * THETA
    )
}
