//! Every contender in every scenario with every seed, on as many threads as there are cores.

use std::{
    fmt,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use super::{demand::Demand, outcome::Outcome, report::Report, scenario::Scenario};
use crate::{
    graph::StartError,
    sim::{Results, Run},
    sync::lock,
};

const SEEDS: u64 = 5;
/// What is left of the longer steps in a brief run.
const BRIEF: f64 = 0.2;

/// Builds the run of a contender under a demand.
type Build<'a> = Box<dyn Fn(&Demand) -> Run + Send + Sync + 'a>;

/// Contenders in scenarios: put together, then [run](Lab::run). The [module](super) has an example.
#[must_use = "a lab does nothing until it is run"]
pub struct Lab<'a> {
    title: String,
    capacity: f64,
    slo: Duration,
    contenders: Vec<(String, Build<'a>)>,
    scenarios: Vec<Scenario>,
    seeds: u64,
    share: f64,
}

impl fmt::Debug for Lab<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lab({}: {} contenders, {} scenarios)", self.title, self.contenders.len(), self.scenarios.len())
    }
}

impl<'a> Lab<'a> {
    /// For a service that can do so many events per second, with that objective from an event's intended time to its end.
    /// Both are the scale of the scenarios.
    pub fn new(title: impl Into<String>, capacity: f64, slo: Duration) -> Self {
        let (contenders, scenarios) = (Vec::new(), Vec::new());
        Lab { title: title.into(), capacity, slo, contenders, scenarios, seeds: SEEDS, share: 1.0 }
    }

    /// One of those who are compared; `build` makes its pipeline anew for each run. The lab says seed, objective, phases
    /// and windows; arrivals and service times are taken from the demand. The first one is drawn in front.
    pub fn contender(mut self, name: impl Into<String>, build: impl Fn(&Demand) -> Run + Send + Sync + 'a) -> Self {
        self.contenders.push((name.into(), Box::new(build)));
        self
    }

    /// One more scenario. Default: those of [`Scenario::standard`].
    pub fn scenario(mut self, scenario: Scenario) -> Self {
        self.scenarios.push(scenario);
        self
    }

    /// So many runs of each, seeds 1 and on; tables show medians. Default: 5.
    pub fn seeds(mut self, seeds: u64) -> Self {
        self.seeds = seeds.max(1);
        self
    }

    /// A fifth as long: for a look, not for a measurement.
    pub fn brief(mut self) -> Self {
        self.share = BRIEF;
        self
    }

    /// Runs all, and blocks until all are done; on as many threads as there are cores.
    ///
    /// # Errors
    /// What the checks of a pipeline find: the first that they found.
    pub fn run(mut self) -> Result<Report, StartError> {
        if self.scenarios.is_empty() {
            self.scenarios = Scenario::standard();
        }
        let demand = |scenario| Demand::new(scenario, self.capacity, self.slo, self.share);
        let demands: Vec<Demand> = self.scenarios.iter().map(demand).collect();
        let per_scenario = self.contenders.len() * self.seeds as usize;
        let mut runs = in_parallel(demands.len() * per_scenario, |at| {
            let (scenario, rest) = (at / per_scenario, at % per_scenario);
            let (contender, seed) = (rest / self.seeds as usize, rest as u64 % self.seeds + 1);
            play(&demands[scenario], &self.contenders[contender].1, seed)
        })
        .into_iter();
        let mut report = Report::new(self.title);
        for demand in &demands {
            for (name, _) in &self.contenders {
                let results: Result<Vec<Results>, StartError> = runs.by_ref().take(self.seeds as usize).collect();
                report.add(Outcome::new(name.clone(), demand.clone(), results?));
            }
        }
        Ok(report)
    }
}

fn play(demand: &Demand, build: &Build<'_>, seed: u64) -> Result<Results, StartError> {
    let mut run = build(demand).slo(demand.slo()).seed(seed).window(demand.window());
    for (name, during) in demand.judged() {
        run = run.phase(name, during);
    }
    run.during(demand.lasts())
}

/// The answers in the order of their numbers.
fn in_parallel<T: Send>(jobs: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(jobs)));
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= jobs {
                return;
            }
            let answer = job(at);
            lock(&done).push((at, answer));
        }
    };
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| (0..cores.min(jobs)).for_each(|_| drop(scope.spawn(work))));
    let mut done = std::mem::take(&mut *lock(&done));
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, answer)| answer).collect()
}
