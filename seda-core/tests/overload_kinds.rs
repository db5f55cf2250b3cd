//! What a stage further down has no room for is shed at the entry, where its kind is known there, and only that; and an entry
//! that shares its threads predicts with what it gets of them.

use seda_core::{
    TokenBucket,
    prelude::*,
    sim::{Arrivals, Figures, Results, Run, Service},
};

/// Who refuses at the slow stage.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Door {
    /// It keeps an objective of its own, of 5 s.
    Slo,
    /// It lets nine through a second.
    Bucket,
    /// Its queue rejects when there are twenty in it.
    Full,
}

/// One in ten goes to a stage of a hundredth of the speed: four threads of 4 ms at the entry, offered 0.9 of what it can do,
/// four of 400 ms there, offered nine times.
fn branch(door: Door, tells_kinds: bool, slow: f64, seed: u64) -> Results {
    // Where only the entry has an objective, it is one for all.
    let (slo, slow_slo) = if door == Door::Slo { (ms(50), secs(5)) } else { (secs(5), secs(5)) };
    let mut p = Pipeline::named("branch");
    let sort = (|slow: bool| if slow { Err(slow) } else { Ok(slow) }).threads(4).slo(slo);
    let sort = if tells_kinds { sort.kind(|slow| *slow) } else { sort };
    let (offers, quick, slowly) = p.stage("entry", sort).tried();
    p.end("quick", quick, |_: bool| ());
    let (slowly, over) = slowly.overflow();
    let work = (|_: bool| ()).threads(4);
    let work = match door {
        Door::Slo => work.slo(slow_slo),
        Door::Bucket => work.admission(TokenBucket::new(9.0, 10)),
        Door::Full => work.queue(20).when_full(WhenFull::Reject),
    };
    p.end_with("slow", slowly, work);
    p.end("over", over, |_: bool| ());
    Run::new(p)
        .entry(offers, Arrivals::poisson(810.0).kind("quick"), |_| false)
        .entry(offers, Arrivals::poisson(slow).kind("slow").slo(slow_slo), |_| true)
        .service("entry", Service::exponential(ms(4)))
        .service("slow", Service::exponential(ms(400)))
        .slo(slo)
        .seed(seed)
        .window(secs(5))
        .warm_up(secs(5))
        .during(secs(65))
        .unwrap()
}

fn lost(figures: &Figures) -> f64 {
    figures.wasted_on_lost.as_secs_f64() / figures.busy.as_secs_f64()
}

fn good(results: &Results, kind: &str) -> f64 {
    results.kind(kind).unwrap().good as f64
}

#[test]
fn with_the_kind_known_the_slow_one_is_shed_at_the_entry_nothing_is_worked_on_in_vain_and_the_other_notices_nothing() {
    for (door, seed) in [(Door::Slo, 1), (Door::Slo, 2), (Door::Full, 1)] {
        let (alone, unknown, known) =
            (branch(door, true, 0.001, seed), branch(door, false, 90.0, seed), branch(door, true, 90.0, seed));
        assert!(good(&known, "quick") >= 0.98 * good(&alone, "quick"), "{door:?}\n{known}\n{alone}");
        // Of the work on what the slow stage had no room for nothing is left, and that stage does as much as it did.
        let (before, now) = (lost(&unknown.all), lost(&known.all));
        assert!(before > 0.03 && now < 0.001, "{door:?}: {before} of the work was lost, and {now} with kinds");
        let slow = known.kind("slow").unwrap();
        assert!(slow.shed_later <= slow.admitted / 50, "{door:?}\n{known}");
        assert!(slow.good as f64 >= 0.95 * good(&unknown, "slow"), "{door:?}\n{known}\n{unknown}");
    }
}

#[test]
fn a_policy_that_says_no_room_is_followed_by_what_it_refused() {
    let (unknown, known) = (branch(Door::Bucket, false, 90.0, 1), branch(Door::Bucket, true, 90.0, 1));
    assert!(lost(&known.all) < 0.5 * lost(&unknown.all), "{known}\n{unknown}");
    assert!(good(&known, "slow") >= 0.85 * good(&unknown, "slow"), "{known}\n{unknown}");
    assert_eq!(known.kind("quick").unwrap().refused(), 0);
}

#[test]
fn the_entry_takes_over_once_and_does_not_flap() {
    let results = branch(Door::Slo, true, 90.0, 3);
    // Windows of 5 s, of which the slow stage works off fifty.
    let done: Vec<u64> = results.windows.iter().skip(2).map(|window| window.figures.shed_later).collect();
    assert!(done.iter().all(|&later| later <= 5), "shed later, by window: {done:?}");
    let slow = results.ledger.stage("slow").unwrap();
    assert!(slow.done as f64 >= 0.93 * 650.0, "{}", results.ledger);
}

/// Two entries that share four threads of 4 ms, offered so much of what those can do; the second comes second there too.
fn shared(loads: [f64; 2], seed: u64) -> Results {
    let mut p = Pipeline::named("shared");
    let domain = p.domain("both", 4);
    let work = || (|_: u64| ()).on(&domain).slo(ms(50));
    let (first, second) = (p.sink("first", work()), p.sink("second", work()));
    Run::new(p)
        .entry(first, Arrivals::poisson(loads[0] * 1000.0).kind("first"), |n| n)
        .entry(second, Arrivals::poisson(loads[1] * 1000.0).kind("second"), |n| n)
        .service("first", Service::exponential(ms(4)))
        .service("second", Service::exponential(ms(4)))
        .slo(ms(50))
        .seed(seed)
        .warm_up(secs(2))
        .during(secs(22))
        .unwrap()
}

#[test]
fn two_entries_that_share_threads_predict_with_what_each_gets_of_them() {
    for seed in 1..=2 {
        let results = shared([0.6, 2.0], seed);
        let (first, second) = (results.kind("first").unwrap(), results.kind("second").unwrap());
        assert!(good(&results, "first") >= 0.98 * first.offered as f64, "{results}");
        assert!(good(&results, "second") >= 0.95 * (20_000.0 - good(&results, "first")), "{results}");
        assert!(second.expired_share() <= 0.01, "{results}");
    }
}

#[test]
fn an_entry_whose_threads_serve_the_stage_behind_it_too_keeps_its_objective() {
    for (load, least) in [(0.9, 0.98 * 0.9), (2.0, 0.97), (10.0, 0.95)] {
        let mut p = Pipeline::named("shared");
        let domain = p.domain("both", 4);
        let (offers, out) = p.stage("first", (|n: u64| n).on(&domain).slo(ms(50)));
        p.end_with("then", out, (|_: u64| ()).on(&domain));
        let run = Run::new(p).entry(offers, Arrivals::poisson(load * 1000.0), |n| n);
        let run = run.service("first", Service::exponential(ms(1))).service("then", Service::exponential(ms(3)));
        let results = run.slo(ms(50)).seed(1).warm_up(secs(2)).during(secs(22)).unwrap();
        assert!(results.goodput() >= least * 1000.0 && results.all.latency.p99 <= ms(52), "{load}: {results}");
    }
}

/// A source, and the tightest stage is not the first: nothing comes by there to say that it may go on.
#[test]
fn a_source_that_waits_for_a_stage_further_down_goes_on_when_that_has_room() {
    let mut p = Pipeline::named("import");
    let mut left = 10_000;
    let lines = p.source(
        "lines",
        pull(move || {
            left -= 1;
            if left >= 0 { Pulled::Event(left as u64) } else { Pulled::End }
        }),
    );
    let out = p.then_with("read", lines, (|n: u64| n).threads(4).slo(ms(50)));
    p.end_with("work", out, (|_: u64| ()).threads(4));
    let run = Run::new(p).service("read", Service::exponential(ms(1))).service("work", Service::exponential(ms(4)));
    let results = run.during(secs(12)).unwrap();
    assert_eq!(results.ledger.stage("work").unwrap().done, 10_000, "{}", results.ledger);
}

#[test]
fn what_is_refused_on_an_inner_edge_comes_with_the_reason_and_the_time_to_try_again() {
    let mut p = Pipeline::named("orders");
    let (offers, out) = p.stage("take", |n: u64| n);
    let (orders, refused) = out.refused();
    p.end_with("ship", orders, (|_: u64| ()).slo(ms(20)));
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let notes = told.clone();
    p.end("tell", refused, move |refused: Refused<u64>| notes.lock().unwrap().push(refused.why));
    let run = Run::new(p).entry(offers, Arrivals::poisson(2_000.0), |n| n).service("ship", Service::fixed(ms(4)));
    let results = run.during(secs(2)).unwrap();
    let told = told.lock().unwrap();
    assert_eq!(told.len() as u64, results.ledger.stage("ship").unwrap().refused());
    let early = told.iter().filter(|why| why.retry_after().is_none_or(|after| after < ms(4))).count();
    assert!(told.len() > 1000 && early == 0, "{early} of {}: {:?}", told.len(), &told[..4]);
}
