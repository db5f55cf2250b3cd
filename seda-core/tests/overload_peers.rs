//! The policies beside each other: each by its worst scenario.

mod overload;

use overload::{PLACES, Scene};
use seda_core::{
    Admission, Aimd, CoDel, Gradient, MaxConcurrency, Slo, Vegas,
    prelude::*,
    sim::{Arrivals, Service},
};

/// Good ones as a share of what the best bound found by search lets through, in four scenarios.
fn shares(policy: impl Fn(std::time::Duration) -> Box<dyn Admission>) -> Vec<f64> {
    let share = |scene: &Scene, capacity: f64| {
        let policy = policy(scene.slo());
        let results = scene.run(policy, &[20.0..220.0], 220.0);
        scene.of(results.phase("0").unwrap(), 20.0..220.0).goodput / capacity
    };
    let mut slow = Scene::new(ms(4), &[(0.8, 1.0)]);
    slow.service = Service::exponential(ms(4)).slowed(4.0, slow.at(20.0)..slow.at(220.0));
    let mut bursts = Scene::new(ms(4), &[(0.6, 1.0)]);
    bursts.arrivals = Arrivals::bursts(32, ms(4).mul_f64(32.0 / (0.6 * PLACES)));
    vec![
        share(&Scene::new(ms(4), &[(10.0, 1.0)]), 1.0),
        share(&Scene::new(us(10), &[(10.0, 1.0)]), 1.0),
        share(&slow, 0.92 / 4.0),
        share(&bursts, 0.6),
    ]
}

#[test]
fn the_objective_has_the_best_worst_scenario_of_all() {
    let worst = |name: &str, shares: Vec<f64>| {
        println!(
            "{name:<24} 10 x, 4 ms {:.3}; 10 x, 10 us {:.3}; 4 x slower {:.3}; bursts {:.3}",
            shares[0], shares[1], shares[2], shares[3]
        );
        shares.into_iter().fold(f64::INFINITY, f64::min)
    };
    let slo = worst("slo", shares(|slo| Box::new(Slo::new(slo))));
    let others = [
        worst("codel 5/100", shares(|_| Box::new(CoDel::new()))),
        worst("codel by service", shares(|_| Box::new(CoDel::by_service()))),
        worst("aimd", shares(|slo| Box::new(Aimd::new(slo)))),
        worst("vegas", shares(|_| Box::new(Vegas::new()))),
        worst("gradient", shares(|_| Box::new(Gradient::new()))),
        worst("max-concurrency 30", shares(|_| Box::new(MaxConcurrency::new(30)))),
    ];
    assert!(slo >= 0.95, "{slo}");
    assert!(others.iter().all(|other| *other < slo - 0.05), "{slo} against {others:?}");
}
