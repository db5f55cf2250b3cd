//! Controllers on virtual time: what they settle at, how fast, and that they can say why.

use std::{cell::RefCell, rc::Rc, time::Duration};

use seda_core::{
    MaxConcurrency, Snapshot,
    prelude::*,
    sim::{Arrivals, Results, Run, Service},
};

/// A run of one stage, with the number of its threads every 100 ms.
struct Seen {
    results: Results,
    threads: Vec<usize>,
}

impl Seen {
    fn of(run: Run, time: Duration) -> Self {
        let threads = Rc::new(RefCell::new(Vec::new()));
        let into = threads.clone();
        let run = run.every(ms(100), move |sim| into.borrow_mut().push(sim.snapshot().stages[0].threads));
        let results = run.during(time).unwrap();
        Seen { results, threads: threads.take() }
    }

    fn snapshot(&self) -> &Snapshot {
        &self.results.snapshot
    }

    /// From then on.
    fn between(&self, from: Duration, to: Duration) -> (usize, usize) {
        let at = |time: Duration| (time.as_millis() / 100) as usize;
        let all = &self.threads[at(from)..at(to).min(self.threads.len())];
        (*all.iter().min().unwrap(), *all.iter().max().unwrap())
    }

    fn decisions(&self) -> String {
        self.snapshot().decisions.iter().map(|decision| format!("{:?} {decision}\n", decision.at)).collect()
    }
}

/// SEDA's slow stage (SOSP 2001, section 5.2): 15 % of the events sleep 20 ms.
fn slow_stage(threads: std::ops::RangeInclusive<usize>, rate: f64, seed: u64) -> Run {
    let mut p = Pipeline::named("router");
    let inlet = p.sink("route", drop::<u64>.threads(threads).queue(100_000));
    Run::new(p)
        .entry(inlet, Arrivals::poisson(rate * 0.85).kind("fast"), |n| n)
        .entry(inlet, Arrivals::poisson(rate * 0.15).kind("slow"), |n| n)
        .service_of("route", "slow", Service::fixed(ms(20)))
        .service_of("route", "fast", Service::fixed(us(1)))
        .seed(seed)
        .warm_up(secs(5))
}

#[test]
fn sedas_slow_stage_settles_at_four_or_five_threads_within_two_seconds() {
    for seed in 1..=12 {
        let seen = Seen::of(slow_stage(1..=20, 1_000.0, seed), secs(30));
        eprintln!("{seed}: {:?}\n{}", seen.between(secs(2), secs(30)), seen.decisions());
        for (phase, f) in &seen.results.kinds { eprintln!("{phase:?} {:?}", f.latency); }
    }
}
