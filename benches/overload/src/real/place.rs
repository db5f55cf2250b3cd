//! The scenarios of one stage: sleeping handlers on four threads, spinning ones on one.

use std::{sync::Arc, time::Duration};

use seda::{
    lab::{Demand, Outcome, Report, Scenario},
    ms,
};
use seda_bench::{Better, Row, Table, percentile};

use super::{
    capacity, feasible,
    job::Kind,
    machine::Machine,
    services::Service,
    storm::{self, Storm},
    work::Work,
};
use crate::{bars::Judge, policies::SLO_SERVICES, single};

pub(super) const MEAN: Duration = ms(2);
/// Phases of at least so many objectives and so many offers, and the same of a quick run.
const PHASES: (f64, f64) = (100.0, 5_000.0);
const QUICK: (f64, f64) = (40.0, 1_000.0);
const SEEDS: u64 = 3;
const PEERS: [Service; 4] = [Service::Unbounded, Service::Bounded(1000), Service::Tower, Service::Little];
/// The step with the trouble.
const TROUBLE: usize = 1;
/// p99 of the admitted, in objectives, and of a refusal, in ms.
const P99_MOST: f64 = 1.2;
const REFUSAL_MS: f64 = 1.0;
/// Of the sweep; the first are run once, as ours alone has a bar there.
const ONCE: [f64; 4] = [0.5, 0.8, 1.2, 4.0];

/// One kind of handler on so many threads.
struct Place {
    kind: Kind,
    places: usize,
}

pub(super) fn sleeping(table: &mut Table, report: &mut Report) {
    let place = Place { kind: Kind::Sleeping, places: 4 };
    place.run(table, report);
    place.storm(table);
}

pub(super) fn spinning(table: &mut Table, report: &mut Report) {
    Place { kind: Kind::Spinning, places: 1 }.run(table, report);
}

pub(super) fn seeds() -> u64 {
    if seda_bench::quick() { 1 } else { SEEDS }
}

impl Place {
    fn name(&self) -> &'static str {
        if self.kind == Kind::Sleeping { "sleeping" } else { "spinning" }
    }

    fn scenarios(&self) -> Vec<Scenario> {
        if seda_bench::quick() && self.kind == Kind::Spinning {
            return vec![Scenario::plateau(10.0)];
        }
        let once = if seda_bench::quick() { &ONCE[..1] } else { &ONCE[..] };
        let plateaus = once.iter().copied().chain([0.95, 2.0, 10.0]).map(Scenario::plateau);
        plateaus.chain([Scenario::ramp(), Scenario::slow_down()]).collect()
    }

    fn run(&self, table: &mut Table, report: &mut Report) {
        let (mut refusals, mut lates) = (Vec::new(), Vec::new());
        let mut before = capacity::measured(MEAN, self.places, self.kind);
        for scenario in self.scenarios() {
            let (rows, machine) = (table.len(), Machine::now());
            let (scenario, demand) = self.demand(&scenario, before);
            let played = self.play(table, report, &scenario, &demand);
            let after = capacity::measured(MEAN, self.places, self.kind);
            let drift = 100.0 * (after / before - 1.0);
            let note = format!(
                "the capacity was {before:.0}/s before it and {after:.0}/s after ({drift:+.1} %); {}; p99 of how late offers were made: {:.2} ms{}",
                machine.since(),
                played.late_ms,
                played.feasible
            );
            eprintln!("{}: {note}", demand.name());
            table.note_short(rows, &note);
            refusals.extend(played.refusal_ms);
            lates.push(played.late_ms);
            before = after;
        }
        self.asides(table, refusals, lates);
    }

    fn asides(&self, table: &mut Table, refusals: Vec<f64>, lates: Vec<f64>) {
        let asks = "p99 of the time from an offer to its refusal, on threads; one value for each scenario";
        let id = format!("threads/{}/refusal", self.name());
        table.row(Row::single(id, asks, "ms", Better::Lower, REFUSAL_MS).values(refusals));
        let asks = "p99 of how late the generator makes its offers; one value for each scenario";
        table.row(Row::aside(format!("threads/{}/generator", self.name()), asks, "ms", Better::Lower).values(lates));
    }

    /// The scenario under the name that it has here, laid on this place.
    fn demand(&self, scenario: &Scenario, capacity: f64) -> (Scenario, Demand) {
        let (slos, offers) = if seda_bench::quick() { QUICK } else { PHASES };
        let scenario = scenario.clone().on(&format!("threads, {}", self.name())).phases_of(slos, offers);
        let demand = scenario.demand(capacity, MEAN.mul_f64(SLO_SERVICES));
        (scenario, demand)
    }

    /// All contenders.
    fn play(&self, table: &mut Table, report: &mut Report, scenario: &Scenario, demand: &Demand) -> Played {
        if ONCE.iter().any(|load| demand.name().starts_with(&format!("plateau {load}x "))) {
            let ours = self.runs(&[Service::Ours], demand, 1).remove(0);
            self.judge(table, demand, &ours.outcome, &ours.outcome);
            report.add(ours.outcome);
            return Played { feasible: String::new(), late_ms: ours.late_ms, refusal_ms: ours.refusal_ms };
        }
        let (chosen, goodput, refused) = feasible::found(scenario, demand, self.places, TROUBLE);
        let feasible = format!(
            "; feasible on virtual time: goodput {goodput:.3}, {:.1} % shed, by {}",
            100.0 * refused,
            chosen.name()
        );
        // One after the other by seed, so that both see the same machine.
        let mut both = self.runs(&[Service::Ours, Service::Oracle(chosen, TROUBLE)], demand, seeds());
        let (oracle, ours) = (both.remove(1), both.remove(0));
        self.judge(table, demand, &ours.outcome, &oracle.outcome);
        report.add(ours.outcome);
        if self.kind == Kind::Sleeping && !demand.name().starts_with("plateau 0.95x") {
            self.runs(&PEERS, demand, 1).into_iter().for_each(|peer| report.add(peer.outcome));
        }
        report.add(oracle.outcome);
        Played { feasible, late_ms: ours.late_ms, refusal_ms: ours.refusal_ms }
    }

    /// Each of them with each of those seeds.
    fn runs(&self, services: &[Service], demand: &Demand, seeds: u64) -> Vec<Runs> {
        let mut works: Vec<Vec<Arc<Work>>> = services.iter().map(|_| Vec::new()).collect();
        for seed in 1..=seeds {
            for (service, works) in services.iter().zip(&mut works) {
                works.push(service.run(demand, self.places, Work::new(demand, MEAN, self.kind, seed)));
            }
        }
        services.iter().zip(works).map(|(service, works)| Runs::of(service.name(), demand, &works)).collect()
    }

    fn judge(&self, table: &mut Table, demand: &Demand, ours: &Outcome, oracle: &Outcome) {
        let name = demand.name().to_string();
        let is = |scenario: &str| name.starts_with(scenario);
        let id = format!("threads/{}", name.replace(" on threads, ", "/").replace(' ', "-"));
        let judge = &mut Judge { table, id, ours, oracle };
        if is("step") && self.places == 1 {
            return step_of_one(judge);
        }
        if is("step") {
            return single::step(judge);
        }
        if is("slow-down") && self.places == 1 {
            return slow_of_one(judge);
        }
        if is("slow-down") {
            return single::slow(judge);
        }
        if is("plateau 0.95x") {
            judge.most("shed", "steady", 0.015, |measures| measures.refused);
            if self.places == 1 {
                // 5.4 % at least come to nothing there, whatever the policy: the share of what is feasible tells more.
                judge.goodput("steady", Some(0.97));
            }
        } else if is("plateau 2x") || is("plateau 10x") {
            judge.goodput("steady", Some(if is("plateau 2x") { 0.97 } else { 0.95 }));
        }
        judge.most("p99", "steady", P99_MOST, |measures| measures.p99);
        judge.started("steady");
    }

    /// Clients who retry, on ours by all seeds, and for a look on a queue of 1000.
    fn storm(&self, table: &mut Table) {
        let (rows, machine) = (table.len(), Machine::now());
        let (_, demand) = self.demand(&Scenario::storm(), capacity::measured(MEAN, self.places, self.kind));
        let work = |seed| Work::new(&demand, MEAN, self.kind, seed);
        let ours: Vec<Storm> = (1..=seeds()).map(|seed| storm::ours(&demand, self.places, work(seed))).collect();
        let peer = storm::bounded(&demand, self.places, work(1));
        let asks = "share of the clients who are answered from 20 objectives after the storm on";
        let answered = ours.iter().map(|storm| storm.answered);
        table.row(Row::single("threads/storm/answered", asks, "", Better::Higher, 0.99).values(answered));
        let asks = "share of the handlers' time, from the storm on, for what came too late or to nobody";
        let wasted = ours.iter().map(|storm| storm.wasted);
        table.row(Row::single("threads/storm/wasted", asks, "", Better::Lower, 0.03).values(wasted));
        let asks = "the same clients before a queue of 1000: share of those who are answered";
        table.row(Row::aside("threads/storm/bounded-1000", asks, "", Better::Higher).values([peer.answered]));
        eprintln!("{}: {}", demand.name(), machine.since());
        table.note_short(rows, &machine.since());
    }
}

/// An objective of 12.5 services is never kept by all at 0.8 of one place: 1.7 % come to nothing whatever the policy (M/M/1
/// with deadlines; Barrer, Operations Research 1957), so that nothing is shed cannot be asked. And ten objectives hold 125
/// services, whose sum is off by 9 %: what follows the step is judged as a whole.
fn step_of_one(judge: &mut Judge<'_>) {
    judge.goodput("4 SLOs after it", Some(0.90));
    judge.started("all of it");
    judge.goodput_of("back", "10 SLOs after its end", Some(0.90));
}

/// For the same reasons what follows a slow-down of one place is judged as a whole.
fn slow_of_one(judge: &mut Judge<'_>) {
    judge.goodput("slow", Some(0.95));
    judge.started("4 SLOs after it");
    judge.goodput_of("recovered", "4 SLOs after its end", Some(0.95));
}

/// What is told of a scenario beside its rows.
struct Played {
    feasible: String,
    /// Of our runs: p99 of how late offers were made, and of the refusals, if there was one.
    late_ms: f64,
    refusal_ms: Option<f64>,
}

/// One contender's runs.
struct Runs {
    outcome: Outcome,
    late_ms: f64,
    refusal_ms: Option<f64>,
}

impl Runs {
    fn of(name: String, demand: &Demand, works: &[Arc<Work>]) -> Self {
        let refusals: Vec<f64> = works.iter().flat_map(|work| work.refusals_ms()).collect();
        let lates: Vec<f64> = works.iter().map(|work| work.late_ms()).collect();
        let measured = works.iter().map(|work| work.measured()).collect();
        Runs {
            outcome: Outcome::measured(name, demand.clone(), measured),
            late_ms: seda_bench::median(&lates),
            refusal_ms: (!refusals.is_empty()).then(|| percentile(&refusals, 0.99)),
        }
    }
}
