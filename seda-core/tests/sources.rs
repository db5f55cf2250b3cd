//! Sources that wait for what others make: by a waker, or by a wait of their own.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        mpsc::{channel, sync_channel},
    },
    task::{Context, Poll, Waker},
};

use seda_core::{
    prelude::*,
    pull_async,
    test::{Virtual, collect},
};

/// What a stream is: made elsewhere, waits with a waker.
#[derive(Clone, Default)]
struct Made(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    events: VecDeque<u32>,
    ended: bool,
    polls: u32,
    waker: Option<Waker>,
}

impl Made {
    fn give(&self, event: u32) {
        let waker = {
            let mut inside = self.0.lock().unwrap();
            inside.events.push_back(event);
            inside.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    fn end(&self) {
        self.0.lock().unwrap().ended = true;
        let waker = self.0.lock().unwrap().waker.take();
        waker.into_iter().for_each(Waker::wake);
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<u32>> {
        let mut inside = self.0.lock().unwrap();
        inside.polls += 1;
        match inside.events.pop_front() {
            Some(event) => Poll::Ready(Some(event)),
            None if inside.ended => Poll::Ready(None),
            None => {
                inside.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn polls(&self) -> u32 {
        self.0.lock().unwrap().polls
    }
}

#[test]
fn a_polled_source_is_not_polled_again_before_it_is_woken() {
    let made = Made::default();
    let source = made.clone();
    let mut p = Pipeline::named("made");
    let numbers = p.source("made", pull_async(move |cx| source.poll(cx)));
    let kept = collect(&mut p, "keep", numbers);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.advance(secs(60));
    assert_eq!(made.polls(), 1);
    made.give(1);
    made.give(2);
    sim.run();
    assert_eq!(kept.take(), [1, 2]);
    let polls = made.polls();
    sim.advance(secs(60));
    assert_eq!(made.polls(), polls);
    made.end();
    let report = sim.finish();
    assert!(report.balanced());
    assert_eq!(report.ledger().stage("made").unwrap().done, 2);
}

#[test]
fn a_wake_during_the_poll_is_not_lost() {
    let mut times = 0;
    let mut p = Pipeline::named("eager");
    let numbers = p.source(
        "eager",
        pull_async(move |cx| {
            times += 1;
            match times {
                20 => Poll::Ready(None),
                n if n % 2 == 0 => Poll::Ready(Some(n)),
                _ => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
            }
        }),
    );
    p.end("keep", numbers, drop);
    let report = p.start().unwrap().finish();
    assert_eq!(report.ledger().stage("keep").unwrap().done, 9);
    assert!(report.balanced());
}

#[test]
fn a_polled_source_on_threads_is_woken_by_another_thread_and_ends_by_itself() {
    let made = Made::default();
    let source = made.clone();
    let mut p = Pipeline::named("made");
    let numbers = p.source("made", pull_async(move |cx| source.poll(cx)));
    p.end("keep", numbers, drop);
    let running = p.start().unwrap();
    let maker = std::thread::spawn(move || {
        for n in 0..10_000 {
            made.give(n);
        }
        made.end();
    });
    let report = running.finish();
    maker.join().unwrap();
    assert_eq!(report.ledger().stage("keep").unwrap().done, 10_000);
    assert!(report.balanced());
}

#[test]
fn a_source_that_is_pending_holds_up_neither_its_domain_nor_a_drain() {
    let made = Made::default();
    let source = made.clone();
    let mut p = Pipeline::named("shared");
    let one = p.domain("one", 1);
    let numbers = p.source_in("made", &one, pull_async(move |cx| source.poll(cx)));
    let (seen, see) = channel();
    let inlet = p.sink("see", (move |n: u32| seen.send(n).unwrap_or_default()).on(&one));
    p.link(numbers, inlet);
    let running = p.start().unwrap();
    running.offer(inlet, 7).unwrap();
    assert_eq!(see.recv().unwrap(), 7);
    let report = running.drain(Deadlines::default());
    assert!(report.took < secs(5), "{:?}", report.took);
    assert!(report.balanced());
    // Its waker outlives the pipeline, and wakes nobody.
    made.give(1);
}

#[test]
fn a_polled_source_that_panics_ends_with_one_failure() {
    let mut p = Pipeline::named("bad");
    let numbers = p.source("bad", pull_async(|_| -> Poll<Option<u32>> { panic!("no more") }));
    p.end("keep", numbers, drop);
    let report = p.start().unwrap().finish();
    assert_eq!(report.ledger().stage("bad").unwrap().failed, 1);
    assert!(report.balanced());
}

#[test]
fn a_source_may_block_on_threads_of_its_own_while_nothing_that_it_made_waits() {
    let told = |domain: bool| {
        let (tell, told) = sync_channel(3);
        let mut p = Pipeline::named("asks");
        let mut left = 3;
        let source = pull(move |cx: &Cx| {
            left -= 1;
            tell.send(cx.may_block()).unwrap();
            if left > 0 { Pulled::Event(left) } else { Pulled::End }
        });
        let shared = p.domain("shared", 1);
        let numbers = if domain { p.source_in("asks", &shared, source) } else { p.source("asks", source) };
        p.end_with("keep", numbers, drop.on(&shared));
        p.start().unwrap().finish();
        told.into_iter().collect::<Vec<bool>>()
    };
    // The first is pulled alone, as nothing is known of the source; then a batch, whose first event must not wait.
    assert_eq!(told(false)[..2], [true, true]);
    assert!(!told(false)[2], "an event that was just made would wait with it");
    assert_eq!(told(true), [false, false, false]);
}

#[test]
fn on_virtual_time_nothing_may_block() {
    let (tell, told) = channel();
    let mut p = Pipeline::named("virtual");
    let numbers = p.source(
        "asks",
        pull(move |cx: &Cx| {
            tell.send((cx.may_block(), cx.is_virtual())).unwrap();
            Pulled::<u32>::End
        }),
    );
    p.end("keep", numbers, drop);
    Virtual::start(p, 1).unwrap().finish();
    assert_eq!(told.recv().unwrap(), (false, true));
}

#[test]
fn a_wait_of_no_time_asks_again_at_once_and_hands_on_before_it_does() {
    let (taken, take) = channel();
    let mut n = 0;
    let mut p = Pipeline::named("steps");
    let numbers = p.source(
        "steps",
        pull(move |_: &Cx| {
            n += 1;
            match n {
                1..=3 => Pulled::Event(n),
                4 => Pulled::Wait(ms(0)),
                // Deadlocks if what it made before is not handed on.
                5 => Pulled::Event((0..3).map(|_| take.recv().unwrap()).sum()),
                _ => Pulled::End,
            }
        }),
    );
    p.end("keep", numbers, move |n: u32| taken.send(n).unwrap_or_default());
    let report = p.start().unwrap().finish();
    assert_eq!(report.ledger().stage("keep").unwrap().done, 4);
    assert!(report.balanced());
}

#[test]
fn a_handler_of_whole_batches_may_look_at_its_context() {
    let mut p = Pipeline::named("batches");
    let (numbers, names) = p.stage("name", batch(|b: Batch<u32>, cx: &Cx| b.answer(|n| format!("{} {n}", cx.stage()))));
    let kept = collect(&mut p, "keep", names);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.offer(numbers, 3).unwrap();
    sim.run();
    assert_eq!(kept.take(), ["name 3"]);
}
