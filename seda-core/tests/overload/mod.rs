//! One stage under open-loop load on virtual time, with the real runtime between: what the overload tests share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use seda_core::{prelude::*, test::Virtual};

/// Places for workers in every scenario.
pub(crate) const PLACES: usize = 4;
/// The objective, in mean service times.
pub(crate) const SLO: f64 = 12.5;
/// Longer than any run: from what is left of it, a handler knows how long its event has waited.
const AGES: Duration = Duration::from_secs(1 << 30);

/// SplitMix64, so that a seed means the same everywhere.
#[derive(Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Rng(seed)
    }

    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
}

/// How service times are drawn.
#[derive(Clone, Copy)]
pub(crate) enum Service {
    Exponential,
    /// 95 % of a quarter of the mean, 5 % of 15.25 times it, both exponential.
    Mixture,
    /// Of shape 1.5, truncated at 100 means.
    Pareto,
}

impl Service {
    fn draw(self, rng: &mut Rng, mean: f64) -> f64 {
        match self {
            Service::Exponential => rng.exponential(mean),
            Service::Mixture => {
                let short = rng.unit() < 0.95;
                rng.exponential(if short { 0.25 * mean } else { 15.25 * mean })
            }
            Service::Pareto => {
                // The least, such that the mean of the truncated distribution is `mean`.
                let (least, most) = (0.3531 * mean, 100.0 * mean);
                let kept = 1.0 - (least / most).powf(1.5);
                least / (1.0 - rng.unit() * kept).powf(1.0 / 1.5)
            }
        }
    }
}

/// A part of a run, in SLOs from the start, in capacities, and in multiples of the mean service.
#[derive(Clone, Copy)]
pub(crate) struct Phase {
    pub(crate) until: f64,
    pub(crate) load: f64,
    pub(crate) slow: f64,
}

pub(crate) fn phase(until: f64, load: f64) -> Phase {
    Phase { until, load, slow: 1.0 }
}

#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) mean: Duration,
    pub(crate) service: Service,
    /// Events that arrive at once.
    pub(crate) burst: usize,
    pub(crate) phases: Vec<Phase>,
    pub(crate) seed: u64,
}

impl Scenario {
    pub(crate) fn new(mean: Duration, phases: &[Phase]) -> Self {
        Scenario { mean, service: Service::Exponential, burst: 1, phases: phases.to_vec(), seed: 1 }
    }

    pub(crate) fn slo(&self) -> Duration {
        self.mean.mul_f64(SLO)
    }
}

/// What became of the offers of one window of one SLO, by the time of the offer; what was good by that of its end.
#[derive(Clone, Default, Debug)]
pub(crate) struct Window {
    pub(crate) offered: usize,
    pub(crate) shed: usize,
    pub(crate) admitted: usize,
    /// Times from offer to end in SLOs; what expired is missing.
    pub(crate) took: Vec<f64>,
    pub(crate) good: usize,
}

impl Window {
    pub(crate) fn sum(windows: &[Window]) -> Window {
        let mut sum = Window::default();
        for window in windows {
            sum.offered += window.offered;
            sum.shed += window.shed;
            sum.admitted += window.admitted;
            sum.good += window.good;
            sum.took.extend(&window.took);
        }
        sum
    }

    pub(crate) fn shed_share(&self) -> f64 {
        self.shed as f64 / self.offered.max(1) as f64
    }

    /// Of the admitted, those that were never started.
    pub(crate) fn expired_share(&self) -> f64 {
        (self.admitted - self.took.len()) as f64 / self.admitted.max(1) as f64
    }

    /// Of the admitted, in SLOs; what expired counts as infinitely late.
    pub(crate) fn p99(&self) -> f64 {
        let mut took = self.took.clone();
        took.resize(self.admitted, f64::INFINITY);
        took.sort_by(f64::total_cmp);
        let at = (took.len() as f64 * 0.99).ceil() as usize;
        took.get(at.max(1) - 1).copied().unwrap_or(0.0)
    }

    /// Good ones per capacity, of so many windows.
    pub(crate) fn goodput(&self, windows: usize, slow: f64) -> f64 {
        self.good as f64 / (windows as f64 * SLO * PLACES as f64 / slow)
    }
}

/// What a handler shares with the run.
struct Desk {
    rng: Rng,
    slow: f64,
    /// Offered at, took.
    ends: Vec<(f64, f64)>,
}

/// Runs it under the policy; the windows of one SLO each.
pub(crate) fn run(scenario: &Scenario, policy: impl seda_core::Admission + 'static) -> Vec<Window> {
    let (mean, slo) = (scenario.mean.as_secs_f64(), scenario.slo().as_secs_f64());
    let desk = Arc::new(Mutex::new(Desk { rng: Rng::new(scenario.seed ^ 0xabcd), slow: 1.0, ends: Vec::new() }));
    let (service, desk_of_handler) = (scenario.service, desk.clone());
    let work = move |offered_at: f64, cx: &Cx| {
        let mut desk = desk_of_handler.lock().unwrap();
        let mean = mean * desk.slow;
        let time = service.draw(&mut desk.rng, mean);
        let waited = AGES - cx.deadline_left().unwrap();
        cx.spend(Duration::from_secs_f64(time));
        desk.ends.push((offered_at, waited.as_secs_f64() + time));
    };
    let mut p = Pipeline::named("overload");
    let work = work.threads(PLACES).queue(100_000).deadline(|_: &f64| AGES).admission(policy);
    let offers = p.sink("work", work);
    let mut sim = Virtual::start(p, scenario.seed).unwrap();
    let until = scenario.phases.last().unwrap().until * slo;
    let mut windows = vec![Window::default(); (until / slo).ceil() as usize + 2];
    let last = windows.len() - 1;
    let (mut now, mut rng) = (0.0, Rng::new(scenario.seed));
    while now < until {
        let phase = scenario.phases.iter().find(|phase| now < phase.until * slo).unwrap();
        desk.lock().unwrap().slow = phase.slow;
        let window = &mut windows[(now / slo) as usize];
        for _ in 0..scenario.burst {
            window.offered += 1;
            match sim.offer(offers, now) {
                Ok(()) => window.admitted += 1,
                Err(_) => window.shed += 1,
            }
            // The first of a burst are taken before the next comes.
            sim.advance(Duration::ZERO);
        }
        let gap = scenario.burst as f64 * mean / (phase.load * PLACES as f64);
        now += if scenario.burst > 1 { gap } else { rng.exponential(gap) };
        sim.advance(Duration::from_secs_f64(now).saturating_sub(sim.now()));
    }
    sim.run();
    for &(offered_at, took) in &desk.lock().unwrap().ends {
        windows[((offered_at / slo) as usize).min(last)].took.push(took / slo);
        if took <= slo {
            windows[(((offered_at + took) / slo) as usize).min(last)].good += 1;
        }
    }
    assert!(sim.ledger().balanced());
    windows
}

/// Good per capacity of the best bound on waiting events, by search over its size.
pub(crate) fn best_bound(scenario: &Scenario, from: usize, to: usize, slow: f64) -> f64 {
    let bounds = [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32];
    let goodput = |n: &usize| {
        let windows = run(scenario, seda_core::MaxConcurrency::new(PLACES + n));
        Window::sum(&windows[from..to]).goodput(to - from, slow)
    };
    bounds.iter().map(goodput).fold(0.0, f64::max)
}
