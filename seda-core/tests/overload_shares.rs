//! Who asks for too much pays for it: tenants, classes and kinds beside each other in overload.

use seda_core::{
    Admission, Fair, MaxConcurrency, Slo,
    prelude::*,
    sim::{Arrivals, Results, Run, Service},
};

/// Four threads and 4 ms: a thousand events a second are the capacity, and each of 50 tenants' share is 20.
const TENANTS: usize = 50;
const SHARE: f64 = 20.0;

/// Each tenant offers so much of its share.
fn tenants(policy: impl Admission + 'static, asks: impl Fn(usize) -> f64, seed: u64) -> Results {
    let mut p = Pipeline::named("tenants");
    let offers = p.sink("work", (|_: usize| ()).threads(4).tenant(|tenant| *tenant).admission(policy));
    let mut run = Run::new(p).service("work", Service::exponential(ms(4)));
    for tenant in 0..TENANTS {
        let arrivals = Arrivals::poisson(asks(tenant) * SHARE).kind(tenant.to_string());
        run = run.entry(offers, arrivals, move |_| tenant);
    }
    run.slo(ms(50)).seed(seed).warm_up(secs(5)).during(secs(65)).unwrap()
}

fn good(results: &Results, tenant: usize) -> f64 {
    results.kind(&tenant.to_string()).map_or(0.0, |figures| figures.good as f64 / 60.0)
}

/// Jain's index: 1 where all have the same.
fn jain(of: &[f64]) -> f64 {
    let (sum, squares) = of.iter().fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
    sum * sum / (of.len() as f64 * squares)
}

/// How the others fare against being alone, Jain's index of good ones by fair share, and good ones in all by the capacity.
fn judged(policy: impl Fn() -> Box<dyn Admission>, seed: u64) -> [f64; 3] {
    let beside = tenants(Fair::new(policy()), |tenant| if tenant == 0 { 20.0 } else { 0.8 }, seed);
    let alone = tenants(Fair::new(policy()), |tenant| if tenant == 0 { 0.0001 } else { 0.8 }, seed);
    let others = |results: &Results| (1..TENANTS).map(|tenant| good(results, tenant)).sum::<f64>();
    let offered = |tenant: usize| beside.kind(&tenant.to_string()).map_or(0.0, |figures| figures.offered as f64 / 60.0);
    let rest = 1000.0 - (1..TENANTS).map(offered).sum::<f64>();
    let fair = |tenant: usize| if tenant == 0 { rest } else { offered(tenant) };
    let shares: Vec<f64> = (0..TENANTS).map(|tenant| good(&beside, tenant) / fair(tenant)).collect();
    [others(&beside) / others(&alone), jain(&shares), beside.goodput() / 1000.0]
}

#[test]
fn a_tenant_that_asks_for_twenty_times_its_share_costs_the_others_two_in_a_hundred_at_most() {
    for seed in 1..=3 {
        let [others, jain, goodput] = judged(|| Box::new(Slo::new(ms(50))), seed);
        assert!(others >= 0.98 && jain >= 0.98 && goodput >= 0.95, "{others}, {jain}, {goodput}");
    }
}

#[test]
fn so_it_is_with_a_policy_that_knows_no_classes() {
    let [others, jain, goodput] = judged(|| Box::new(MaxConcurrency::new(40)), 1);
    assert!(others >= 0.98 && jain >= 0.98 && goodput >= 0.95, "{others}, {jain}, {goodput}");
}

#[test]
fn a_tenant_whose_events_take_long_is_over_its_share_by_the_time_that_they_take() {
    let mut p = Pipeline::named("tenants");
    let fair = Fair::new(Slo::new(ms(500)));
    let offers = p.sink("work", (|_: u8| ()).threads(4).tenant(|tenant| *tenant).admission(fair));
    let run = Run::new(p)
        .entry(offers, Arrivals::poisson(400.0).kind("quick"), |_| 0)
        .entry(offers, Arrivals::poisson(400.0).kind("slow"), |_| 1)
        .service_of("work", "quick", Service::exponential(ms(2)))
        .service_of("work", "slow", Service::exponential(ms(20)));
    let results = run.slo(ms(500)).seed(1).warm_up(secs(5)).during(secs(65)).unwrap();
    let (quick, slow) = (results.kind("quick").unwrap(), results.kind("slow").unwrap());
    // 0.8 of four threads for the quick one, who asks for less than half, and 3.2 for the other: 160 a second.
    assert!(quick.good as f64 >= 0.95 * quick.offered as f64, "{results}");
    assert!(slow.good as f64 >= 0.9 * 60.0 * 160.0, "{results}");
}

/// Ten threads of 50 ms, 200 events a second, offered 500 in three equal classes with objectives of 0.2, 1 and 5 s.
fn classes(seed: u64) -> Results {
    let mut p = Pipeline::named("classes");
    let objective = |class: &u8| [secs(5), secs(1), ms(200)][usize::from(*class)];
    let work = (|_: u8| ()).threads(10).slo(secs(5)).classes(3, |class| *class).deadline(objective);
    let offers = p.sink("work", work);
    let mut run = Run::new(p).service("work", Service::exponential(ms(50)));
    for class in 0..3 {
        let arrivals = Arrivals::poisson(500.0 / 3.0).kind(class.to_string()).slo(objective(&class));
        run = run.entry(offers, arrivals, move |_| class);
    }
    run.seed(seed).warm_up(secs(20)).during(secs(1020)).unwrap()
}

#[test]
fn each_class_keeps_its_objective_the_lowest_pays_first_and_none_gets_less_than_its_floor() {
    for seed in 1..=3 {
        let results = classes(seed);
        let of = |class: u8| results.kind(&class.to_string()).unwrap();
        for (class, objective) in [(0, secs(5)), (1, secs(1)), (2, ms(200))] {
            let admitted = of(class).offered - of(class).refused();
            assert!(of(class).good as f64 >= 0.9 * admitted as f64, "p90 of class {class}, {objective:?}\n{results}");
        }
        let a_second = [0, 1, 2].map(|class| of(class).good as f64 / 1000.0);
        // Of the high ones, those whose service alone takes too long are 1.8 %.
        assert!(a_second[0] >= 10.0 && a_second[1] > a_second[0] && a_second[2] >= 0.88 * 166.7, "{a_second:?}");
    }
}
