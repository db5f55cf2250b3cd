//! One sentence says which stage holds the rest up, and what would move it: for each cause another.

use seda_core::{
    Snapshot, TokenBucket,
    prelude::*,
    sim::{Arrivals, Run, Service},
};

fn sentence(snapshot: &Snapshot) -> String {
    snapshot.bottleneck().map(|found| found.to_string()).unwrap_or_default()
}

#[test]
fn one_that_computes_on_all_cores_is_bound_by_the_processor() {
    let mut p = Pipeline::named("p");
    let inlet = p.sink("work", drop::<u64>.threads(1..=8).queue(100).when_full(WhenFull::Reject));
    let run = Run::new(p)
        .entry(inlet, Arrivals::poisson(1_000.0), |n| n)
        .service("work", Service::fixed(ms(5)).computing(1.0))
        .cores(2.0);
    let said = sentence(&run.during(secs(5)).unwrap().snapshot);
    assert!(said.starts_with("bottleneck: `work`, busy ") && said.contains("CPU 100 %, loses"), "{said}");
    assert!(said.ends_with("a quicker handler, or more cores: 2.0 of its threads compute, on 2"), "{said}");
}

#[test]
fn one_that_sleeps_is_bound_by_its_threads() {
    let run = |threads: seda_core::Threads| {
        let mut p = Pipeline::named("p");
        let inlet = p.sink("work", drop::<u64>.threads(threads).queue(100).when_full(WhenFull::Reject));
        let run = Run::new(p).entry(inlet, Arrivals::poisson(1_000.0), |n| n).service("work", Service::fixed(ms(5)));
        sentence(&run.during(secs(5)).unwrap().snapshot)
    };
    let (fixed, range) = (run(2.into()), run((1..=3).into()));
    assert!(fixed.ends_with("a faster handler, or more threads than its 2"), "{fixed}");
    assert!(range.ends_with("a faster handler, or a wider range of threads than 1..3"), "{range}");
}

#[test]
fn one_that_waits_for_room_behind_it_is_not_the_one() {
    let mut p = Pipeline::named("p");
    let (first, out) = p.stage("first", (|n: u64| n).threads(2).queue(10).when_full(WhenFull::Reject));
    p.end_with("second", out, drop::<u64>.queue(10));
    let run = Run::new(p)
        .entry(first, Arrivals::poisson(1_000.0), |n| n)
        .service("first", Service::fixed(us(100)))
        .service("second", Service::fixed(ms(10)));
    let said = sentence(&run.during(secs(5)).unwrap().snapshot);
    assert!(said.starts_with("bottleneck: `second`, busy") && said.contains("held others up"), "{said}");
}

#[test]
fn one_whose_policy_sheds_while_workers_have_time_is_bound_by_the_policy() {
    let mut p = Pipeline::named("p");
    let inlet = p.sink("work", drop::<u64>.threads(2).admission(TokenBucket::new(240.0, 10)));
    let run = Run::new(p).entry(inlet, Arrivals::poisson(1_000.0), |n| n).service("work", Service::fixed(ms(5)));
    let said = sentence(&run.during(secs(5)).unwrap().snapshot);
    assert!(said.ends_with("its policy sheds while workers have time to spare: let it admit more"), "{said}");
}

#[test]
fn where_nothing_is_wrong_nothing_is_said() {
    let mut p = Pipeline::named("p");
    let inlet = p.sink("work", drop::<u64>.threads(1..=4));
    let run = Run::new(p).entry(inlet, Arrivals::poisson(100.0), |n| n).service("work", Service::fixed(ms(5)));
    let snapshot = run.during(secs(5)).unwrap().snapshot;
    assert!(snapshot.bottleneck().is_none() && !snapshot.to_string().contains("bottleneck"), "{snapshot}");
}
