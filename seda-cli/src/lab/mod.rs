//! `seda lab`: policies under overload on a stage that is described by words; for a pipeline of your own there is
//! `seda::lab`.

mod words;

use std::time::Duration;

use seda::{
    Admission, AdmitAll, Aimd, CoDel, Fresh, Gradient, MaxConcurrency, ResponseTime, Slo, TokenBucket, Vegas,
    lab::{Demand, Lab, Report, Scenario},
    prelude::*,
    sim::{Run, Service},
};
pub use words::{Loads, Policy, loads, loads_by, policy, service, time};

/// As good as none: more than a run can offer.
const NO_BOUND: usize = 1 << 20;

/// A stage, what is asked of it, and who is compared.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How long its handler takes.
    pub service: Service,
    /// How many events are handled at once.
    pub threads: usize,
    /// From the offer to the end.
    pub slo: Duration,
    /// Which steady loads, in capacities.
    pub loads: Loads,
    /// Names of the other scenarios; none for all.
    pub scenarios: Vec<String>,
    /// Who is compared; the first stands in front.
    pub policies: Vec<Policy>,
    /// Runs of each.
    pub seeds: u64,
    /// A fifth as long.
    pub brief: bool,
}

impl Plan {
    /// Runs all, on virtual time; blocks until all are done.
    ///
    /// # Errors
    /// A scenario that does not exist, or what the checks of the pipeline find, in one sentence.
    pub fn run(&self) -> Result<Report, String> {
        let capacity = self.threads as f64 / self.service.mean().as_secs_f64();
        let lab = Lab::new("seda lab", capacity, self.slo).seeds(self.seeds);
        let lab = if self.brief { lab.brief() } else { lab };
        let lab = self.chosen()?.into_iter().fold(lab, Lab::scenario);
        let lab = self.policies.iter().fold(lab, |lab, policy| self.contender(lab, policy));
        lab.run().map_err(|findings| findings.to_string())
    }

    fn chosen(&self) -> Result<Vec<Scenario>, String> {
        let others = [
            ("step", Scenario::ramp as fn() -> Scenario),
            ("spike", Scenario::spike),
            ("slow-down", Scenario::slow_down),
            ("bursts", Scenario::bursts),
            ("storm", Scenario::storm),
        ];
        let is_known = |name: &&String| name.as_str() == "plateau" || others.iter().any(|(known, _)| known == name);
        if let Some(unknown) = self.scenarios.iter().find(|name| !is_known(name)) {
            let known = others.map(|(name, _)| name).join(", ");
            return Err(format!("there is no scenario `{unknown}`; say some of plateau, {known}"));
        }
        let wanted = |name: &str| self.scenarios.is_empty() || self.scenarios.iter().any(|wanted| wanted == name);
        let sweep = self.loads.0.iter().filter(|_| wanted("plateau")).map(|&load| Scenario::plateau(load));
        Ok(sweep.chain(others.into_iter().filter(|(name, _)| wanted(name)).map(|(_, scenario)| scenario())).collect())
    }

    fn contender<'a>(&'a self, lab: Lab<'a>, policy: &'a Policy) -> Lab<'a> {
        lab.contender(policy.to_string(), move |demand| match policy {
            Policy::Slo => self.stage(demand, NO_BOUND, Slo::new(self.slo)),
            Policy::All => self.stage(demand, NO_BOUND, AdmitAll),
            Policy::Bounded(bound) => self.stage(demand, *bound, AdmitAll),
            Policy::CoDel => self.stage(demand, NO_BOUND, CoDel::new()),
            Policy::CoDelByService => self.stage(demand, NO_BOUND, CoDel::by_service()),
            Policy::Fresh => self.stage(demand, NO_BOUND, Fresh::new(self.slo)),
            Policy::Vegas => self.stage(demand, NO_BOUND, Vegas::new()),
            Policy::Gradient => self.stage(demand, NO_BOUND, Gradient::new()),
            Policy::Aimd => self.stage(demand, NO_BOUND, Aimd::new(self.slo)),
            Policy::ResponseTime => self.stage(demand, NO_BOUND, ResponseTime::new(self.slo)),
            Policy::MaxConcurrency(events) => self.stage(demand, NO_BOUND, MaxConcurrency::new(*events)),
            Policy::Rate(rate) => {
                let burst = (rate * self.slo.as_secs_f64()).ceil().max(1.0) as usize;
                self.stage(demand, NO_BOUND, TokenBucket::new(*rate, burst))
            }
        })
    }

    fn stage(&self, demand: &Demand, bound: usize, policy: impl Admission + 'static) -> Run {
        let mut p = Pipeline::named("lab");
        let work = (|_: u64| ()).threads(self.threads).queue(bound).when_full(WhenFull::Reject);
        let offers = p.sink("work", work.admission(policy));
        let service = demand.service(self.service.clone());
        Run::new(p).entry(offers, demand.arrivals(), |number| number).service("work", service)
    }
}
