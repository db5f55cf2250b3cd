//! What queueing theory knows exactly, a simulation must find: mean waits within 3 %.

use std::time::Duration;

use seda_core::{
    prelude::*,
    sim::{Arrivals, Run, Service},
};

const SEEDS: [u64; 3] = [4, 5, 6];
/// Arrivals a run, about: as many as the 3 % need where few are ever in the queue, which without optimisation is too long.
const ARRIVALS: f64 = if cfg!(debug_assertions) { 120_000.0 } else { 2_000_000.0 };
const SERVICE: Duration = ms(4);
const MU: f64 = 250.0;

/// Mean wait in ms of Poisson arrivals at a load of `rho` for `c` threads.
fn mean_wait_ms(c: usize, rho: f64, service: &Service) -> f64 {
    let rate = rho * c as f64 * MU;
    let waits: Vec<f64> = SEEDS
        .iter()
        .map(|&seed| {
            let mut p = Pipeline::named("station");
            let station = p.sink("station", (|_: u64| ()).threads(c).queue(1_000_000));
            let results = Run::new(p)
                .entry(station, Arrivals::poisson(rate), |n| n)
                .service("station", service.clone())
                .seed(seed)
                .warm_up(secs(10))
                .during(Duration::from_secs_f64(ARRIVALS / rate))
                .unwrap();
            let all = &results.all;
            assert_eq!((all.refused(), all.left), (0, 0), "seed {seed}");
            (all.latency.mean.as_secs_f64() - all.busy.as_secs_f64() / all.done as f64) * 1e3
        })
        .collect();
    println!("c {c}, load {rho}: seeds {SEEDS:?} waited {waits:.3?} ms");
    waits.iter().sum::<f64>() / waits.len() as f64
}

fn agrees(found: f64, exact: f64) {
    let off = found / exact - 1.0;
    assert!(off.abs() < 0.03, "found {found:.4} ms, exactly it is {exact:.4} ms: {:.1} % off", off * 100.0);
}

/// Erlang's C formula: the chance that one who comes must wait.
fn erlang_c(c: usize, rho: f64) -> f64 {
    let a = rho * c as f64;
    // Erlang's B by its recursion.
    let b = (1..=c).fold(1.0, |b, servers| a * b / (servers as f64 + a * b));
    b / (1.0 - rho * (1.0 - b))
}

fn two_phases() -> (Service, [(f64, f64); 2]) {
    // The mean of both is 4 ms; a squared variation of about 3.4.
    let phases = [(0.8, 2.0), (0.2, 12.0)];
    let parts = phases.map(|(share, mean)| (share, Service::exponential(Duration::from_secs_f64(mean / 1e3))));
    (Service::mix(parts), phases)
}

#[test]
fn m_m_c_waits_as_erlang_says() {
    let many: &[_] = if cfg!(debug_assertions) { &[] } else { &[(10, 0.8), (16, 0.9)] };
    for &(c, rho) in [(1, 0.7), (4, 0.8)].iter().chain(many) {
        let exact = erlang_c(c, rho) / (c as f64 * MU * (1.0 - rho)) * 1e3;
        agrees(mean_wait_ms(c, rho, &Service::exponential(SERVICE)), exact);
    }
}

#[test]
fn m_d_1_waits_half_as_long_as_m_m_1() {
    for rho in [0.5, 0.7] {
        let exact = rho / (2.0 * MU * (1.0 - rho)) * 1e3;
        agrees(mean_wait_ms(1, rho, &Service::fixed(SERVICE)), exact);
    }
}

#[test]
fn m_h2_1_waits_as_pollaczek_and_khinchine_say() {
    let (service, phases) = two_phases();
    let square: f64 = phases.iter().map(|(share, mean)| share * 2.0 * mean * mean).sum();
    let rho = 0.6;
    let exact = rho * MU / 1e3 * square / (2.0 * (1.0 - rho));
    agrees(mean_wait_ms(1, rho, &service), exact);
}

#[test]
fn m_h2_c_waits_as_its_markov_chain_does() {
    let (service, phases) = two_phases();
    for (c, rho) in [(2, 0.7), (4, 0.8)] {
        agrees(mean_wait_ms(c, rho, &service), chain_wait_ms(c, rho, phases));
    }
}

/// The stationary mean wait of M/H2/c: the chain of (how many are there, how many of those in service are in the first
/// phase), solved by Gauss and Seidel's sweeps, cut off where hardly anybody comes.
fn chain_wait_ms(c: usize, rho: f64, [(share, first), (_, second)]: [(f64, f64); 2]) -> f64 {
    const MOST: usize = 400;
    let (lambda, mu1, mu2) = (rho * c as f64 * MU / 1e3, 1.0 / first, 1.0 / second);
    let width = c + 1;
    let mut chance = vec![0.0; (MOST + 1) * width];
    (0..=MOST).for_each(|n| (0..=n.min(c)).for_each(|k| chance[n * width + k] = rho.powi(n as i32)));
    for _ in 0..3000 {
        for n in 0..=MOST {
            let busy = n.min(c);
            for k in 0..=busy {
                let at = |n: usize, k: usize| chance[n * width + k];
                let out = (if n < MOST { lambda } else { 0.0 }) + k as f64 * mu1 + (busy - k) as f64 * mu2;
                let mut into = 0.0;
                // An arrival: into service, of either phase, or into the queue.
                if n > 0 && n <= c {
                    into += if k > 0 { lambda * share * at(n - 1, k - 1) } else { 0.0 };
                    into += if k < n { lambda * (1.0 - share) * at(n - 1, k) } else { 0.0 };
                } else if n > c {
                    into += lambda * at(n - 1, k);
                }
                // A departure, after which the next in the queue begins, if there is one.
                if n < c {
                    into += (k + 1) as f64 * mu1 * at(n + 1, k + 1) + (n + 1 - k) as f64 * mu2 * at(n + 1, k);
                } else if n < MOST {
                    let firsts = if k < c { (k + 1) as f64 * mu1 * at(n + 1, k + 1) * (1.0 - share) } else { 0.0 };
                    let seconds = if k > 0 { (c - k + 1) as f64 * mu2 * at(n + 1, k - 1) * share } else { 0.0 };
                    let same = k as f64 * mu1 * share + (c - k) as f64 * mu2 * (1.0 - share);
                    into += firsts + seconds + same * at(n + 1, k);
                }
                chance[n * width + k] = into / out;
            }
        }
        let sum: f64 = chance.iter().sum();
        chance.iter_mut().for_each(|chance| *chance /= sum);
    }
    let queued: f64 = (c..=MOST).map(|n| (n - c) as f64 * chance[n * width..(n + 1) * width].iter().sum::<f64>()).sum();
    queued / lambda
}

#[test]
fn the_chain_knows_erlangs_case() {
    let exact = erlang_c(4, 0.8) / (4.0 * MU * 0.2) * 1e3;
    let found = chain_wait_ms(4, 0.8, [(0.5, 4.0), (0.5, 4.0)]);
    assert!((found / exact - 1.0).abs() < 1e-3, "{found} against {exact}");
}
