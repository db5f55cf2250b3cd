//! Fifty tenants, of whom one asks for far too much.

use seda::{
    Fair, Slo, StartError,
    lab::{Demand, Report},
    prelude::*,
    sim::{Figures, Run, Service},
};

use super::{Scaled, lab, measured_s, ours, steady};
use crate::policies::{OURS, PLACES, SLO_SERVICES};

const TENANTS: usize = 50;
/// What the greedy one offers, and each of the others, in fair shares.
const GREEDY: f64 = 20.0;
const MODEST: f64 = 0.8;
const MODEST_ALONE: &str = "the modest tenants alone";

/// One tenant of fifty offers twenty times its share.
pub(super) fn fifty(scaled: &mut Scaled<'_>) -> Result<Report, StartError> {
    let about = "one tenant of 50 offers 20 times its share, the others 0.8 of theirs";
    let offered = (GREEDY + MODEST * (TENANTS - 1) as f64) / TENANTS as f64;
    let lab = lab(scaled.capacity(), scaled.slo(), steady(offered, "tenants", about));
    let lab = lab.contender(OURS, |demand| build(demand, 0, offered));
    let report = lab.contender(MODEST_ALONE, |demand| build(demand, 1, offered)).run()?;
    let alone = report.outcomes().iter().find(|outcome| outcome.contender() == MODEST_ALONE);
    let alone = alone.expect("it is among the contenders").runs().iter().map(|run| kept(&run.kinds));
    let ours = ours(&report);
    let all = scaled.capacity() * measured_s(ours);
    let goodputs: Vec<Vec<f64>> = ours
        .runs()
        .iter()
        .map(|run| run.kinds.iter().map(|(_, figures)| figures.good as f64 / all).collect())
        .collect();
    let others = ours.runs().iter().zip(alone).map(|(run, alone)| kept(&run.kinds[1..]) / alone);
    let asks = "share of the others' offers that end within the objective, of what they have alone";
    scaled.least(scaled.id("tenants", "others"), asks, 0.98, others);
    let asks = "Jain's index of goodput over the fair share";
    scaled.least(scaled.id("tenants", "jain"), asks, 0.98, goodputs.iter().map(|of| jain(of)));
    let in_all = goodputs.iter().map(|of| of.iter().sum());
    scaled.least(scaled.id("tenants", "goodput"), "goodput of all, in capacities", 0.95, in_all);
    Ok(report)
}

/// With all of them, or without the first.
fn build(demand: &Demand, first: usize, offered: f64) -> Run {
    let mut p = Pipeline::named("overload");
    let fair = Fair::new(Slo::new(demand.slo()));
    let offers = p.sink("work", (|_: usize| ()).threads(PLACES).tenant(|tenant| *tenant).admission(fair));
    let share = |tenant: usize| if tenant == 0 { GREEDY } else { MODEST } / (TENANTS as f64 * offered);
    let entry = |run: Run, tenant: usize| {
        run.entry(offers, demand.arrivals_of(share(tenant)).kind(tenant.to_string()), move |_| tenant)
    };
    let run = (first..TENANTS).fold(Run::new(p), entry);
    run.service("work", Service::exponential(demand.slo().div_f64(SLO_SERVICES))).warm_up(demand.step(1).start)
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
