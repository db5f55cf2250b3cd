//! One stage of four threads under open-loop load, simulated: what the overload tests share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{ops::Range, time::Duration};

use seda_core::{
    Admission, Slo,
    prelude::*,
    sim::{Arrivals, Figures, Results, Run, Service},
    us,
};

/// Places for workers.
pub(crate) const PLACES: f64 = 4.0;
/// From 10 us to 100 ms of mean service.
pub(crate) const SCALES: [Duration; 4] = [us(10), us(400), ms(4), ms(100)];

/// One stage at one scale; times are said in objectives, each 12.5 mean services, and loads in capacities.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) mean: Duration,
    pub(crate) arrivals: Arrivals,
    pub(crate) service: Service,
    pub(crate) seed: u64,
}

impl Scene {
    /// Exponential service of that mean, and Poisson arrivals of each load for so many objectives.
    pub(crate) fn new(mean: Duration, loads: &[(f64, f64)]) -> Self {
        let steps = loads.iter().map(|&(load, slos)| (load * PLACES / mean.as_secs_f64(), mean.mul_f64(12.5 * slos)));
        Scene { mean, arrivals: Arrivals::steps(steps), service: Service::exponential(mean), seed: 1 }
    }

    pub(crate) fn slo(&self) -> Duration {
        self.mean.mul_f64(12.5)
    }

    pub(crate) fn at(&self, slos: f64) -> Duration {
        self.slo().mul_f64(slos)
    }

    /// Figures of what was offered within these objectives of a run, by the policy.
    pub(crate) fn run(&self, policy: impl Admission + 'static, phases: &[Range<f64>], until: f64) -> Results {
        let mut p = Pipeline::named("overload");
        let work = (|_: u64| ()).threads(PLACES as usize).queue(1_000_000).admission(policy);
        let offers = p.sink("work", work);
        let run = Run::new(p).entry(offers, self.arrivals.clone(), |n| n).service("work", self.service.clone());
        let mut run = run.slo(self.slo()).seed(self.seed).window(self.at(10.0));
        for (at, phase) in phases.iter().enumerate() {
            run = run.phase(at.to_string(), self.at(phase.start)..self.at(phase.end));
        }
        run.during(self.at(until)).unwrap()
    }

    /// The same for one stretch, by the default policy.
    pub(crate) fn kept(&self, during: Range<f64>, until: f64) -> Kept {
        let results = self.run(Slo::new(self.slo()), std::slice::from_ref(&during), until);
        self.of(results.phase("0").unwrap(), during)
    }

    pub(crate) fn of(&self, figures: &Figures, during: Range<f64>) -> Kept {
        let capacity = (during.end - during.start) * 12.5 * PLACES;
        Kept {
            goodput: figures.good as f64 / capacity,
            shed: figures.refused_share(),
            expired: figures.expired_share(),
            p99: figures.latency.p99.as_secs_f64() / self.slo().as_secs_f64(),
        }
    }
}

/// How a stretch went: good ones by capacity, shares of shed and expired, and p99 of the admitted in objectives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    pub(crate) goodput: f64,
    pub(crate) shed: f64,
    pub(crate) expired: f64,
    pub(crate) p99: f64,
}
