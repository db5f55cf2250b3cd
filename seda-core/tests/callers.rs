//! What a domain that its callers run promises: their thread does the work, and bounds, limits, panics and stops are as
//! ever.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Instant,
};

use seda_core::prelude::*;

#[test]
fn an_answer_is_there_without_a_thread_hop() {
    let mut p = Pipeline::named("hop");
    let front = p.domain("front", 1);
    p.caller_runs(&front);
    let (head, doubled) = p.stage("double", (|n: u64| n * 2).on(&front));
    let named = p.then_with("name", doubled, (|n: u64| (n, thread::current().id())).on(&front));
    let (ask, answer) = p.ask(head);
    p.link(named, answer);
    let running = p.start().unwrap();
    // The domain's own thread takes what comes while it has not gone to sleep yet.
    let until = Instant::now() + secs(60);
    let mut n = 0;
    loop {
        n += 1;
        let (doubled, by) = ask.ask(n, secs(60)).wait().unwrap();
        assert_eq!(doubled, 2 * n);
        if by == thread::current().id() {
            break;
        }
        assert!(Instant::now() < until, "{n} asks, and each was answered by the domain's own thread");
    }
    let report = running.drain(Deadlines::default());
    assert!(report.balanced(), "{report}");
    assert_eq!(report.ledger().stage("name").unwrap().done, n);
}

#[test]
fn many_callers_keep_limits_order_and_books() {
    const CALLERS: u64 = 4;
    const EACH: u64 = 5_000;
    let mut p = Pipeline::named("callers");
    let front = p.domain("front", 2);
    p.caller_runs(&front);
    let inside = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (i, m) = (inside.clone(), most.clone());
    let alone = move |event: (u64, u64)| {
        m.fetch_max(i.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        i.fetch_sub(1, Ordering::SeqCst);
        event
    };
    let (head, out) = p.stage("alone", alone.on(&front).limit(1).queue(64));
    let seen = Arc::new(Mutex::new(vec![Vec::new(); CALLERS as usize]));
    let last = seen.clone();
    p.end_with("last", out, (move |(by, n): (u64, u64)| last.lock().unwrap()[by as usize].push(n)).on(&front).limit(1));
    let running = p.start().unwrap();
    thread::scope(|scope| {
        for by in 0..CALLERS {
            let entry = running.entry(head);
            scope.spawn(move || (0..EACH).for_each(|n| entry.offer((by, n)).unwrap()));
        }
    });
    let report = running.drain(Deadlines::default());
    assert!(report.balanced() && report.left() == 0, "{report}");
    assert_eq!(most.load(Ordering::SeqCst), 1, "the limit is 1, whoever runs the stage");
    for seen in seen.lock().unwrap().iter() {
        assert!(seen.iter().copied().eq(0..EACH), "each caller's events keep their order");
    }
}

#[test]
fn a_panic_stays_with_its_event_and_not_with_the_caller() {
    let mut p = Pipeline::named("panic");
    let front = p.domain("front", 1);
    p.caller_runs(&front);
    let (head, out) = p.stage("odd", (|n: u64| assert!(n % 2 == 1, "even")).on(&front));
    p.end_with("end", out, (|()| ()).on(&front));
    let running = p.start().unwrap();
    (0..100).for_each(|n| running.offer(head, n).unwrap());
    let report = running.drain(Deadlines::default());
    let row = report.ledger().stage("odd").unwrap();
    assert_eq!((row.done, row.failed), (50, 50));
    assert!(report.balanced(), "{report}");
}

#[test]
fn a_caller_that_does_not_come_back_is_named_and_fenced_off_at_a_stop() {
    let (entered, was_entered) = mpsc::channel();
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let mut p = Pipeline::named("stuck");
    let front = p.domain("front", 1);
    p.caller_runs(&front);
    let hold = move |n: u64| {
        entered.send(thread::current().id()).unwrap();
        let _ = held.lock().unwrap().recv();
        n
    };
    let (head, out) = p.stage("hold", hold.on(&front));
    let after = Arc::new(AtomicUsize::new(0));
    let seen = after.clone();
    p.end_with("after", out, (move |_| _ = seen.fetch_add(1, Ordering::SeqCst)).on(&front));
    let running = p.start().unwrap();
    let entry = running.entry(head);
    let caller = thread::spawn(move || entry.offer(1));
    was_entered.recv().unwrap();
    let report = running.drain(Deadlines { finish: ms(1), cancel: ms(1) });
    assert_eq!((report.stuck.as_slice(), report.left()), (&["hold".to_string()][..], 1));
    assert!(report.balanced(), "{report}");
    drop(release);
    assert!(caller.join().unwrap().is_ok(), "it was taken, whatever became of it");
    assert_eq!(after.load(Ordering::SeqCst), 0, "what a fenced handler gives is nobody's");
}

#[test]
fn callers_of_another_pipelines_domain_are_found_at_the_start() {
    let mut other = Pipeline::named("other");
    let theirs = other.domain("theirs", 1);
    let mut p = Pipeline::named("mine");
    p.caller_runs(&theirs);
    let (_, out) = p.stage("a", |n: u64| n);
    p.end("end", out, drop);
    let error = p.start().unwrap_err().to_string();
    assert!(error.contains("callers are to run a domain of another pipeline"), "{error}");
}
