//! What a stage further down has no room for is shed at the entry, where its kind is known there, and only that.

use std::time::Duration;

use seda_core::{
    Admission, AdmitAll, Slo, TokenBucket,
    prelude::*,
    sim::{Arrivals, Figures, Results, Run, Service},
};

/// Who refuses at the slow stage.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Door {
    /// It keeps an objective of its own, of 5 s.
    Slo,
    /// It lets ten through a second.
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
        Door::Bucket => work.admission(TokenBucket::new(9.0, 1)),
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
        .during(secs(105))
        .unwrap()
}

fn lost(figures: &Figures) -> f64 {
    figures.wasted_on_lost.as_secs_f64() / figures.busy.as_secs_f64()
}

#[test]
fn show() {
    for door in [Door::Slo, Door::Bucket, Door::Full] {
        for tells in [false, true] {
            for seed in 1..=1 {
                let (alone, beside) = (branch(door, tells, 0.001, seed), branch(door, tells, 90.0, seed));
                let good = |results: &Results| results.kind("quick").unwrap().good as f64;
                let slow = beside.kind("slow").unwrap();
                println!(
                    "{}\n{} {:?}",
                    beside.ledger,
                    beside.kind("quick").unwrap().good,
                    beside.kind("quick").unwrap().shed_by
                );
                println!(
                    "{door:?} {tells} quick {:.4} lost {:.5} slow: offered {} admitted {} later {} expired {} done {} good {} {:?}",
                    good(&beside) / good(&alone),
                    lost(&beside.all),
                    slow.offered,
                    slow.admitted,
                    slow.shed_later,
                    slow.expired,
                    slow.done,
                    slow.good,
                    slow.shed_by
                );
            }
        }
    }
}

/// Two entries that share four threads.
fn two_entries(seed: u64, loads: [f64; 2]) -> Results {
    let mut p = Pipeline::named("shared");
    let domain = p.domain("both", 4);
    let work = || (|_: u64| ()).on(&domain).slo(ms(50));
    let (a, b) = (p.sink("a", work()), p.sink("b", work()));
    Run::new(p)
        .entry(a, Arrivals::poisson(loads[0] * 1000.0).kind("a"), |n| n)
        .entry(b, Arrivals::poisson(loads[1] * 1000.0).kind("b"), |n| n)
        .service("a", Service::exponential(ms(4)))
        .service("b", Service::exponential(ms(4)))
        .slo(ms(50))
        .seed(seed)
        .warm_up(secs(2))
        .during(secs(42))
        .unwrap()
}

/// An entry and the stage behind it share four threads.
fn entry_and_more(seed: u64, load: f64) -> Results {
    let mut p = Pipeline::named("shared");
    let domain = p.domain("both", 4);
    let (a, out) = p.stage("a", (|n: u64| n).on(&domain).slo(ms(50)));
    p.end_with("b", out, (|_: u64| ()).on(&domain));
    Run::new(p)
        .entry(a, Arrivals::poisson(load * 1000.0), |n| n)
        .service("a", Service::exponential(ms(1)))
        .service("b", Service::exponential(ms(3)))
        .slo(ms(50))
        .seed(seed)
        .warm_up(secs(2))
        .during(secs(42))
        .unwrap()
}

/// An entry whose threads are busy with another stage that a source of its own feeds.
fn entry_and_other(seed: u64, load: f64, other: f64) -> Results {
    let mut p = Pipeline::named("shared");
    let domain = p.domain("both", 4);
    let b = p.sink("b", (|_: u64| ()).on(&domain).queue(1_000_000));
    let a = p.sink("a", (|_: u64| ()).on(&domain).slo(ms(50)));
    Run::new(p)
        .entry(a, Arrivals::poisson(load * 1000.0).kind("a"), |n| n)
        .entry(b, Arrivals::poisson(other * 1000.0).kind("b"), |n| n)
        .service("a", Service::exponential(ms(4)))
        .service("b", Service::exponential(ms(4)))
        .slo(ms(50))
        .seed(seed)
        .warm_up(secs(2))
        .during(secs(42))
        .unwrap()
}

fn tell(name: &str, figures: &Figures, seconds: f64) {
    println!(
        "{name}: good {:.1}/s refused {:.4} expired {:.4} p99 {:?} p50 {:?} {:?}",
        figures.good as f64 / seconds,
        figures.refused_share(),
        figures.expired_share(),
        figures.latency.p99,
        figures.latency.p50,
        figures.shed_by
    );
}

#[test]
fn show_shared() {
    for load in [0.9, 2.0, 10.0] {
        tell(&format!("entry and more {load}"), &entry_and_more(1, load).all, 40.0);
    }
    for loads in [[0.4, 0.4], [0.47, 0.47], [1.0, 1.0], [0.2, 2.0], [5.0, 5.0]] {
        let results = two_entries(1, loads);
        tell(&format!("two {loads:?} a"), results.kind("a").unwrap(), 40.0);
        tell(&format!("two {loads:?} b"), results.kind("b").unwrap(), 40.0);
    }
    for (load, other) in [(0.3, 0.6), (2.0, 0.6), (0.4, 2.0), (2.0, 2.0)] {
        let results = entry_and_other(1, load, other);
        tell(&format!("other {load} {other} a"), results.kind("a").unwrap(), 40.0);
    }
}

/// A source, and the tightest stage is not the first.
#[test]
fn a_source_is_paused_by_a_stage_further_down_and_goes_on() {
    let mut p = Pipeline::named("import");
    let mut left = 20_000;
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
    let results = run.during(secs(60)).unwrap();
    println!("{} {:?}", results.ledger, results.snapshot.stage("work").unwrap().wait);
    assert_eq!(results.ledger.stage("work").unwrap().done, 20_000, "{}", results.ledger);
}
#[allow(dead_code)]
fn unused(_: AdmitAll, _: Slo, _: Duration, _: Box<dyn Admission>) {}
