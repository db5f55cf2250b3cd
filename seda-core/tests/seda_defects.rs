//! What was wrong in the original SEDA (Sandstorm 3.0), and is not here: one test for each.

use seda_core::{
    BatchCost, Refusal, ResponseTime, Scope, TokenBucket, keys,
    prelude::*,
    sim::{Arrivals, Run, Service},
    test::Virtual,
};

/// A stage that takes no time, with this policy.
fn stage(policy: impl seda_core::Admission + 'static) -> (Virtual, Inlet<u64>) {
    let mut p = Pipeline::named("work");
    let work = p.sink("work", (|_: u64| ()).queue(100_000).admission(policy));
    (Virtual::start(p, 1).unwrap(), work)
}

#[test]
fn a_rate_of_5000_a_second_admits_5000_a_second() {
    // There: 1,005, as a period was floored to a millisecond.
    let (mut sim, work) = stage(TokenBucket::new(5_000.0, 1));
    let mut admitted = 0;
    for n in 0..20_000 {
        admitted += usize::from(sim.offer(work, n).is_ok());
        sim.advance(us(100));
    }
    assert!((9_995..=10_001).contains(&admitted), "{admitted} in 2 s");
}

#[test]
fn a_batch_never_exceeds_the_bound() {
    // There: a bound of 10 took a batch of 1,000, as each event was held against the size before the batch.
    let mut p = Pipeline::named("work");
    let work = p.sink("work", (|_: u64| ()).queue(10).when_full(WhenFull::Reject));
    let sim = Virtual::start(p, 1).unwrap();
    let entry = sim.entry(work);
    let too_many = entry.try_offer_many((0..1000).collect()).unwrap_err();
    assert_eq!((too_many.why, too_many.event.len()), (Refusal::TooMany { bound: 10 }, 1000));
    entry.try_offer_many((0..6).collect()).unwrap();
    assert_eq!(entry.try_offer_many((6..11).collect()).unwrap_err().why, Refusal::Full);
    entry.try_offer_many((6..10).collect()).unwrap();
    assert_eq!(sim.snapshot().stages[0].queue_len, 10);
    // Nor do the batches that one stage hands to the next.
    let mut p = Pipeline::named("two");
    let numbers = p.source("numbers", 0..1000_u64);
    p.end_with("work", numbers, (|_: u64, cx: &Cx| cx.spend(ms(1))).queue(10));
    let mut sim = Virtual::start(p, 1).unwrap();
    while sim.step() {
        assert!(sim.snapshot().stages[1].queue_len <= 10);
    }
    assert_eq!(sim.ledger().stage("work").unwrap().done, 1000);
}

#[test]
fn a_refused_batch_burns_no_tokens() {
    // There: after a refused batch of 20, none of 10 tokens was left.
    let (sim, work) = stage(TokenBucket::new(1.0, 10));
    let entry = sim.entry(work);
    entry.try_offer_many((0..20).collect()).unwrap_err();
    entry.try_offer_many((0..10).collect()).unwrap();
    assert!(sim.offer(work, 10).is_err());
}

#[test]
fn a_window_without_a_sample_changes_nothing() {
    // There: a time-out with no sample read whatever stood in the first slot.
    let (mut sim, work) = stage(ResponseTime::new(ms(50)));
    sim.advance(secs(100));
    let mut admitted = 0;
    for n in 0..10_000 {
        admitted += usize::from(sim.offer(work, n).is_ok());
        // Nothing is settled within this second, so its first rate of 100/s holds.
        if n % 10 == 9 {
            sim.advance(us(10));
        }
    }
    assert!(admitted <= 2, "{admitted} in 10 ms at 100/s");
}

#[test]
fn a_small_batch_target_can_grow() {
    // There: below five, 1.2 times a whole number was that number.
    for least in 1..=4 {
        let mut p = Pipeline::named("batches");
        let store = batch(|rows: Batch<u64>| rows.answer(drop));
        let (rows, out) = p.stage("store", store.batch_max(least..=512).queue(2_000).when_full(WhenFull::Reject));
        p.end("end", out, drop);
        p.controller("stage.store.batch_max", BatchCost::default());
        let run = Run::new(p).entry(rows, Arrivals::poisson(30_000.0), |n| n);
        let results = run.service("store", Service::fixed(us(50)).per_batch(us(200))).during(secs(3)).unwrap();
        assert!(results.snapshot.knobs[0].value > 10, "from {least} to {}", results.snapshot.knobs[0].value);
    }
}

#[test]
fn every_bound_is_on_by_default() {
    // There: everything adaptive and every bound was off, and a queue that was made at run time had none.
    let mut p = Pipeline::named("defaults");
    let (first, out) = p.stage("first", |n: u64| n);
    let (second, last) = (batch(|all: Batch<u64>| all.answer(|n| n)), |_: u64| ());
    let out = p.then_with("second", out, second);
    p.end("last", out, last);
    let sim = Virtual::start(p, 1).unwrap();
    assert!(sim.snapshot().stages.iter().all(|stage| stage.queue_bound == 1000));
    let taken = (0..2000).take_while(|n| sim.offer(first, *n).is_ok()).count();
    assert_eq!(taken, 1000);
    for name in ["queue.events", "batch_max", "threads"] {
        let key = keys().iter().find(|key| key.name == name && key.scope == Scope::Stage).unwrap();
        assert!(key.default.parse::<usize>().is_ok(), "{name}: {}", key.default);
    }
}
