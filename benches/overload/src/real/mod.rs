//! A few of the scenarios on threads: sleeping handlers on four, spinning ones on one.

mod capacity;
mod generator;
mod services;
mod storm;
mod work;

use std::{sync::Arc, time::Duration};

use seda::{
    lab::{Demand, Outcome, Report, Scenario},
    ms,
};
use seda_bench::{Better, Row, Table, percentile};

use self::{
    services::Service,
    work::{Kind, Work},
};
use crate::{
    bars::Judge,
    policies::{OURS, SLO_SERVICES},
    single,
};

const MEAN: Duration = ms(2);
/// Phases of at least so many objectives and so many offers, and the same of a quick run.
const PHASES: (f64, f64) = (100.0, 5_000.0);
const QUICK: (f64, f64) = (40.0, 1_000.0);
const SEEDS: u64 = 3;
/// Bounds among which the oracle is found, beside those at work.
const BOUNDS: [usize; 5] = [0, 2, 4, 8, 16];
const PEERS: [Service; 4] = [Service::Unbounded, Service::Bounded(1000), Service::Tower, Service::Little];
/// p99 of the admitted, in objectives, and of a refusal, in ms.
const P99_MOST: f64 = 1.2;
const REFUSAL_MS: f64 = 1.0;

/// One kind of handler on so many threads, with what that can do.
struct Place {
    kind: Kind,
    places: usize,
    capacity: f64,
}

pub(crate) fn run(table: &mut Table, report: &mut Report) {
    let mut refusals = Vec::new();
    for (kind, places) in [(Kind::Sleeping, 4), (Kind::Spinning, 1)] {
        let place = Place { kind, places, capacity: capacity::measured(MEAN, places, kind) };
        eprintln!("{kind:?}: {:.0} events/s", place.capacity);
        for scenario in scenarios(kind) {
            let demand = place.demand(&scenario);
            eprintln!("{kind:?}: {}", demand.name());
            refusals.push(place.play(table, report, &demand));
        }
        if kind == Kind::Sleeping {
            place.storm(table);
        }
    }
    let asks = "p99 of the time from an offer to its refusal, on threads; one value for each scenario";
    table.row(Row::single("threads/refusal", asks, "ms", Better::Lower, REFUSAL_MS).values(refusals));
}

fn scenarios(kind: Kind) -> Vec<Scenario> {
    if seda_bench::quick() && kind == Kind::Spinning {
        return vec![Scenario::plateau(10.0)];
    }
    let plateaus = [0.95, 2.0, 10.0].map(Scenario::plateau);
    plateaus.into_iter().chain([Scenario::ramp(), Scenario::slow_down()]).collect()
}

fn seeds() -> u64 {
    if seda_bench::quick() { 1 } else { SEEDS }
}

impl Place {
    fn demand(&self, scenario: &Scenario) -> Demand {
        let (slos, offers) = if seda_bench::quick() { QUICK } else { PHASES };
        let kind = if self.kind == Kind::Sleeping { "sleeping" } else { "spinning" };
        let name = format!("{} on threads, {kind}", scenario.demand(1.0, MEAN).name());
        let scenario = scenario.clone().renamed(name).phases_of(slos, offers);
        scenario.demand(self.capacity, MEAN.mul_f64(SLO_SERVICES))
    }

    /// All contenders; answers the p99 of our refusals, in ms.
    fn play(&self, table: &mut Table, report: &mut Report, demand: &Demand) -> f64 {
        let (ours, refusals) = self.outcome(Service::Ours, demand, seeds());
        let oracle = self.oracle(demand);
        let id = demand.name().replace(" on threads, ", "/").replace(' ', "-");
        judge(&mut Judge { table, id: format!("threads/{id}"), ours: &ours, oracle: &oracle });
        report.add(ours);
        if self.kind == Kind::Sleeping {
            PEERS.into_iter().for_each(|peer| report.add(self.outcome(peer, demand, 1).0));
        }
        report.add(oracle);
        if refusals.is_empty() { 0.0 } else { percentile(&refusals, 0.99) }
    }

    /// Clients who retry, on ours by all seeds, and for a look on a queue of 1000.
    fn storm(&self, table: &mut Table) {
        let demand = self.demand(&Scenario::storm());
        eprintln!("{:?}: {}", self.kind, demand.name());
        let work = |seed| Work::new(&demand, MEAN, self.kind, seed);
        let ours: Vec<storm::Storm> = (1..=seeds()).map(|seed| storm::ours(&demand, self.places, work(seed))).collect();
        let peer = storm::bounded(&demand, self.places, work(1));
        eprintln!("  ours {ours:?}, bounded 1000 {peer:?}");
        let asks = "share of the clients who are answered from 20 objectives after the storm on";
        let answered = ours.iter().map(|storm| storm.answered);
        table.row(Row::single("threads/storm/answered", asks, "", Better::Higher, 0.99).values(answered));
        let asks = "share of the handlers' time, from the storm on, for what came too late or to nobody";
        let wasted = ours.iter().map(|storm| storm.wasted);
        table.row(Row::single("threads/storm/wasted", asks, "", Better::Lower, 0.03).values(wasted));
        let asks = "the same clients before a queue of 1000: share of those who are answered";
        table.row(Row::aside("threads/storm/bounded-1000", asks, "", Better::Higher).values([peer.answered]));
    }

    /// The best bound on one seed, then on as many as we have.
    fn oracle(&self, demand: &Demand) -> Outcome {
        // On one place a bound of 8 is most of the objective.
        let bounds = if seda_bench::quick() || self.places == 1 { &BOUNDS[..3] } else { &BOUNDS[..] };
        let found: Vec<(Service, f64)> = bounds
            .iter()
            .map(|bound| {
                let service = Service::AtMost(self.places + bound);
                (service, self.outcome(service, demand, 1).0.goodput())
            })
            .collect();
        let best = found.iter().copied().max_by(|(_, one), (_, other)| one.total_cmp(other));
        let (service, _) = best.expect("there are bounds");
        eprintln!("  oracle: {service:?} of {found:?}");
        self.outcome(service, demand, seeds()).0
    }

    /// Runs of those seeds, and how long the refusals took.
    fn outcome(&self, service: Service, demand: &Demand, seeds: u64) -> (Outcome, Vec<f64>) {
        let run = |seed| service.run(demand, self.places, Work::new(demand, MEAN, self.kind, seed));
        let runs: Vec<Arc<Work>> = (1..=seeds).map(run).collect();
        let refusals = runs.iter().flat_map(|work| work.refusals_ms()).collect();
        let measured = runs.iter().map(|work| work.measured()).collect();
        let name = if service == Service::Ours { OURS.to_string() } else { service.name() };
        (Outcome::measured(name, demand.clone(), measured), refusals)
    }
}

fn judge(judge: &mut Judge<'_>) {
    let name = judge.ours.demand().name().to_string();
    let is = |scenario: &str| name.starts_with(scenario);
    if is("step") {
        return single::step(judge);
    }
    if is("slow-down") {
        return single::slow(judge);
    }
    if is("plateau 0.95x") {
        judge.most("shed", "steady", 0.015, |measures| measures.refused);
    } else {
        judge.goodput("steady", Some(if is("plateau 2x") { 0.97 } else { 0.95 }));
    }
    judge.most("p99", "steady", P99_MOST, |measures| measures.p99);
    judge.started("steady");
}
