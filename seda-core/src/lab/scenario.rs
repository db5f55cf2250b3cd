//! What befalls a service, said in capacities and objectives, so that it fits any.

use std::time::Duration;

use super::demand::Demand;
use crate::sim::Clients;

/// Phases last at least so many objectives and so many offers, so that a percentile of the admitted means something.
const LEAST_SLOS: f64 = 200.0;
const LEAST_OFFERS: f64 = 20_000.0;
/// Before what is judged: a stage has found its pace by then, and its queue is what it will be.
const WARM_UP_SLOS: f64 = 20.0;
/// What comes before a change need not be judged, and is shorter.
const BEFORE_SLOS: f64 = 40.0;
/// Offers at once in the bursts, and the mean load that they make.
const BURST: u64 = 32;
const BURST_LOAD: f64 = 0.6;
/// Loads of the sweep over what is offered, in capacities.
const SWEEP: [f64; 9] = [0.5, 0.8, 0.95, 1.0, 1.2, 1.5, 2.0, 4.0, 10.0];

/// A stretch of one load.
#[derive(Clone, Debug)]
#[must_use = "a step is given to `Scenario::step`"]
pub struct Step {
    pub(super) load: f64,
    /// In objectives; none for as long as is enough.
    pub(super) slos: Option<f64>,
    pub(super) slower: f64,
    pub(super) burst: Option<u64>,
}

impl Step {
    /// Poisson arrivals of so many capacities, for at least 200 objectives and 20,000 offers.
    pub fn load(load: f64) -> Self {
        Step { load, slos: None, slower: 1.0, burst: None }
    }

    /// For so many objectives, whatever that is in offers.
    pub fn lasting(mut self, slos: f64) -> Self {
        self.slos = Some(slos);
        self
    }

    /// So many offers at once, again and again, in the place of Poisson arrivals of that load.
    pub fn bursts(mut self, offers: u64) -> Self {
        self.burst = Some(offers);
        self
    }

    /// Handlers take so many times as long.
    pub fn slower(mut self, factor: f64) -> Self {
        self.slower = factor;
        self
    }
}

/// What befalls a service: stretches of load one after the other, and which of them are judged. Loads are said in capacities
/// and times in objectives.
///
/// ```
/// use seda_core::lab::{Scenario, Step};
/// let lunch = Scenario::new("lunch", "everybody comes at once, and the store is slower then")
///     .step(Step::load(0.5))
///     .step(Step::load(1.5).slower(1.2))
///     .judged("lunch", 1, 0.0);
/// # let _ = lunch;
/// ```
#[derive(Clone, Debug)]
#[must_use = "a scenario is given to `Lab::scenario`"]
pub struct Scenario {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) steps: Vec<Step>,
    pub(super) judged: Vec<Judged>,
    least_slos: f64,
    least_offers: f64,
    pub(super) patience: Option<(u32, f64, f64)>,
    /// Its place in a sweep, if it is one of several that differ by a number alone.
    pub(super) sweep: Option<(String, f64)>,
}

/// A stretch with figures of its own.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) name: String,
    /// From so many objectives after the beginning of this step to the end of that one.
    pub(super) step: usize,
    pub(super) after: f64,
    pub(super) to: usize,
}

impl Scenario {
    /// One of your own; it needs at least a [step](Scenario::step).
    pub fn new(name: impl Into<String>, about: impl Into<String>) -> Self {
        let (name, about) = (name.into(), about.into());
        let (least_slos, least_offers) = (LEAST_SLOS, LEAST_OFFERS);
        let (steps, judged) = (Vec::new(), Vec::new());
        Scenario { name, about, steps, judged, least_slos, least_offers, patience: None, sweep: None }
    }

    /// The same under another name, and by itself where it was one of a [sweep](Scenario::plateau).
    pub fn renamed(mut self, name: impl Into<String>) -> Self {
        (self.name, self.sweep) = (name.into(), None);
        self
    }

    /// The same where that is: ` on threads`, say, follows its name, and that of its [sweep](Scenario::plateau).
    pub fn on(mut self, what: &str) -> Self {
        self.name = format!("{} on {what}", self.name);
        self.sweep = self.sweep.map(|(sweep, load)| (format!("{sweep} on {what}"), load));
        self
    }

    /// With another sentence about it.
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }

    /// Then this.
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Figures of their own for what is offered from so many objectives after the beginning of a step, counted from 0, to
    /// its end. The first one is what the tables show. Default: all but the first 20 objectives.
    pub fn judged(self, name: impl Into<String>, step: usize, after_slos: f64) -> Self {
        self.judged_to(name, step, after_slos, step)
    }

    /// The same to the end of a later step.
    pub fn judged_to(mut self, name: impl Into<String>, step: usize, after_slos: f64, to: usize) -> Self {
        self.judged.push(Judged { name: name.into(), step, after: after_slos, to });
        self
    }

    /// Behind the offers are clients who give up after so many objectives and try again, so many times, after a wait that
    /// begins with so many objectives and doubles.
    pub fn clients(mut self, retries: u32, timeout_slos: f64, back_off_slos: f64) -> Self {
        self.patience = Some((retries, timeout_slos, back_off_slos));
        self
    }

    /// All that the lab has for one entry: the [sweep](Scenario::plateau) from 0.5 to 10 capacities, and one of each below.
    #[must_use]
    pub fn standard() -> Vec<Scenario> {
        let sweep = SWEEP.into_iter().map(Scenario::plateau);
        let others =
            [Scenario::ramp(), Scenario::spike(), Scenario::slow_down(), Scenario::bursts(), Scenario::storm()];
        sweep.chain(others).collect()
    }

    /// A steady load; those of several loads are drawn together.
    pub fn plateau(load: f64) -> Self {
        let mut plateau = Scenario::new(format!("plateau {load}x"), format!("steadily {load} times the capacity"))
            .step(Step::load(load).lasting(WARM_UP_SLOS))
            .step(Step::load(load))
            .judged("steady", 1, 0.0);
        plateau.sweep = Some(("plateau".to_string(), load));
        plateau
    }

    /// From 0.8 to 10 capacities at once, and back.
    pub fn ramp() -> Self {
        Scenario::new("step", "from 0.8 to 10 times the capacity at once, and back to 0.8")
            .step(Step::load(0.8).lasting(BEFORE_SLOS))
            .step(Step::load(10.0))
            .step(Step::load(0.8))
            .judged("4 SLOs after it", 1, 4.0)
            .judged("all of it", 1, 0.0)
            .judged("10 SLOs after its end", 2, 10.0)
    }

    /// From 0.8 to 1.4 capacities, and it stays.
    pub fn spike() -> Self {
        Scenario::new("spike", "from 0.8 to 1.4 times the capacity")
            .step(Step::load(0.8).lasting(BEFORE_SLOS))
            .step(Step::load(1.4))
            .judged("4 SLOs after it", 1, 4.0)
            .judged("all of it", 1, 0.0)
    }

    /// 0.8 of the capacity, and for a while handlers take four times as long.
    pub fn slow_down() -> Self {
        Scenario::new("slow-down", "0.8 of the capacity, and for a while handlers take four times as long")
            .step(Step::load(0.8).lasting(BEFORE_SLOS))
            .step(Step::load(0.8).slower(4.0))
            .step(Step::load(0.8))
            .judged("slow", 1, 0.0)
            .judged("4 SLOs after it", 1, 4.0)
            .judged("4 SLOs after its end", 2, 4.0)
    }

    /// 32 offers at once, 0.6 of the capacity on the mean.
    pub fn bursts() -> Self {
        Scenario::new("bursts", "32 offers at once, 0.6 of the capacity on the mean")
            .step(Step::load(BURST_LOAD).bursts(BURST).lasting(WARM_UP_SLOS))
            .step(Step::load(BURST_LOAD).bursts(BURST))
            .judged("steady", 1, 0.0)
    }

    /// Clients who try four times in all, behind 0.8 of the capacity, and ten times it for 20 objectives.
    pub fn storm() -> Self {
        Scenario::new(
            "retry storm",
            "clients who give up after 2 SLOs and retry thrice; 10 times the capacity for 20 SLOs",
        )
        .step(Step::load(0.8).lasting(BEFORE_SLOS))
        .step(Step::load(10.0).lasting(WARM_UP_SLOS))
        .step(Step::load(0.8))
        .judged("20 SLOs after its end", 2, 20.0)
        .judged_to("from its beginning", 1, 0.0, 2)
        .clients(3, 2.0, 1.0)
    }

    /// Laid on a service of that capacity, in events per second, and that objective; the [lab](super::Lab) does so itself.
    #[must_use]
    pub fn demand(&self, capacity: f64, slo: Duration) -> Demand {
        Demand::new(self, capacity, slo, 1.0)
    }

    /// With phases of at least so many objectives and so many offers. Default: 200 and 20,000.
    pub fn phases_of(mut self, slos: f64, offers: f64) -> Self {
        (self.least_slos, self.least_offers) = (slos, offers);
        self
    }

    /// How long a step lasts, in objectives, where the capacity is so many events per objective; `share` of it is enough
    /// where it is not said exactly.
    pub(super) fn slos(&self, step: &Step, per_slo: f64, share: f64) -> f64 {
        step.slos.unwrap_or_else(|| {
            let enough = self.least_slos.max(self.least_offers / (step.load * per_slo));
            // Whole tens, so that windows begin with steps.
            (enough * share / 10.0).ceil() * 10.0
        })
    }

    pub(super) fn behind(&self, slo: Duration) -> Option<Clients> {
        let (retries, timeout, back_off) = self.patience?;
        let clients = Clients::timing_out(slo.mul_f64(timeout)).retries(retries);
        Some(clients.backing_off(slo.mul_f64(back_off)))
    }
}
