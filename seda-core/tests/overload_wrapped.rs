//! Policies in wrappers, in overload: quality before shedding, levels, deadlines.

mod overload;

use overload::{PLACES, SCALES, Scene};
use seda_core::{
    Admission, Deadline, Degrade, Fresh, MaxConcurrency, Priority, Quality, ResponseTime, Slo,
    prelude::*,
    sim::{Arrivals, Results, Run, Service},
};

/// A stage whose service time is in proportion to its quality, which is 1/5 at least, at these loads for so many objectives
/// each; and the quality at the end of each.
fn degraded(mean: std::time::Duration, loads: &[(f64, f64)]) -> (Results, Vec<f64>) {
    let mut scene = Scene::new(mean, loads);
    let quality = Quality::new(0.2..=1.0);
    let knob = quality.clone();
    scene.service = scene.service.scaled(move || knob.level());
    let mut p = Pipeline::named("overload");
    let policy = Degrade::new(Slo::new(scene.slo()), &quality);
    let work = (|_: u64| ()).threads(PLACES as usize).queue(1_000_000).admission(policy);
    let offers = p.sink("work", work);
    let mut run = Run::new(p).entry(offers, scene.arrivals.clone(), |n| n).service("work", scene.service.clone());
    let mut from = 0.0;
    for (at, &(_, slos)) in loads.iter().enumerate() {
        run = run.phase(at.to_string(), scene.at(from)..scene.at(from + slos));
        from += slos;
    }
    let levels = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (seen, looks) = (levels.clone(), quality.clone());
    run = run.every(scene.slo(), move |_| seen.lock().unwrap().push(looks.level()));
    let results = run.slo(scene.slo()).seed(scene.seed).during(scene.at(from)).unwrap();
    let levels = levels.lock().unwrap();
    let mut upto = 0.0;
    // The mean of the second half of each.
    let ends = loads.iter().map(|&(_, slos)| {
        let half = &levels[(upto + slos / 2.0) as usize..(upto + slos - 1.0) as usize];
        upto += slos;
        half.iter().sum::<f64>() / half.len() as f64
    });
    let ends = ends.collect();
    (results, ends)
}

#[test]
fn while_quality_suffices_hardly_anything_is_shed_and_it_comes_back_with_the_load() {
    for mean in SCALES {
        let (results, levels) = degraded(mean, &[(0.8, 200.0), (2.0, 200.0), (0.5, 200.0)]);
        let shed = |at: &str| results.phase(at).unwrap().refused_share();
        assert!(shed("0") <= 0.001 && shed("1") <= 0.005 && shed("2") <= 0.001, "{mean:?}\n{results}");
        assert!(levels[0] >= 0.95 && (0.4..0.5).contains(&levels[1]) && levels[2] >= 0.99, "{mean:?}: {levels:?}");
        assert!(results.all.good as f64 >= 0.98 * results.all.offered as f64, "{mean:?}\n{results}");
    }
}

#[test]
fn beyond_the_least_quality_the_rest_is_shed_and_goodput_is_what_that_can_do() {
    for mean in SCALES {
        let (results, levels) = degraded(mean, &[(0.8, 50.0), (10.0, 200.0)]);
        let figures = results.phase("1").unwrap();
        // Five times the capacity of the best quality.
        let can = 5.0 * 200.0 * 12.5 * PLACES;
        assert!(levels[1] <= 0.21, "{levels:?}");
        assert!(figures.good as f64 >= 0.95 * can, "{mean:?}: {}\n{results}", figures.good as f64 / can);
    }
}

/// A tenth of the offers are of the highest level, ten times the capacity in all, the rest of a hundred levels alike; by a
/// policy that knows no classes.
fn levels(policy: impl Admission + 'static, seed: u64) -> Results {
    let mut p = Pipeline::named("levels");
    let work = (|_: u8| ()).threads(4).classes(1, |level| *level).admission(policy);
    let offers = p.sink("work", work);
    let mut run = Run::new(p).service("work", Service::exponential(ms(4)));
    run = run.entry(offers, Arrivals::poisson(500.0).kind("high"), |_| 127);
    for tenth in 0..10 {
        let arrivals = Arrivals::poisson(950.0).kind(tenth.to_string());
        run = run.entry(offers, arrivals, move |n| tenth * 10 + (n % 10) as u8);
    }
    run.slo(ms(50)).seed(seed).warm_up(secs(1)).during(secs(61)).unwrap()
}

#[test]
fn the_highest_level_is_served_and_the_next_get_the_rest_whatever_the_policy() {
    for seed in 1..=3 {
        let results = levels(Priority::new(MaxConcurrency::new(30)), seed);
        let good = |kind: &str| results.kind(kind).unwrap().good as f64 / 60.0;
        let (high, upper) = (results.kind("high").unwrap(), good("9"));
        let low: f64 = (0..9).map(|tenth| good(&tenth.to_string())).sum();
        // The last fifth of 30 places is six: a run of the high ones alone fills it now and then.
        assert!(high.refused_share() <= 0.0025, "{results}");
        assert!(upper >= 0.8 * 500.0 && good("9") + low >= 0.95 * 500.0, "{upper} and {low}\n{results}");
        assert!(low >= 0.02 * 1000.0 && good("0") > 0.0, "{low}\n{results}");
    }
}

/// Offers with deadlines from 10 to 100 ms, at three times the capacity, where up to 200 may wait.
fn deadlines(policy: impl Admission + 'static) -> Results {
    let mut p = Pipeline::named("deadlines");
    let work = (|_: u64| ()).threads(4).admission(policy).deadline(|n| ms(10 + n % 10 * 10));
    let offers = p.sink("work", work);
    let mut run = Run::new(p).service("work", Service::exponential(ms(4)));
    for tenth in 0..10u64 {
        let arrivals = Arrivals::poisson(300.0).slo(ms(10 + tenth * 10));
        run = run.entry(offers, arrivals, move |_| tenth);
    }
    run.seed(1).warm_up(secs(1)).during(secs(61)).unwrap()
}

#[test]
fn what_cannot_meet_its_deadline_is_told_at_once_instead_of_waiting_for_it_to_pass() {
    let without = deadlines(MaxConcurrency::new(200));
    let with = deadlines(Deadline::new(MaxConcurrency::new(200)));
    assert!(without.all.expired_share() > 0.3, "{without}");
    assert!(with.all.expired_share() <= 0.1, "{with}");
    assert!(with.goodput() >= 0.85 * 1000.0, "{with}");
    let shed = &with.snapshot.stages[0].counts.shed_by;
    assert!(shed.iter().any(|shed| shed.reason == "deadline" && shed.events > 50_000), "{shed:?}");
}

#[test]
fn while_a_queue_stands_the_newest_are_served_and_the_queue_stays_short() {
    for mean in SCALES {
        let scene = Scene::new(mean, &[(0.8, 50.0), (10.0, 200.0), (0.8, 50.0)]);
        let results = scene.run(Fresh::new(scene.slo()), &[0.0..50.0, 60.0..250.0, 260.0..300.0], 300.0);
        let of = |at: &str, during| scene.of(results.phase(at).unwrap(), during);
        let (before, within, after) = (of("0", 0.0..50.0), of("1", 60.0..250.0), of("2", 260.0..300.0));
        assert!(within.goodput >= 0.95, "{mean:?}: {within:?}");
        assert!(before.expired <= 0.02 && after.expired <= 0.02, "{mean:?}: {before:?} {after:?}");
        assert!(results.ledger.balanced());
    }
}

/// SEDA's own test of classes: exponential service at 20 a second and thread, targets of 5, 1 and 0.2 s, 500 offers a second.
#[test]
fn of_sedas_classes_the_higher_keep_their_targets_and_the_lowest_pays() {
    let mut p = Pipeline::named("classes");
    let policy = ResponseTime::new(secs(5)).class(1, secs(1)).class(2, ms(200));
    let work = (|_: u8| ()).threads(10).queue(100_000).classes(3, |class| *class).admission(policy);
    let offers = p.sink("work", work);
    let mut run = Run::new(p).service("work", Service::exponential(ms(50)));
    for (class, slo) in [(0, secs(5)), (1, secs(1)), (2, ms(200))] {
        let arrivals = Arrivals::poisson(500.0 / 3.0).kind(class.to_string()).slo(slo);
        run = run.entry(offers, arrivals, move |_| class);
    }
    let results = run.seed(1).warm_up(secs(60)).during(secs(660)).unwrap();
    let of = |class: u8| results.kind(&class.to_string()).unwrap();
    let share = |class: u8| of(class).good as f64 / (of(class).offered - of(class).refused()) as f64;
    assert!(share(2) >= 0.9 && share(1) >= 0.9, "{results}");
    assert!(of(0).good < of(1).good / 4 && of(0).good < of(2).good / 4 && of(0).good > 0, "{results}");
}
