//! Controllers on real threads: what virtual time cannot show, which is the threads themselves, the processor, and the rest of
//! an idle pipeline. Nothing here goes by how fast the machine is: each test waits for what must come.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use seda_core::{Advice, Controller, MaxConcurrency, Sight, Snapshot, ThreadBudget, prelude::*};

/// What has not come by then does not come.
const HANGS_AFTER: Duration = Duration::from_secs(60);

/// Offers, a burst each millisecond, until it is so.
fn offer_until(running: &Running, inlet: Inlet<u64>, burst: u64, so: impl Fn(&Snapshot) -> bool) -> Snapshot {
    let (entry, began) = (running.entry(inlet), Instant::now());
    loop {
        (0..burst).for_each(|n| drop(entry.try_offer(n)));
        let snapshot = running.snapshot();
        if so(&snapshot) {
            return snapshot;
        }
        assert!(began.elapsed() < HANGS_AFTER, "{snapshot}\n{:?}", snapshot.knobs);
        thread::sleep(ms(1));
    }
}

#[test]
fn demand_that_is_shed_makes_a_sleeping_stage_grow_to_the_end_of_its_range() {
    let mut p = Pipeline::named("hidden");
    let sleep = |_: u64| thread::sleep(ms(5));
    let inlet = p.sink("work", sleep.threads(1..=6).admission(MaxConcurrency::new(20)).batch_max(1));
    let running = p.start().unwrap();
    // A decision is written down once it is done.
    let grown = |snapshot: &Snapshot| snapshot.stages[0].threads == 6 && !snapshot.decisions.is_empty();
    let snapshot = offer_until(&running, inlet, 20, grown);
    let first = &snapshot.decisions[0];
    assert!((first.what, first.from, &*first.name) == ("threads", 1, "work"), "{first}");
    assert!(first.why.contains("offers lost, busy"), "{first}");
    assert!(running.drain(Deadlines::default()).balanced());
}

#[test]
fn a_stage_that_computes_stays_at_the_cores_where_the_processor_is_known() {
    if !std::path::Path::new("/proc/thread-self/schedstat").exists() {
        return;
    }
    let cores = thread::available_parallelism().unwrap().get();
    let mut p = Pipeline::named("spin");
    let spin = |_: u64| {
        let until = Instant::now() + ms(2);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
    };
    let most = cores + 6;
    let inlet = p.sink("work", spin.threads(1..=most).queue(50).when_full(WhenFull::Reject).batch_max(1));
    let running = p.start().unwrap();
    // Where other programs have the cores, a second thread does not pay, and it does not come to the end of them.
    let reasons = ["of their time, and there are", "more did not pay"];
    let held = |snapshot: &Snapshot| reasons.iter().any(|reason| snapshot.knobs[0].says.contains(reason));
    let snapshot = offer_until(&running, inlet, 20, held);
    // One that also waits for the lock of its queue computes a little less than all of its time.
    assert!(snapshot.stages[0].threads <= cores + 1, "{snapshot}\n{:?}", snapshot.decisions);
    assert!(running.drain(Deadlines::default()).balanced());
}

#[cfg(feature = "tokio")]
#[test]
fn the_limit_of_an_async_stage_grows_to_what_its_demand_keeps_on_the_way() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let mut p = Pipeline::named("async");
    let fetch = task(|_: u64| tokio::time::sleep(ms(20)));
    let inlet = p.sink("fetch", fetch.limit(1..=12).queue(50).when_full(WhenFull::Reject));
    p.runtime(runtime.handle().clone());
    let running = p.start().unwrap();
    let snapshot = offer_until(&running, inlet, 10, |snapshot| snapshot.stages[0].limit == 12);
    assert_eq!(snapshot.knobs[0].key, "stage.fetch.limit");
    assert!(running.drain(Deadlines::default()).balanced());
}

/// Wakes of the timer thread of a pipeline; none where the kernel does not tell.
fn wakes(pipeline: &str) -> Option<u64> {
    let name = format!("{pipeline}-timer");
    let tasks = std::fs::read_dir("/proc/self/task").ok()?.flatten();
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let task = tasks.map(|task| task.path()).find(|path| read(path.join("comm")).trim() == name)?;
    let status = read(task.join("status"));
    status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse().ok())
}

#[test]
fn controllers_of_an_idle_pipeline_do_not_wake_anybody() {
    let mut p = Pipeline::named("rest");
    let inlet = p.sink("work", drop::<u64>.threads(1..=4));
    let running = p.start().unwrap();
    offer_until(&running, inlet, 5, |snapshot| snapshot.knobs[0].says != "has not looked yet");
    let began = Instant::now();
    loop {
        let Some(before) = wakes("rest") else { return };
        thread::sleep(ms(250));
        if wakes("rest") == Some(before) {
            break;
        }
        assert!(began.elapsed() < HANGS_AFTER, "the timer thread of an idle pipeline wakes again and again");
    }
    assert!(running.drain(Deadlines::default()).balanced());
}

#[test]
fn a_pipeline_at_rest_gives_threads_back_to_one_that_needs_them() {
    let budget = ThreadBudget::new(8);
    let start = |name: &str| {
        let mut p = Pipeline::named(name);
        let sleep = |_: u64| thread::sleep(ms(5));
        let inlet = p.sink("work", sleep.threads(1..=6).queue(20).when_full(WhenFull::Reject).batch_max(1));
        p.thread_budget(&budget);
        (p.start().unwrap(), inlet)
    };
    let ((day, offers), (night, more)) = (start("day"), start("night"));
    let grown = |snapshot: &Snapshot| snapshot.decisions.last().is_some_and(|decision| decision.to == 6);
    offer_until(&day, offers, 20, grown);
    // Nobody offers to it any more: its timer thread sleeps until the other misses some.
    offer_until(&night, more, 20, grown);
    let given = day.snapshot().decisions;
    assert!(given.iter().any(|decision| decision.why.starts_with("for another pipeline: at most")), "{given:?}");
    assert!(day.drain(Deadlines::default()).balanced() && night.drain(Deadlines::default()).balanced());
    assert_eq!(budget.left(), 8);
}

/// Up and down at each look.
struct Restless;

impl Controller for Restless {
    fn look(&mut self, sight: &Sight<'_>) -> Advice {
        Advice::turn(if sight.value == sight.range.min { sight.range.max } else { sight.range.min }, "no reason")
    }
}

#[test]
fn a_pipeline_stops_and_adds_up_while_its_controllers_turn() {
    for round in 0..8 {
        let mut p = Pipeline::named("restless");
        let pool = p.domain("pool", 1..=4);
        let (first, out) = p.stage("first", (|n: u64| n).on(&pool));
        p.end_with("last", out, drop::<u64>.threads(1..=3).batch_max(1..=16));
        for key in ["domain.pool.threads", "stage.last.threads", "stage.last.batch_max"] {
            p.controller(key, Restless);
        }
        let running = p.start().unwrap();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let entry = running.entry(first);
            let over = &over;
            scope.spawn(move || {
                let mut n = 0;
                while !over.load(Ordering::Relaxed) {
                    n += u64::from(entry.offer(n).is_ok());
                }
            });
            offer_until(&running, first, 1, |snapshot| snapshot.decisions.len() >= 4 + round);
            over.store(true, Ordering::Relaxed);
        });
        assert!(running.drain(Deadlines::default()).balanced(), "round {round}");
    }
}
