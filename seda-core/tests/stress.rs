//! The graphs of the model test on real threads: parking, waking, blocked offerers, resizes and stops, which virtual time
//! cannot show. `SEDA_STRESS_SEED=n` replays a graph, `SEDA_STRESS_CASES=n` sets how many there are.

#[allow(dead_code, reason = "shared by two tests, each of which looks at some of it")]
mod graphs;

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use graphs::{Dice, Plan, event, quiet_panics, random};
use seda_core::{Deadlines, OfferOptions, ms, us};

const CASES: u64 = 300;
/// A case takes milliseconds; one that is not through by then hangs.
const HANGS_AFTER: Duration = Duration::from_secs(60);

fn env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn every_offer_has_exactly_one_end_on_threads_too() {
    quiet_panics();
    let seeds = match env("SEDA_STRESS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..env("SEDA_STRESS_CASES").unwrap_or(CASES),
    };
    let mut ran = 0;
    for seed in seeds {
        let (done, is_done) = mpsc::channel();
        let case = std::thread::spawn(move || {
            let ran = case(seed);
            let _ = done.send(());
            ran
        });
        let hangs = matches!(is_done.recv_timeout(HANGS_AFTER), Err(mpsc::RecvTimeoutError::Timeout));
        assert!(!hangs, "the case with seed {seed} hangs; replay with SEDA_STRESS_SEED={seed}");
        match case.join() {
            Ok(true) => ran += 1,
            Ok(false) => {}
            Err(panic) => {
                eprintln!("case with seed {seed} failed; replay with SEDA_STRESS_SEED={seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    println!("{ran} graphs ran");
}

/// For async handlers.
#[cfg(feature = "tokio")]
fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: std::sync::OnceLock<tokio::runtime::Runtime> = std::sync::OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap())
}

/// False if the graph was refused at start.
fn case(seed: u64) -> bool {
    let mut dice = Dice::new(seed);
    let Plan { pipeline, stages, .. } = random(&mut dice, true);
    #[cfg(feature = "tokio")]
    let _in_runtime = runtime().enter();
    let Ok(running) = pipeline.start() else { return false };
    let (offered, refused): (Vec<AtomicU64>, Vec<AtomicU64>) =
        stages.iter().map(|_| (AtomicU64::new(0), AtomicU64::new(0))).unzip();
    let entries: Vec<_> = stages.iter().map(|stage| running.entry(stage.inlet)).collect();
    let rounds = 20 + dice.below(200);
    let hurry = dice.below(3);
    let report = std::thread::scope(|scope| {
        for offerer in 0..2 {
            let (entries, offered, refused) = (&entries, &offered, &refused);
            let mut dice = Dice::new(seed * 7 + offerer);
            scope.spawn(move || {
                for round in 0..rounds {
                    let id = offerer * 1_000_000 + round * 10;
                    let at = dice.below(entries.len() as u64) as usize;
                    let (n, back) = offer(&mut dice, &entries[at], id);
                    offered[at].fetch_add(n, Ordering::Relaxed);
                    refused[at].fetch_add(back, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..dice.below(8) {
            let at = dice.below(stages.len() as u64) as usize;
            match dice.below(4) {
                0 => {
                    let Some((name, min, max)) = &stages[at].resizable else { continue };
                    running.resize(name, min + dice.below((max - min + 1) as u64) as usize).unwrap();
                }
                1 => running.set_bound(&stages[at].name, 1 + dice.below(40) as usize).unwrap(),
                2 => drop(running.change(&graphs::settings(&mut dice, &stages[at].name))),
                _ => drop(running.snapshot()),
            }
            std::thread::yield_now();
        }
        // With no hurry the drain begins after the last offer came to an end, or while offerers are blocked.
        let deadlines = match hurry {
            0 => Deadlines { finish: us(dice.below(2000)), cancel: Duration::from_secs(20) },
            1 => Deadlines { finish: ms(dice.below(3)), cancel: Duration::from_secs(20) },
            _ => Deadlines { finish: Duration::from_secs(40), cancel: Duration::from_secs(20) },
        };
        running.drain(deadlines)
    });
    // What offerers were told after the last look of the report is theirs alone: the pipeline was closed by then.
    assert!(report.balanced(), "seed {seed}:\n{report}\n{:?}", report.ledger());
    assert!(report.stuck.is_empty(), "seed {seed}: {:?}", report.stuck);
    if hurry == 2 {
        assert_eq!(report.left(), 0, "seed {seed}:\n{report}");
    }
    for (at, stage) in stages.iter().enumerate() {
        let row = report.ledger().stage(&stage.name).unwrap();
        if stage.entry_only {
            let taken = offered[at].load(Ordering::Relaxed) - refused[at].load(Ordering::Relaxed);
            assert_eq!(row.offered - row.refused(), taken, "seed {seed}: {}", stage.name);
        }
        if stage.noted && report.left() == 0 {
            assert_eq!(row.done + row.failed, stage.seen.calls.load(Ordering::Relaxed), "seed {seed}: {}", stage.name);
        }
        if stage.keyed {
            assert!(!stage.seen.overlap.load(Ordering::Relaxed), "seed {seed}: {}: two of one key at once", stage.name);
        }
    }
    true
}

/// One offer of some kind: how many events, and how many came back.
fn offer(dice: &mut Dice, entry: &seda_core::Entry<graphs::Event>, id: u64) -> (u64, u64) {
    let one = |refused: bool| (1, u64::from(refused));
    match dice.below(6) {
        0 => one(entry.try_offer(event(id, id)).is_err()),
        1 => one(entry.offer_timeout(event(id, id), us(dice.below(500))).is_err()),
        2 => one(entry.offer_with(event(id, id), OfferOptions::new().deadline(us(dice.below(3000)))).is_err()),
        3 => {
            let events: Vec<_> = (0..1 + dice.below(4)).map(|more| event(id + more, id + more)).collect();
            let n = events.len() as u64;
            (n, if entry.offer_many(events).is_err() { n } else { 0 })
        }
        4 => match entry.reserve(1) {
            Ok(mut permit) => one(permit.commit(event(id, id)).is_err()),
            Err(_) => (0, 0),
        },
        _ => one(entry.offer(event(id, id)).is_err()),
    }
}
