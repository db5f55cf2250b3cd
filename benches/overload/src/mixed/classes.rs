//! Classes of priority.

use std::time::Duration;

use seda::{
    StartError,
    lab::{Demand, Report},
    ms,
    prelude::*,
    sim::{Figures, Run, Service},
};

use super::{Scaled, kind, lab, measured_s, ours, steady};
use crate::policies::{OURS, PLACES, SLO_SERVICES};

/// Objectives of the three classes, the lowest first, where a service takes 50 ms and ten run at once.
const CLASSES: [Duration; 3] = [secs(5), secs(1), ms(200)];
const SERVICE: Duration = ms(50);
const THREADS: usize = 10;

fn good_share(figures: &Figures) -> f64 {
    figures.good as f64 / figures.offered as f64
}

/// High priority offers half of the capacity, and all together ten times it.
pub(super) fn two(scaled: &mut Scaled<'_>) -> Result<Report, StartError> {
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
    let lab = lab(scaled.capacity(), scaled.slo(), steady(10.0, "two classes", about));
    let report = lab.contender(OURS, build).run()?;
    let ours = ours(&report);
    let asks = "share of the high class's offers that end within the objective";
    scaled.least(scaled.id("two-classes", "high"), asks, 0.999, kind(ours, "high").map(good_share));
    let all = scaled.capacity() * measured_s(ours);
    let rest = kind(ours, "low").zip(kind(ours, "high")).map(|(low, high)| low.good as f64 / (all - high.good as f64));
    scaled.started("two-classes", ours, &["high", "low"]);
    let asks = "goodput of the low class, of what the high one leaves";
    scaled.least(scaled.id("two-classes", "low"), asks, 0.95, rest);
    Ok(report)
}

/// Three classes of equal shares, each with an objective of its own.
pub(super) fn three(scaled: &mut Scaled<'_>) -> Result<Report, StartError> {
    let about = "three classes of equal shares with objectives of 200, 1,000 and 5,000 ms, 2.5 times the capacity";
    let (slos, service) = (CLASSES.map(|slo| scaled.time(slo)), scaled.time(SERVICE));
    let capacity = THREADS as f64 / service.as_secs_f64();
    let build = |demand: &Demand| {
        let mut p = Pipeline::named("overload");
        let work = (|_: usize| ()).threads(THREADS).slo(demand.slo()).classes(3, |class| *class as u8);
        let offers = p.sink("work", work.deadline(move |class| slos[*class]));
        let entry = |run: Run, class: usize| {
            let arrivals = demand.arrivals_of(1.0 / 3.0).kind(class.to_string()).slo(slos[class]);
            run.entry(offers, arrivals.class(class as u8), move |_| class)
        };
        let run = (0..slos.len()).fold(Run::new(p), entry);
        run.service("work", Service::exponential(service)).warm_up(demand.step(1).start)
    };
    let report = lab(capacity, slos[0], steady(2.5, "three classes", about)).contender(OURS, build).run()?;
    let ours = ours(&report);
    let all = capacity * measured_s(ours);
    scaled.started("three-classes", ours, &["0", "1", "2"]);
    for (class, slo) in slos.into_iter().enumerate() {
        let name = class.to_string();
        let late = kind(ours, &name).map(|figures| figures.latency.p90.as_secs_f64() / slo.as_secs_f64());
        let asks = "p90 of the class's admitted, in its objectives; class 2 is the highest";
        scaled.most(scaled.id("three-classes", &format!("{name}/p90")), asks, 1.0, late);
        let floor = kind(ours, &name).map(|figures| figures.good as f64 / all);
        let asks = "goodput of the class, in capacities";
        scaled.least(scaled.id("three-classes", &format!("{name}/floor")), asks, 0.05, floor);
    }
    Ok(report)
}
