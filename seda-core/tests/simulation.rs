//! Load, service times and clients on virtual time: drawn by a seed, told exactly, and the same for every run of it.

use seda_core::{
    prelude::*,
    sim::{Arrivals, Results, Run, Service},
};

/// Four threads of 4 ms: 1000 events a second.
fn station(queue: usize) -> (Pipeline, Inlet<u64>) {
    let mut p = Pipeline::named("station");
    let inlet = p.sink("station", (|_: u64| ()).threads(4).queue(queue).when_full(WhenFull::Reject));
    (p, inlet)
}

fn overload(seed: u64) -> Results {
    let (p, inlet) = station(40);
    Run::new(p)
        .entry(inlet, Arrivals::steps([(800.0, secs(2)), (5_000.0, secs(2)), (800.0, secs(2))]), |n| n)
        .service("station", Service::exponential(ms(4)))
        .slo(ms(50))
        .seed(seed)
        .trace(1_000_000)
        .phase("overload", secs(2)..secs(4))
        .during(secs(6))
        .unwrap()
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_byte_whatever_threads_are_beside_it() {
    let first = overload(7);
    let others: Vec<Results> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| overload(7))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(first.trace.len() > 100_000);
    for other in others {
        assert_eq!(other.digest, first.digest);
        assert!(other.trace == first.trace && other.to_string() == first.to_string());
        assert_eq!(other.windows, first.windows);
    }
    assert_ne!(overload(8).digest, first.digest);
}

#[test]
fn every_offer_has_one_end_in_the_figures_as_in_the_ledger() {
    let results = overload(3);
    let all = &results.all;
    assert_eq!(all.offered, all.refused() + all.admitted);
    assert_eq!(all.admitted, all.done + all.failed + all.expired + all.dropped + all.shed_later + all.left);
    let row = results.ledger.stage("station").unwrap();
    assert_eq!((row.offered, row.full, row.done), (all.offered, all.full, all.done));
    let windows: u64 = results.windows.iter().map(|window| window.figures.good).sum();
    assert_eq!(windows, all.good);
    let overload = results.phase("overload").unwrap();
    assert!(overload.refused_share() > 0.75, "{results}");
    assert!((1_850..2_150).contains(&overload.done), "{results}");
}
