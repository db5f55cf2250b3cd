//! What is feasible on threads: the policy that knows the scenario and does best of many on virtual time, at the capacity that
//! was measured here. Near its best the goodput hardly depends on the bound, so the search need not be made on threads, where
//! it would take most of the time that the lab has.

use std::time::Duration;

use seda::{
    lab::{Demand, Lab, Scenario},
    prelude::*,
    sim::{Run, Service as Time},
};

use crate::oracle::{Chosen, Oracle};

const SEEDS: u64 = 2;
const NO_BOUND: usize = 1 << 20;

/// The best, with the goodput and the share of refusals that it has there.
pub(crate) fn found(scenario: &Scenario, demand: &Demand, places: usize, trouble: usize) -> (Chosen, f64, f64) {
    let mean = Duration::from_secs_f64(places as f64 / demand.capacity());
    let all: Vec<Chosen> = Chosen::all().collect();
    let lab = Lab::new("feasible", demand.capacity(), demand.slo()).scenario(scenario.clone()).seeds(SEEDS);
    let lab = all.iter().fold(lab, |lab, &chosen| {
        lab.contender(chosen.name(), move |demand: &Demand| {
            let mut p = Pipeline::named("feasible");
            let work = (|_: u64| ()).threads(places).queue(NO_BOUND).when_full(WhenFull::Reject);
            let offers = p.sink("work", work.admission(Oracle::new(demand, trouble, chosen)));
            let run = Run::new(p).entry(offers, demand.arrivals(), |number| number);
            run.service("work", demand.service(Time::exponential(mean)))
        })
    });
    let report = lab.run().expect("one stage passes the checks");
    let judged = demand.judged()[0].0.clone();
    let of = report.outcomes().iter().zip(all).map(|(outcome, chosen)| {
        let refused = outcome.median(&judged, |measures| measures.refused);
        let expired = outcome.median(&judged, |measures| measures.expired);
        (chosen, if expired > crate::oracle::EXPIRED_MOST { 0.0 } else { outcome.goodput() }, refused)
    });
    of.max_by(|(_, one, _), (_, other, _)| one.total_cmp(other)).expect("there are bounds")
}
