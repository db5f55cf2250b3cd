//! What a stop promises: two signals, two deadlines, sources first, flushes, nothing without an end.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use seda_core::{
    BoxError, WhenFull,
    prelude::*,
    test::{Takes, Virtual, collect},
};

#[test]
fn a_pipeline_of_finite_sources_ends_by_itself() {
    let mut p = Pipeline::named("finite");
    let a = p.source("a", 0..500u64);
    let b = p.source("b", 500..1000u64);
    let sum = Arc::new(Mutex::new(0));
    let (inlet, out) = p.stage("join", |n: u64| n);
    p.link(a, inlet);
    p.link(b, inlet);
    let total = sum.clone();
    p.end("sum", out, move |n| *total.lock().unwrap() += n);
    let report = p.start().unwrap().finish();
    assert_eq!(*sum.lock().unwrap(), 999 * 1000 / 2);
    assert!(report.balanced() && report.left() == 0, "{report}");
}

#[test]
fn a_drain_finishes_what_is_queued_and_refuses_what_comes() {
    let mut p = Pipeline::named("drain");
    let (inlet, out) = p.stage("slow", |n: u64| n);
    let seen = collect(&mut p, "end", out);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("slow", Takes::fixed(ms(10)));
    let entry = sim.entry(inlet);
    (0..20).for_each(|n| entry.try_offer(n).unwrap());
    let report = sim.drain(Deadlines::default());
    assert_eq!((seen.len(), report.left(), report.took), (20, 0, ms(200)));
    assert!(entry.try_offer(99).is_err());
}

#[test]
fn what_is_not_finished_by_the_deadline_is_left_and_counted() {
    let mut p = Pipeline::named("late");
    let (inlet, out) = p.stage("slow", |n: u64| n);
    let seen = collect(&mut p, "end", out);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("slow", Takes::fixed(ms(10)));
    (0..20).for_each(|n| sim.offer(inlet, n).unwrap());
    let report = sim.drain(Deadlines { finish: ms(45), cancel: ms(100) });
    assert!(report.balanced(), "{report}");
    assert_eq!(
        report.left() + seen.len() as u64 + report.ledger().stage("end").unwrap().left,
        20 + report.ledger().stage("end").unwrap().left
    );
}

/// Sums what it sees, and gives the sum when it is flushed.
struct Sum(u64);

impl HandlerMut for Sum {
    type In = u64;
    type Out = Option<u64>;

    fn handle(&mut self, n: u64, _: &Cx) -> Option<u64> {
        self.0 += n;
        None
    }

    fn flush(&mut self, emit: &mut dyn FnMut(Option<u64>)) {
        emit(Some(self.0));
    }
}

#[test]
fn every_state_is_flushed_once_when_nothing_can_come_any_more() {
    let mut p = Pipeline::named("flush");
    let numbers = p.source("numbers", 1..=100u64);
    let sums = p.then_with("sum", numbers, per_worker(|| Sum(0)).threads(3)).some();
    let total = p.then_with("total", sums, per_worker(|| Sum(0))).some();
    let seen = collect(&mut p, "end", total);
    let report = Virtual::start(p, 1).unwrap().finish();
    assert_eq!(seen.take(), [5050]);
    assert!(report.balanced());
}

#[test]
fn a_cycle_comes_to_its_end() {
    let mut p = Pipeline::named("cycle");
    let count_down = |n: u32| if n > 0 { Err(n - 1) } else { Ok(()) };
    let (inlet, done, again) = p.stage("count", count_down.when_full(WhenFull::DropNewest)).tried();
    p.link(again, inlet);
    p.end("end", done, drop);
    let running = p.start().unwrap();
    (0..50).for_each(|n| running.offer(inlet, n).unwrap());
    let report = running.drain(Deadlines::default());
    assert_eq!(report.ledger().stage("end").unwrap().done, 50);
    assert!(report.balanced());
}

#[test]
fn a_handler_that_does_not_return_is_named_and_its_result_fenced_off() {
    let go = Arc::new(AtomicBool::new(false));
    let mut p = Pipeline::named("stuck");
    let gate = go.clone();
    let (inlet, out) = p.stage("deaf", move |n: u64| {
        while !gate.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        n
    });
    let late = collect(&mut p, "end", out);
    let running = p.start().unwrap();
    (0..5).for_each(|n| running.offer(inlet, n).unwrap());
    while running.snapshot().stage("deaf").unwrap().in_hand == 0 {
        std::thread::yield_now();
    }
    let report = running.drain(Deadlines { finish: ms(0), cancel: ms(10) });
    assert_eq!(report.stuck, ["deaf"]);
    assert_eq!((report.left(), report.balanced()), (5, true));
    go.store(true, Ordering::Release);
    assert!(late.is_empty());
}

/// A pipeline with a data-parallel batch out on the pool, held there until the sender is dropped.
fn spread() -> (Running, std::sync::mpsc::Sender<()>) {
    let (entered, was_entered) = std::sync::mpsc::channel();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = Mutex::new(held);
    let mut p = Pipeline::named("spread");
    let hold = move |n: u64| {
        entered.send(()).unwrap();
        let _ = held.lock().unwrap().recv();
        n
    };
    let (inlet, out) = p.stage("hold", parallel(hold));
    p.end("end", out, drop);
    let running = p.start().unwrap();
    running.offer(inlet, 1).unwrap();
    was_entered.recv().unwrap();
    (running, release)
}

#[test]
fn a_data_parallel_batch_that_is_out_at_a_stop_is_waited_for() {
    let (running, release) = spread();
    let freed = std::thread::spawn(move || drop(release));
    let report = running.drain(Deadlines::default());
    freed.join().unwrap();
    assert!(report.balanced() && report.stuck.is_empty(), "{report}");
    assert_eq!(report.ledger().stage("end").unwrap().done, 1);
}

#[test]
fn a_data_parallel_batch_that_does_not_come_back_is_named_and_left() {
    let (running, release) = spread();
    let report = running.drain(Deadlines { finish: ms(1), cancel: ms(1) });
    assert_eq!((report.stuck.as_slice(), report.left()), (&["hold".to_string()][..], 1));
    assert!(report.balanced(), "{report}");
    drop(release);
}

#[test]
fn dropping_the_handle_cancels_and_joins() {
    let returned = Arc::new(AtomicUsize::new(0));
    let mut p = Pipeline::named("dropped");
    let told = returned.clone();
    let inlet = p.sink(
        "wait",
        (move |_: u64, cx: &Cx| {
            while !cx.is_cancelled() {
                std::thread::yield_now();
            }
            told.fetch_add(1, Ordering::AcqRel);
        })
        .threads(2),
    );
    let running = p.start().unwrap();
    (0..2).for_each(|n| running.offer(inlet, n).unwrap());
    while running.snapshot().stage("wait").unwrap().in_hand < 2 {
        std::thread::yield_now();
    }
    drop(running);
    assert_eq!(returned.load(Ordering::Acquire), 2, "joined after they had returned");
}

struct Fussy;

impl Handler for Fussy {
    type In = ();
    type Out = ();

    fn handle(&self, (): (), _: &Cx) {}

    fn start(&self) -> Result<(), BoxError> {
        Err("no database at db:5432".into())
    }
}

#[test]
fn a_handler_that_cannot_start_stops_the_start() {
    let mut p = Pipeline::named("fussy");
    p.sink("store", Fussy);
    let error = p.start().unwrap_err().to_string();
    assert!(error.contains("stage `store` could not start: no database at db:5432"), "{error}");
}

#[test]
fn ticks_come_on_time_and_end_with_the_drain() {
    let mut p = Pipeline::named("ticks");
    let ticks = p.tick("tick", ms(10), |n| n);
    let seen = collect(&mut p, "end", ticks);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.advance(ms(35));
    assert_eq!(seen.take(), [0, 1, 2]);
    assert!(sim.drain(Deadlines::default()).balanced());
}

#[test]
fn a_source_that_has_nothing_yet_is_asked_again_later() {
    let mut left = vec![Pulled::End, Pulled::Event(2), Pulled::Wait(ms(5)), Pulled::Event(1)];
    let mut p = Pipeline::named("later");
    let events = p.source("events", pull(move || left.pop().unwrap()));
    let seen = collect(&mut p, "end", events);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.advance(ms(4));
    assert_eq!(seen.take(), [1]);
    let report = sim.finish();
    assert_eq!((seen.take(), report.left()), (vec![2], 0));
}
