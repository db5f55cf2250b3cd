//! More than one stage: in a row, and beside each other.

use std::time::Duration;

use seda::{
    StartError,
    lab::{Demand, Outcome, Report, Scenario, Step},
    ms,
    prelude::*,
    sim::{Run, Service},
};
use seda_bench::{Better, Row};

use super::{Scaled, kind, lab, ours, steady};
use crate::policies::{OURS, PLACES};

/// Of each stage of the chain; twice that at the tightest.
const SERVICE: Duration = ms(2);
/// The chain's objective, in these.
const SERVICES: u32 = 50;
const BRANCH_ALONE: &str = "the quick branch alone";
const BRANCH_TOLD: &str = "with the kind told at the entry";

/// Five stages in a row, of which another one is the tightest every 200 objectives.
pub(super) fn chain(scaled: &mut Scaled<'_>) -> Result<Report, StartError> {
    let about =
        "five stages in a row, of which the 4th, then the 2nd, then the 5th is twice as slow; twice what that can do";
    let scenario = Scenario::new("chain", about)
        .step(Step::load(2.0).lasting(20.0))
        .step(Step::load(2.0))
        .step(Step::load(2.0))
        .step(Step::load(2.0))
        .judged_to("from the beginning", 1, 0.0, 3);
    let service = scaled.time(SERVICE);
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
            let service = Service::exponential(service);
            let service = match step {
                // The fourth is the tightest from the warm-up on.
                Some(1) => service.slowed(2.0, Duration::ZERO..demand.step(1).end),
                Some(step) => service.slowed(2.0, demand.step(step)),
                None => service,
            };
            run.service((at + 1).to_string(), service)
        })
    };
    let report = lab(1.0 / service.as_secs_f64(), service * SERVICES, scenario).contender(OURS, build).run()?;
    let measures = ours(&report).measures("from the beginning");
    let asks = "share of the handlers' time that was spent on what was shed, dropped or expired later";
    scaled.most(scaled.id("chain", "lost"), asks, 0.03, measures.iter().map(|measures| measures.lost));
    let asks = "goodput, in capacities of the tightest stage";
    scaled.least(scaled.id("chain", "goodput"), asks, 0.93, measures.iter().map(|measures| measures.goodput));
    Ok(report)
}

/// One in ten goes to a stage of a hundredth of the speed.
pub(super) fn branch(scaled: &mut Scaled<'_>) -> Result<Report, StartError> {
    let about = "one in ten goes to a stage of a hundredth of the speed; the entry is offered 0.9 of its capacity, that stage nine times";
    let mean = scaled.mean;
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
        run.service("entry", Service::exponential(mean))
            .service("slow", Service::exponential(mean * 100))
            .warm_up(demand.step(1).start)
    };
    let lab = lab(scaled.capacity(), scaled.slo(), steady(0.9, "branch", about));
    let lab = lab.contender(OURS, move |demand| build(demand, true, false));
    let lab = lab.contender(BRANCH_TOLD, move |demand| build(demand, true, true));
    let report = lab.contender(BRANCH_ALONE, move |demand| build(demand, false, false)).run()?;
    let [alone, told] = [BRANCH_ALONE, BRANCH_TOLD]
        .map(|contender| report.outcome("branch", contender).expect("it was among the contenders"));
    let good = |outcome: &Outcome| kind(outcome, "quick").map(|figures| figures.good as f64).collect::<Vec<_>>();
    let asks = "goodput of the quick branch, beside a slow one that is offered nine times its capacity";
    for (id, outcome) in [("branch", ours(&report)), ("branch-told", told)] {
        let rounds = good(outcome).into_iter().zip(good(alone));
        let id = scaled.id(id, "quick");
        scaled.table.row(Row::paired(id, asks, "", BRANCH_ALONE, Better::Higher, 0.98).rounds(rounds));
    }
    told_branch(scaled, told, ours(&report));
    Ok(report)
}

/// With the kind told, nothing is worked on in vain, and the slow stage does as much.
fn told_branch(scaled: &mut Scaled<'_>, told: &Outcome, untold: &Outcome) {
    let measures = told.measures("steady");
    let lost = measures.iter().map(|measures| measures.lost);
    let asks = "share of the handlers' time that was spent on what was shed later, with the kind told at the entry";
    scaled.most(scaled.id("branch-told", "lost"), asks, 0.03, lost);
    let good = |outcome| kind(outcome, "slow").map(|figures| figures.good as f64);
    let slow = good(told).zip(good(untold)).map(|(told, untold)| told / untold.max(1.0));
    let asks = "goodput of the slow branch with the kind told at the entry, of what it is without";
    scaled.least(scaled.id("branch-told", "slow"), asks, 0.95, slow);
}
