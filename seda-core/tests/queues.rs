//! What a queue promises: its bounds, what a full one does, order, classes, time to live, reservations.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use seda_core::{
    OfferOptions, Refusal, StageParts, WhenFull, mib,
    prelude::*,
    test::{Collected, Takes, Virtual, collect},
};

type Sim = (Virtual, Inlet<u64>, Collected<u64>);

/// One stage that takes 1 ms for each event.
fn one_stage(stage: StageParts<u64, u64>) -> Sim {
    let mut p = Pipeline::named("one");
    let (inlet, out) = p.stage("work", stage);
    let seen = collect(&mut p, "end", out);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("work", Takes::fixed(ms(1)));
    (sim, inlet, seen)
}

fn pass(n: u64) -> u64 {
    n
}

#[test]
fn a_full_queue_hands_the_event_back() {
    let (sim, inlet, _) = one_stage(pass.queue(2).when_full(WhenFull::Reject));
    assert!(sim.offer(inlet, 1).is_ok() && sim.offer(inlet, 2).is_ok());
    let refused = sim.offer(inlet, 3).unwrap_err();
    assert_eq!((refused.event, refused.why), (3, Refusal::Full));
    let report = sim.drain(Deadlines::default());
    assert_eq!(report.ledger().stage("work").unwrap().full, 1);
    assert!(report.balanced());
}

#[test]
fn the_newest_or_the_oldest_is_dropped_and_counted() {
    for (policy, left) in [(WhenFull::DropNewest, [1, 2]), (WhenFull::DropOldest, [2, 3])] {
        let (sim, inlet, seen) = one_stage(pass.queue(2).when_full(policy));
        (1..=3).for_each(|n| sim.offer(inlet, n).unwrap());
        let report = sim.drain(Deadlines::default());
        assert_eq!(seen.take(), left);
        assert_eq!(report.ledger().stage("work").unwrap().dropped, 1);
    }
}

#[test]
fn offering_many_is_all_or_nothing() {
    let (sim, inlet, seen) = one_stage(pass.queue(4));
    let entry = sim.entry(inlet);
    entry.offer_many(vec![1, 2, 3]).unwrap();
    let refused = entry.try_offer_many(vec![4, 5]).unwrap_err();
    assert_eq!((refused.event, refused.why), (vec![4, 5], Refusal::Full));
    let too_many = entry.offer_many((0..5).collect()).unwrap_err();
    assert_eq!(too_many.why, Refusal::TooMany { bound: 4 });
    assert!(sim.drain(Deadlines::default()).balanced());
    assert_eq!(seen.take(), [1, 2, 3]);
}

#[test]
fn a_reservation_is_room_that_nobody_else_gets_and_no_event() {
    let (mut sim, inlet, seen) = one_stage(pass.queue(2));
    let entry = sim.entry(inlet);
    let mut permit = entry.reserve(2).unwrap();
    assert_eq!(entry.try_offer(9).unwrap_err().why, Refusal::Full);
    sim.run();
    assert_eq!(sim.snapshot().stage("work").unwrap().queue_len, 0, "a credit is invisible to takers");
    permit.commit(1).unwrap();
    drop(permit);
    entry.try_offer(2).unwrap();
    assert!(sim.drain(Deadlines::default()).balanced());
    assert_eq!(seen.take(), [1, 2]);
}

#[test]
fn a_batch_handler_gets_as_many_at_once_as_it_says() {
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let seen = sizes.clone();
    let count = batch(move |events: Batch<u64>| {
        seen.lock().unwrap().push(events.len());
        events.answer(drop)
    });
    let mut p = Pipeline::named("batches");
    let inlet = p.sink("work", count.batch_max(500));
    let sim = Virtual::start(p, 1).unwrap();
    let entry = sim.entry(inlet);
    for n in 0..300 {
        entry.try_offer(n).unwrap();
    }
    entry.try_offer_many((0..400).collect()).unwrap();
    assert!(sim.drain(Deadlines::default()).balanced());
    assert_eq!(*sizes.lock().unwrap(), [500, 200]);
}

#[test]
fn bytes_bound_a_queue_and_one_event_over_the_bound_enters_an_empty_one() {
    let (sim, inlet, seen) = one_stage(pass.queue_bytes(100, |n| *n).when_full(WhenFull::Reject));
    sim.offer(inlet, 60).unwrap();
    assert_eq!(sim.offer(inlet, 50).unwrap_err().why, Refusal::Full);
    sim.offer(inlet, 40).unwrap();
    assert_eq!(sim.snapshot().stage("work").unwrap().queue_bytes, 100);
    let mut sim = sim;
    sim.run();
    sim.offer(inlet, 500).unwrap();
    assert!(sim.drain(Deadlines::default()).balanced());
    assert_eq!(seen.take(), [60, 40, 500]);
}

#[test]
fn a_byte_budget_is_charged_at_the_entries() {
    let mut p = Pipeline::named("budget");
    p.byte_budget(100);
    let (inlet, out) = p.stage("first", pass.weight(|n| *n));
    p.end_with("second", out, drop::<u64>.weight(|n| *n));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("second", Takes::fixed(ms(5)));
    sim.offer(inlet, 90).unwrap();
    assert_eq!(sim.offer(inlet, 20).unwrap_err().why, Refusal::Full);
    sim.run();
    sim.offer(inlet, 20).unwrap();
    assert!(sim.drain(Deadlines::default()).balanced());
}

#[test]
fn one_slow_key_does_not_stall_the_others_and_each_keeps_its_order() {
    let mut p = Pipeline::named("keys");
    let slow_first = |n: u64, cx: &Cx| {
        cx.spend(if n < 10 { ms(10) } else { ms(1) });
        n
    };
    let (inlet, out) = p.stage("work", slow_first.threads(2).keyed(|n| *n < 100));
    let seen = collect(&mut p, "end", out);
    let mut sim = Virtual::start(p, 1).unwrap();
    // Key `true` is slow at first; 100 and above are the other key.
    [1, 11, 100, 101, 12, 102].into_iter().for_each(|n| sim.offer(inlet, n).unwrap());
    sim.advance(ms(5));
    assert_eq!(seen.take(), [100, 101, 102]);
    assert!(sim.drain(Deadlines::default()).balanced());
    assert_eq!(seen.take(), [1, 11, 12]);
}

#[test]
fn a_higher_class_is_taken_first() {
    let (sim, inlet, seen) = one_stage(pass.classes(3, |n| (*n / 10) as u8));
    [1, 10, 20, 2, 21].into_iter().for_each(|n| sim.offer(inlet, n).unwrap());
    sim.entry(inlet).try_offer_with(3, OfferOptions::new().class(2)).unwrap();
    sim.drain(Deadlines::default());
    assert_eq!(seen.take(), [20, 21, 3, 10, 1, 2]);
}

#[test]
fn what_outlived_its_time_in_the_queue_is_counted_and_never_handled() {
    let (mut sim, inlet, seen) = one_stage(pass.max_age(ms(2)));
    (1..=5).for_each(|n| sim.offer(inlet, n).unwrap());
    sim.run();
    assert_eq!(seen.take(), [1, 2, 3], "taken after 0, 1 and 2 ms");
    let row = sim.drain(Deadlines::default()).ledger().stage("work").unwrap().clone();
    assert_eq!((row.done, row.expired), (3, 2));
}

#[test]
fn later_stages_obey_the_deadline_that_an_event_was_offered_with() {
    let mut p = Pipeline::named("deadline");
    let (inlet, out) = p.stage("first", pass);
    let out = p.then("second", out, pass);
    let seen = collect(&mut p, "end", out);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("first", Takes::fixed(ms(3)));
    let entry = sim.entry(inlet);
    entry.try_offer_with(1, OfferOptions::new().deadline(ms(2))).unwrap();
    entry.try_offer_with(2, OfferOptions::new().deadline(ms(20))).unwrap();
    let report = sim.drain(Deadlines::default());
    assert_eq!(seen.take(), [2]);
    assert_eq!(report.ledger().stage("second").unwrap().expired, 1);
}

#[test]
fn the_bound_can_be_changed_while_it_runs() {
    let (mut sim, inlet, _) = one_stage(pass.queue(1).when_full(WhenFull::Reject));
    sim.offer(inlet, 1).unwrap();
    assert!(sim.offer(inlet, 2).is_err());
    sim.set_bound("work", 2).unwrap();
    assert!(sim.offer(inlet, 2).is_ok());
    assert!(sim.set_bound("work", 0).unwrap_err().to_string().contains("below 1"));
    assert!(sim.set_bound("wrok", 3).unwrap_err().to_string().contains("did you mean `work`"));
}

// ---- what takes threads to show

#[test]
fn a_blocked_offerer_goes_on_when_there_is_room_and_a_timed_one_gives_up() {
    let (release, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let mut p = Pipeline::named("block");
    let hold = move |_: u64| {
        let _ = held.lock().unwrap().recv();
    };
    let inlet = p.sink("hold", hold.queue(1));
    let running = p.start().unwrap();
    let entry = running.entry(inlet);
    entry.offer(1).unwrap();
    while running.snapshot().stage("hold").unwrap().in_hand == 0 {
        std::thread::yield_now();
    }
    entry.offer(2).unwrap();
    let refused = entry.offer_timeout(3, Duration::from_millis(5)).unwrap_err();
    assert_eq!((refused.event, refused.why), (3, Refusal::Full));
    std::thread::scope(|scope| {
        let blocked = scope.spawn(|| entry.offer(4));
        release.send(()).unwrap();
        assert!(blocked.join().unwrap().is_ok());
    });
    drop(release);
    let report = running.drain(Deadlines::default());
    let row = report.ledger().stage("hold").unwrap();
    assert_eq!((row.offered, row.done, row.full), (4, 3, 1));
}

#[test]
fn a_blocked_offerer_is_told_when_the_pipeline_closes() {
    let mut p = Pipeline::named("close");
    let inlet = p.sink(
        "wait",
        (|_: u64, cx: &Cx| {
            while !cx.is_cancelled() {
                std::thread::yield_now()
            }
        })
        .queue(1),
    );
    let running = p.start().unwrap();
    let entry = running.entry(inlet);
    entry.offer(0).unwrap();
    while running.snapshot().stage("wait").unwrap().in_hand == 0 {
        std::thread::yield_now();
    }
    entry.offer(0).unwrap();
    std::thread::scope(|scope| {
        let blocked = scope.spawn(|| entry.offer(7));
        let report = running.drain(Deadlines::now());
        let refused = blocked.join().unwrap().unwrap_err();
        assert_eq!((refused.event, refused.why), (7, Refusal::Closed));
        assert!(report.balanced(), "{report}");
    });
}

#[test]
fn units_read_as_they_sound() {
    assert_eq!((mib(2), seda_core::kib(1)), (2 * 1024 * 1024, 1024));
}

#[test]
fn a_blocked_offerer_takes_room_that_a_slow_stage_makes_one_by_one() {
    let mut p = Pipeline::named("slow");
    let inlet = p.sink("slow", (|_: u64| std::thread::sleep(ms(2))).queue(100));
    let running = p.start().unwrap();
    let entry = running.entry(inlet);
    while entry.try_offer(0).is_ok() {}
    // Half-empty is 100 ms away, a free place 2.
    (0..5).for_each(|n| entry.offer_timeout(n, secs(60)).unwrap());
    let waiting = running.snapshot().stage("slow").unwrap().queue_len;
    assert!(waiting > 60, "it was let in before the queue was half empty: {waiting}");
    assert!(running.drain(Deadlines::now()).balanced());
}

#[test]
fn a_time_without_end_is_no_deadline() {
    let mut p = Pipeline::named("forever");
    let inlet = p.sink("end", drop::<u64>);
    let running = p.start().unwrap();
    running.entry(inlet).offer_timeout(1, Duration::MAX).unwrap();
    let report = running.drain(Deadlines { finish: Duration::MAX, cancel: Duration::MAX });
    assert_eq!(report.ledger().stage("end").unwrap().done, 1);
}

#[test]
fn where_few_offers_come_the_wait_of_each_is_measured() {
    let mut p = Pipeline::named("pairs");
    let work = p.sink("work", (|_: u32| ()).batch_max(1));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("work", Takes::fixed(ms(10)));
    for pair in 0..50 {
        sim.offer(work, pair).unwrap();
        sim.offer(work, pair).unwrap();
        sim.advance(ms(100));
    }
    let wait = sim.snapshot().stage("work").unwrap().wait;
    // The first of each pair waits for nothing, the second for the first.
    assert!(wait.mean.abs_diff(ms(5)) < ms(1) && wait.p99.abs_diff(ms(10)) < ms(1), "{wait:?}");
}
