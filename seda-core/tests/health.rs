//! Health: what makes a pipeline not live or not ready, and what does not.

use std::sync::{
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use seda_core::{
    Health, TokenBucket, Trouble, WhenFull,
    prelude::*,
    test::{Takes, Virtual, collect},
};

fn of(trouble: &[Trouble]) -> Vec<&str> {
    trouble.iter().filter_map(Trouble::stage).collect()
}

fn well(health: &Health) -> bool {
    health.live && health.ready && health.reasons.is_empty()
}

#[test]
fn shedding_rejecting_and_a_full_queue_that_moves_are_not_unready() {
    let mut p = Pipeline::named("busy");
    let sheds = p.sink("sheds", (|_: u64| ()).admission(TokenBucket::new(0.001, 1)));
    let rejects = p.sink("rejects", (|_: u64| ()).queue(2).when_full(WhenFull::Reject));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("rejects", Takes::fixed(secs(4)));
    let mut full = 0;
    for _ in 0..60 {
        (0..5).for_each(|n| drop((sim.offer(sheds, n), sim.offer(rejects, n))));
        full += usize::from(sim.snapshot().stage("rejects").unwrap().queue_len == 2);
        sim.advance(secs(1));
        assert!(well(&sim.health()), "{}", sim.health());
    }
    let snapshot = sim.snapshot();
    assert!(snapshot.stage("sheds").unwrap().counts.shed > 100 && snapshot.stage("rejects").unwrap().counts.full > 100);
    assert!(full > 40, "{full}");
}

#[test]
fn a_stage_is_stuck_when_no_worker_is_left_for_it_and_the_queues_before_it_stand() {
    let mut p = Pipeline::named("orders");
    p.watchdog(secs(20));
    let (price, priced) = p.stage("price", (|n: u64| n).queue(2));
    p.end_with("ship", priced, (|_: u64| ()).queue(1).threads(2));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("ship", Takes::fixed(secs(300)));
    sim.offer(price, 0).unwrap();
    sim.advance(secs(30));
    assert!(well(&sim.health()), "one of two workers is left: {}", sim.health());
    for n in 1..6 {
        sim.offer(price, n).unwrap();
        sim.advance(ms(1));
    }
    sim.advance(secs(19));
    assert!(well(&sim.health()), "{}", sim.health());
    sim.advance(secs(2));
    let health = sim.health();
    assert!(!health.live && !health.ready);
    assert_eq!(
        health.to_string(),
        "orders: not live, not ready\n\
         `price`: full with 2 events, unmoved for 21.0 s, waits for room at `ship`\n\
         `ship`: its handler has not returned for 51.0 s (2 of 2 workers)\n\
         `ship`: full with 1 events, unmoved for 21.0 s"
    );
    assert!(health.to_string().lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn a_domain_whose_threads_are_all_stuck_is_not_live() {
    let mut p = Pipeline::named("shared");
    let cpu = p.domain("cpu", 2);
    let a = p.sink("a", (|_: u64| ()).on(&cpu));
    let b = p.sink("b", (|_: u64| ()).on(&cpu));
    let other = p.sink("other", |_: u64| ());
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("a", Takes::fixed(secs(60))).takes("b", Takes::fixed(secs(60)));
    sim.offer(a, 1).unwrap();
    sim.advance(secs(30));
    assert!(well(&sim.health()), "{}", sim.health());
    sim.offer(b, 1).unwrap();
    sim.offer(other, 1).unwrap();
    sim.advance(secs(11));
    let health = sim.health();
    assert!(!health.live);
    assert_eq!(of(&health.reasons), ["a", "b"]);
    sim.advance(secs(60));
    assert!(well(&sim.health()), "they came back: {}", sim.health());
}

#[test]
fn a_queue_that_fills_after_a_long_rest_is_not_unmoved() {
    let mut p = Pipeline::named("rested");
    let price = p.sink("price", (|_: u64| ()).queue(2));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.advance(secs(3600));
    (0..2).for_each(|n| sim.offer(price, n).unwrap());
    assert!(well(&sim.health()), "{}", sim.health());
}

#[test]
fn a_stage_whose_handler_cannot_be_built_again_is_named_until_it_can() {
    static BUILT: AtomicUsize = AtomicUsize::new(0);
    let mut p = Pipeline::named("fragile");
    let build = || {
        let n = BUILT.fetch_add(1, Ordering::SeqCst);
        assert!(n == 0 || n > 2, "the database is away");
        |n: u64| assert_ne!(n, 13)
    };
    let price = p.sink("price", per_worker(build));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.offer(price, 13).unwrap();
    sim.run();
    // The state is lost, and was not missed yet.
    assert!(well(&sim.health()), "{}", sim.health());
    sim.offer(price, 1).unwrap();
    sim.run();
    assert_eq!(sim.health().reasons, [Trouble::NoHandler { stage: "price".into() }]);
    (0..2).for_each(|n| {
        sim.offer(price, n).unwrap();
        sim.run();
    });
    assert!(well(&sim.health()), "{}", sim.health());
}

#[test]
fn a_source_that_panicked_is_named_and_one_that_ended_is_not() {
    let mut p = Pipeline::named("sources");
    let good = p.source("good", [1, 2]);
    let bad = p.source("bad", (0..).map(|n: u64| if n < 3 { n } else { panic!("the line is dead") }));
    let (a, b) = (collect(&mut p, "a", good), collect(&mut p, "b", bad));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.run();
    let health = sim.health();
    assert!(health.live && !health.ready);
    assert_eq!(health.to_string(), "sources: live, not ready\n`bad`: it panicked and gives no more events");
    drop((a, b));
}

#[test]
fn a_draining_pipeline_is_live_and_not_ready_and_an_ended_one_is_neither() {
    let mut p = Pipeline::named("stopping");
    let (began, begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let price = p.sink("price", move |_: u64| {
        began.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
    });
    let running = p.start().unwrap();
    let watch = running.watch();
    assert!(well(&running.health()) && well(&watch.health()));
    running.offer(price, 1).unwrap();
    begun.recv().unwrap();
    let drain = std::thread::spawn(|| running.drain(Deadlines::default()));
    while watch.health().ready {
        std::thread::yield_now();
    }
    let health = watch.health();
    assert!(health.live && health.reasons == [Trouble::Draining], "{health}");
    release.send(()).unwrap();
    assert!(drain.join().unwrap().balanced());
    let health = watch.health();
    assert!(!health.live && !health.ready && health.reasons == [Trouble::Ended], "{health}");
    assert!(watch.snapshot().is_none());
}

#[test]
fn a_handler_on_a_thread_that_does_not_return_is_seen() {
    let mut p = Pipeline::named("real");
    p.watchdog(std::time::Duration::from_nanos(1));
    let (began, begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let price = p.sink("price", move |_: u64| {
        began.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
    });
    let running = p.start().unwrap();
    running.offer(price, 1).unwrap();
    begun.recv().unwrap();
    let health = running.health();
    assert!(!health.live && of(&health.reasons) == ["price"], "{health}");
    release.send(()).unwrap();
    running.drain(Deadlines::default());
}
