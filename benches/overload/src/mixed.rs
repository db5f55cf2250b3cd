//! Scenarios of more than one kind of event, or more than one stage; on virtual time.

use std::time::Duration;

use seda::{
    Fair, Slo, StartError,
    lab::{Demand, Lab, Outcome, Report, Scenario, Step},
    ms,
    prelude::*,
    sim::{Figures, Run, Service},
};
use seda_bench::{Better, Row, Table};

use crate::policies::{OURS, PLACES, SLO_SERVICES};

const MEAN: Duration = ms(4);
const TENANTS: usize = 50;
/// What the greedy one offers, and each of the others, in fair shares.
const GREEDY: f64 = 20.0;
const MODEST: f64 = 0.8;
/// Objectives of the three classes, the lowest first.
const CLASSES: [Duration; 3] = [secs(5), secs(1), ms(200)];
const MODEST_ALONE: &str = "the modest tenants alone";
const BRANCH_ALONE: &str = "the quick branch alone";
const BRANCH_TOLD: &str = "with the kind told at the entry";

pub(crate) fn run(table: &mut Table, report: &mut Report) -> Result<(), StartError> {
    for judge in [two_classes, three_classes, tenants, chain, branch] {
        report.extend(judge(table)?);
    }
    Ok(())
}

fn lab<'a>(capacity: f64, slo: Duration, scenario: Scenario) -> Lab<'a> {
    let lab = Lab::new("overload", capacity, slo).scenario(scenario);
    if seda_bench::quick() { lab.seeds(2).brief() } else { lab }
}

/// A steady load under a name of its own.
fn steady(load: f64, name: &str, about: &str) -> Scenario {
    Scenario::plateau(load).renamed(name).about(about)
}

/// Figures of one kind in each run, and how long they were offered.
fn kind<'a>(outcome: &'a Outcome, name: &'a str) -> impl Iterator<Item = &'a Figures> {
    outcome.runs().iter().map(move |run| {
        let found = run.kinds.iter().find(|(kind, _)| kind == name);
        found.map(|(_, figures)| figures).expect("the run has events of that kind")
    })
}

fn measured_s(outcome: &Outcome) -> f64 {
    let demand = outcome.demand();
    (demand.lasts() - demand.step(1).start).as_secs_f64()
}

fn ours(report: &Report) -> &Outcome {
    report.outcomes().iter().find(|outcome| outcome.contender() == OURS).expect("ours is among the contenders")
}

fn least(table: &mut Table, id: &str, asks: &str, bar: f64, values: impl IntoIterator<Item = f64>) {
    table.row(Row::single(id, asks, "", Better::Higher, bar).values(values));
}

fn most(table: &mut Table, id: &str, asks: &str, bar: f64, values: impl IntoIterator<Item = f64>) {
    // JSON knows no infinity.
    let values = values.into_iter().map(|value| value.min(1e9));
    table.row(Row::single(id, asks, "", Better::Lower, bar).values(values));
}

/// Of each kind's admitted, at most one in a hundred is never started.
fn started(table: &mut Table, id: &str, ours: &Outcome, kinds: &[&str]) {
    for name in kinds {
        let asks = "share of the kind's admitted that is never started";
        most(table, &format!("{id}/{name}/expired"), asks, 0.01, kind(ours, name).map(Figures::expired_share));
    }
}

fn good_share(figures: &Figures) -> f64 {
    figures.good as f64 / figures.offered as f64
}

/// High priority offers half of the capacity, and all together ten times it.
fn two_classes(table: &mut Table) -> Result<Report, StartError> {
    let about = "high priority offers 0.5 of the capacity, low priority 9.5 times it";
    let build = |demand: &Demand| {
        let mut p = Pipeline::named("overload");
        let work = (|_: u64| ()).threads(PLACES).slo(demand.slo()).classes(2, |_| 0);
        let offers = p.sink("work", work);
        Run::new(p)
            .entry(offers, demand.arrivals_of(0.05).kind("high").class(1), |n| n)
            .entry(offers, demand.arrivals_of(0.95).kind("low"), |n| n)
            .service("work", Service::exponential(demand.slo().div_f64(SLO_SERVICES)))
            .warm_up(demand.step(1).start)
    };
    let capacity = PLACES as f64 / MEAN.as_secs_f64();
    let lab = lab(capacity, MEAN.mul_f64(SLO_SERVICES), steady(10.0, "two classes", about));
    let report = lab.contender(OURS, build).run()?;
    let ours = ours(&report);
    let asks = "share of the high class's offers that end within the objective";
    least(table, "two-classes/high", asks, 0.999, kind(ours, "high").map(good_share));
    let all = capacity * measured_s(ours);
    let rest = kind(ours, "low").zip(kind(ours, "high")).map(|(low, high)| low.good as f64 / (all - high.good as f64));
    started(table, "two-classes", ours, &["high", "low"]);
    least(table, "two-classes/low", "goodput of the low class, of what the high one leaves", 0.95, rest);
    Ok(report)
}

/// Three classes of equal shares, each with an objective of its own.
fn three_classes(table: &mut Table) -> Result<Report, StartError> {
    let about = "three classes of equal shares with objectives of 200, 1,000 and 5,000 ms, 2.5 times the capacity";
    let build = |demand: &Demand| {
        let mut p = Pipeline::named("overload");
        let work = (|_: usize| ()).threads(10).slo(demand.slo()).classes(3, |class| *class as u8);
        let offers = p.sink("work", work.deadline(|class| CLASSES[*class]));
        let entry = |run: Run, class: usize| {
            let arrivals = demand.arrivals_of(1.0 / 3.0).kind(class.to_string()).slo(CLASSES[class]);
            run.entry(offers, arrivals.class(class as u8), move |_| class)
        };
        let run = (0..CLASSES.len()).fold(Run::new(p), entry);
        run.service("work", Service::exponential(ms(50))).warm_up(demand.step(1).start)
    };
    let report = lab(200.0, CLASSES[0], steady(2.5, "three classes", about)).contender(OURS, build).run()?;
    let ours = ours(&report);
    let all = 200.0 * measured_s(ours);
    started(table, "three-classes", ours, &["0", "1", "2"]);
    for (class, slo) in CLASSES.into_iter().enumerate() {
        let name = class.to_string();
        let late = kind(ours, &name).map(|figures| figures.latency.p90.as_secs_f64() / slo.as_secs_f64());
        let asks = "p90 of the class's admitted, in its objectives; class 2 is the highest";
        most(table, &format!("three-classes/{name}/p90"), asks, 1.0, late);
        let floor = kind(ours, &name).map(|figures| figures.good as f64 / all);
        let asks = "goodput of the class, in capacities";
        least(table, &format!("three-classes/{name}/floor"), asks, 0.05, floor);
    }
    Ok(report)
}

/// One tenant of fifty offers twenty times its share.
fn tenants(table: &mut Table) -> Result<Report, StartError> {
    let about = "one tenant of 50 offers 20 times its share, the others 0.8 of theirs";
    let offered = (GREEDY + MODEST * (TENANTS - 1) as f64) / TENANTS as f64;
    let build = move |demand: &Demand, first: usize| {
        let mut p = Pipeline::named("overload");
        let fair = Fair::new(Slo::new(demand.slo()));
        let offers = p.sink("work", (|_: usize| ()).threads(PLACES).tenant(|tenant| *tenant).admission(fair));
        let share = |tenant: usize| if tenant == 0 { GREEDY } else { MODEST } / (TENANTS as f64 * offered);
        let entry = |run: Run, tenant: usize| {
            run.entry(offers, demand.arrivals_of(share(tenant)).kind(tenant.to_string()), move |_| tenant)
        };
        let run = (first..TENANTS).fold(Run::new(p), entry);
        run.service("work", Service::exponential(demand.slo().div_f64(SLO_SERVICES))).warm_up(demand.step(1).start)
    };
    let capacity = PLACES as f64 / MEAN.as_secs_f64();
    let lab = lab(capacity, MEAN.mul_f64(SLO_SERVICES), steady(offered, "tenants", about));
    let report =
        lab.contender(OURS, |demand| build(demand, 0)).contender(MODEST_ALONE, |demand| build(demand, 1)).run()?;
    let alone = report.outcomes().iter().find(|outcome| outcome.contender() == MODEST_ALONE);
    let alone = alone.expect("it is among the contenders").runs().iter().map(|run| kept(&run.kinds));
    let ours = ours(&report);
    let all = capacity * measured_s(ours);
    let goodputs: Vec<Vec<f64>> = ours
        .runs()
        .iter()
        .map(|run| run.kinds.iter().map(|(_, figures)| figures.good as f64 / all).collect())
        .collect();
    let others = ours.runs().iter().zip(alone).map(|(run, alone)| kept(&run.kinds[1..]) / alone);
    let asks = "share of the others' offers that end within the objective, of what they have alone";
    least(table, "tenants/others", asks, 0.98, others);
    least(
        table,
        "tenants/jain",
        "Jain's index of goodput over the fair share",
        0.98,
        goodputs.iter().map(|of| jain(of)),
    );
    let in_all = goodputs.iter().map(|of| of.iter().sum());
    least(table, "tenants/goodput", "goodput of all, in capacities", 0.95, in_all);
    Ok(report)
}

/// Share of their offers that ended within the objective.
fn kept(kinds: &[(String, Figures)]) -> f64 {
    let sum = |of: fn(&Figures) -> u64| kinds.iter().map(|(_, figures)| of(figures)).sum::<u64>() as f64;
    sum(|figures| figures.good) / sum(|figures| figures.offered)
}

/// Of goodput over max-min fair share: the modest get what they ask, the greedy one the rest.
fn jain(goodputs: &[f64]) -> f64 {
    let modest = MODEST / TENANTS as f64;
    let greedy = 1.0 - modest * (TENANTS - 1) as f64;
    let shares = goodputs.iter().enumerate().map(|(tenant, good)| good / if tenant == 0 { greedy } else { modest });
    let (sum, squares) = shares.fold((0.0, 0.0), |(sum, squares), share| (sum + share, squares + share * share));
    sum * sum / (goodputs.len() as f64 * squares)
}

/// Five stages in a row, of which another one is the tightest every 200 objectives.
fn chain(table: &mut Table) -> Result<Report, StartError> {
    let about =
        "five stages in a row, of which the 4th, then the 2nd, then the 5th is twice as slow; twice what that can do";
    let scenario = Scenario::new("chain", about)
        .step(Step::load(2.0).lasting(20.0))
        .step(Step::load(2.0))
        .step(Step::load(2.0))
        .step(Step::load(2.0))
        .judged_to("from the beginning", 1, 0.0, 3);
    let build = |demand: &Demand| {
        let mut p = Pipeline::named("overload");
        let stage = || (|n: u64| n).threads(2);
        let (offers, mut out) = p.stage("1", stage().slo(demand.slo()));
        for name in ["2", "3", "4"] {
            out = p.then_with(name, out, stage());
        }
        p.end_with("5", out, (|_: u64| ()).threads(2));
        let run = Run::new(p).entry(offers, demand.arrivals(), |n| n);
        let tight = [None, Some(2), None, Some(1), Some(3)];
        tight.into_iter().enumerate().fold(run, |run, (at, step)| {
            let service = Service::exponential(ms(2));
            let service = match step {
                // The fourth is the tightest from the warm-up on.
                Some(1) => service.slowed(2.0, Duration::ZERO..demand.step(1).end),
                Some(step) => service.slowed(2.0, demand.step(step)),
                None => service,
            };
            run.service((at + 1).to_string(), service)
        })
    };
    let report = lab(500.0, ms(100), scenario).contender(OURS, build).run()?;
    let measures = ours(&report).measures("from the beginning");
    let asks = "share of the handlers' time that was spent on what was shed, dropped or expired later";
    most(table, "chain/lost", asks, 0.03, measures.iter().map(|measures| measures.lost));
    least(
        table,
        "chain/goodput",
        "goodput, in capacities of the tightest stage",
        0.93,
        measures.iter().map(|m| m.goodput),
    );
    Ok(report)
}

/// One in ten goes to a stage of a hundredth of the speed.
fn branch(table: &mut Table) -> Result<Report, StartError> {
    let about = "one in ten goes to a stage of a hundredth of the speed; the entry is offered 0.9 of its capacity, that stage nine times";
    let build = |demand: &Demand, beside: bool, told: bool| {
        let mut p = Pipeline::named("overload");
        let sort = (|slow: bool| if slow { Err(slow) } else { Ok(slow) }).threads(PLACES).slo(demand.slo());
        let (offers, out) = p.stage("entry", if told { sort.kind(|slow| *slow) } else { sort });
        let (quick, slow) = out.tried();
        p.end("quick", quick, |_: bool| ());
        let (slow, over) = slow.overflow();
        p.end_with("slow", slow, (|_: bool| ()).threads(PLACES).slo(demand.slo() * 100));
        p.end("over", over, |_: bool| ());
        let run = Run::new(p).entry(offers, demand.arrivals_of(0.9).kind("quick"), |_| false);
        let slow = demand.arrivals_of(0.1).kind("slow").slo(demand.slo() * 100);
        let run = if beside { run.entry(offers, slow, |_| true) } else { run };
        run.service("entry", Service::exponential(MEAN))
            .service("slow", Service::exponential(MEAN * 100))
            .warm_up(demand.step(1).start)
    };
    let lab = lab(PLACES as f64 / MEAN.as_secs_f64(), MEAN.mul_f64(SLO_SERVICES), steady(0.9, "branch", about));
    let lab = lab.contender(OURS, move |demand| build(demand, true, false));
    let lab = lab.contender(BRANCH_TOLD, move |demand| build(demand, true, true));
    let report = lab.contender(BRANCH_ALONE, move |demand| build(demand, false, false)).run()?;
    let alone = report.outcome("branch", BRANCH_ALONE).expect("it was among the contenders");
    let good = |outcome: &Outcome| kind(outcome, "quick").map(|figures| figures.good as f64).collect::<Vec<_>>();
    let told = report.outcome("branch", BRANCH_TOLD).expect("it was among the contenders");
    let asks = "goodput of the quick branch, beside a slow one that is offered nine times its capacity";
    for (id, outcome) in [("branch/quick", ours(&report)), ("branch-told/quick", told)] {
        let rounds = good(outcome).into_iter().zip(good(alone));
        table.row(Row::paired(id, asks, "", BRANCH_ALONE, Better::Higher, 0.98).rounds(rounds));
    }
    // What came before the kind was known to come to the slow stage: eight of them, and those on their way.
    let lost = told.runs().iter().map(|run| run.all.wasted_on_lost.as_secs_f64() / run.all.busy.as_secs_f64());
    let asks = "share of the handlers' time that was spent on what was shed later, with the kind told at the entry";
    most(table, "branch-told/lost", asks, 0.001, lost);
    let slow = kind(told, "slow").map(|figures| figures.good as f64).zip(kind(ours(&report), "slow"));
    let asks = "goodput of the slow branch with the kind told at the entry, of what it is without";
    least(table, "branch-told/slow", asks, 0.95, slow.map(|(told, untold)| told / (untold.good as f64).max(1.0)));
    Ok(report)
}
