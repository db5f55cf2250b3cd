//! Policies in wrappers, in overload: quality before shedding, levels, deadlines.

mod overload;

use overload::{PLACES, SCALES, Scene};
use seda_core::{
    Degrade, Quality, Slo,
    prelude::*,
    sim::{Results, Run},
};

/// A stage whose service time is in proportion to its quality, which is 1/5 at least, at these loads for so many objectives
/// each; and the quality at the end of each.
fn degraded(mut scene: Scene, loads: &[(f64, f64)]) -> (Results, Vec<f64>) {
    let steps = loads.iter().map(|&(load, slos)| (load * PLACES / scene.mean.as_secs_f64(), scene.at(slos)));
    scene.arrivals = seda_core::sim::Arrivals::steps(steps);
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
        let (results, levels) = degraded(Scene::new(mean, &[]), &[(0.8, 200.0), (2.0, 200.0), (0.5, 200.0)]);
        let shed = |at: &str| results.phase(at).unwrap().refused_share();
        println!("{mean:?} {levels:?} {} {} {}\n{results}", shed("0"), shed("1"), shed("2"));
        assert!(shed("0") <= 0.001 && shed("1") <= 0.005 && shed("2") <= 0.001, "{mean:?}\n{results}");
        assert!(levels[0] >= 0.95 && (0.4..0.5).contains(&levels[1]) && levels[2] >= 0.99, "{mean:?}: {levels:?}");
        assert!(results.all.good as f64 >= 0.98 * results.all.offered as f64, "{mean:?}\n{results}");
    }
}

#[test]
fn beyond_the_least_quality_the_rest_is_shed_and_goodput_is_what_that_can_do() {
    for mean in SCALES {
        let (results, levels) = degraded(Scene::new(mean, &[]), &[(0.8, 50.0), (10.0, 200.0)]);
        let figures = results.phase("1").unwrap();
        // Five times the capacity of the best quality.
        let can = 5.0 * 200.0 * 12.5 * PLACES;
        println!("{mean:?} {levels:?} {}\n{results}", figures.good as f64 / can);
        assert!(levels[1] <= 0.21, "{levels:?}");
        assert!(figures.good as f64 >= 0.95 * can, "{mean:?}: {}\n{results}", figures.good as f64 / can);
    }
}
