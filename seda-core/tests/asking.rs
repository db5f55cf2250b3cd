//! Request and reply: what an asker can hear, from threads and from any async runtime.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, mpsc},
    task::{Context, Poll, Wake, Waker},
};

use seda_core::{Refusal, WhenFull, prelude::*};

/// The smallest async runtime there is: park until woken.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

fn squares() -> (Running, Ask<u64, u64>) {
    let mut p = Pipeline::named("squares");
    let (head, out) = p.stage("check", |n: u64| {
        assert!(n != 13, "unlucky");
        n
    });
    let out = p.then("square", out.filter(|n| *n != 7), |n| n * n);
    let (ask, answer) = p.ask(head);
    p.link(out, answer);
    (p.start().unwrap(), ask)
}

#[test]
fn who_asked_what_an_adapter_panics_on_hears_why() {
    let mut p = Pipeline::named("adapters");
    let (head, out) = p.stage("check", |n: u64| n);
    let out = out.map(|n| {
        assert!(n != 13, "unlucky");
        n
    });
    let (ask, answer) = p.ask(head);
    p.link(out, answer);
    let running = p.start().unwrap();
    assert_eq!(ask.ask(13, secs(60)).wait().unwrap_err(), AskError::Failed("unlucky".to_string()));
    assert_eq!(ask.ask(12, secs(60)).wait().unwrap(), 12);
    assert!(running.drain(Deadlines::default()).balanced());
}

#[test]
fn an_answer_comes_back_to_a_thread_and_to_a_future() {
    let (running, ask) = squares();
    assert_eq!(ask.ask(12, secs(60)).wait().unwrap(), 144);
    assert_eq!(block_on(ask.ask(9, secs(60))).unwrap(), 81);
    let report = running.drain(Deadlines::default());
    assert_eq!(report.ledger().stage("check.answer").unwrap().done, 2);
    assert!(report.balanced());
}

#[test]
fn failed_filtered_closed_are_values() {
    let (running, ask) = squares();
    assert!(matches!(ask.ask(13, secs(60)).wait(), Err(AskError::Failed(message)) if message == "unlucky"));
    assert!(matches!(block_on(ask.ask(7, secs(60))), Err(AskError::Filtered)));
    running.drain(Deadlines::default());
    let Err(AskError::Refused(refused)) = ask.ask(5, secs(60)).wait() else { panic!("closed") };
    assert_eq!((refused.event, refused.why), (5, Refusal::Closed));
}

/// A stage that holds every event until it is released.
fn held(queue: usize, when_full: WhenFull) -> (Running, Ask<u64, u64>, Inlet<u64>, mpsc::Sender<()>) {
    let (release, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let mut p = Pipeline::named("held");
    let hold = move |n: u64| {
        let _ = gate.lock().unwrap().recv();
        n
    };
    let (head, out) = p.stage("hold", hold.queue(queue).when_full(when_full));
    let (ask, answer) = p.ask(head);
    p.link(out, answer);
    (p.start().unwrap(), ask, head, release)
}

/// One event in the handler's hands, then one in the queue of one.
fn fill(running: &Running, head: Inlet<u64>) {
    running.offer(head, 0).unwrap();
    while running.snapshot().stage("hold").unwrap().in_hand == 0 {
        std::thread::yield_now();
    }
    running.offer(head, 0).unwrap();
}

#[test]
fn late_is_a_value_and_the_late_answer_is_counted() {
    let (running, ask, _, release) = held(10, WhenFull::Block);
    assert!(matches!(ask.ask(1, ms(20)).wait(), Err(AskError::Late)));
    assert!(matches!(block_on(ask.ask(2, ms(20))), Err(AskError::Late)));
    drop(release);
    let report = running.drain(Deadlines::default());
    let answers = report.ledger().stage("hold.answer").unwrap();
    assert_eq!(answers.done, 0);
    // The first was in the handler's hands; the second expired in the queue, and no handler saw it.
    assert_eq!((answers.dropped, report.ledger().stage("hold").unwrap().expired), (1, 1));
}

#[test]
fn a_refusal_is_a_value_with_the_question() {
    let (running, ask, head, release) = held(1, WhenFull::Reject);
    fill(&running, head);
    let error = ask.ask(5, secs(60)).wait().unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::Full));
    assert!(matches!(block_on(ask.ask(6, secs(60))), Err(AskError::Refused(refused)) if refused.event == 6));
    drop(release);
    assert!(running.drain(Deadlines::default()).balanced());
}

#[test]
fn an_awaited_question_waits_for_room_within_its_deadline() {
    let (running, ask, head, release) = held(1, WhenFull::Block);
    fill(&running, head);
    assert!(matches!(block_on(ask.ask(5, ms(10))), Err(AskError::Refused(refused)) if refused.why == Refusal::Full));
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| block_on(ask.ask(6, secs(60))));
        drop(release);
        assert_eq!(asked.join().unwrap().unwrap(), 6);
    });
    assert!(running.drain(Deadlines::default()).balanced());
}

#[test]
fn a_stop_tells_the_askers() {
    let mut p = Pipeline::named("stop");
    let (head, out) = p.stage(
        "wait",
        (|n: u64, cx: &Cx| {
            while !cx.is_cancelled() {
                std::thread::yield_now();
            }
            n
        })
        .queue(10),
    );
    let (ask, answer) = p.ask(head);
    p.link(out, answer);
    let running = p.start().unwrap();
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..3)
            .map(|n| {
                scope.spawn({
                    let ask = ask.clone();
                    move || ask.ask(n, secs(60)).wait()
                })
            })
            .collect();
        while running.snapshot().stage("wait").unwrap().counts.offered < 3 {
            std::thread::yield_now();
        }
        let report = running.drain(Deadlines::now());
        let heard: Vec<_> = askers.into_iter().map(|asker| asker.join().unwrap()).collect();
        assert_eq!(heard.iter().filter(|end| matches!(end, Err(AskError::Cancelled))).count() as u64, report.left());
        assert!(report.balanced());
    });
}

#[test]
fn answers_find_their_way_through_a_retry_cycle_and_two_asks_of_different_types() {
    let mut p = Pipeline::named("retry");
    let try_it = |(n, tries): (u64, u32)| if tries < 3 { Err((n, tries + 1)) } else { Ok(n) };
    let (head, ok, again) = p.stage("try", try_it.when_full(WhenFull::DropNewest)).tried();
    p.link(again, head);
    let [number, text] = ok.fan();
    let (ask_number, answer) = p.ask(head);
    p.link(number, answer);
    let (ask_text, answer) = p.ask(head);
    p.link(text.map(|n| n.to_string()), answer);
    let running = p.start().unwrap();
    assert_eq!(ask_number.ask((4, 0), secs(60)).wait().unwrap(), 4);
    assert_eq!(ask_text.ask((5, 0), secs(60)).wait().unwrap(), "5");
    running.offer(head, (6, 0)).unwrap();
    let report = running.drain(Deadlines::default());
    let unasked: u64 =
        report.ledger().stages.iter().filter(|row| row.name == "try.answer").map(|row| row.dropped).sum();
    assert_eq!(unasked, 4, "each answer saw two events that it had no ticket for");
    assert!(report.balanced());
}

#[test]
fn a_dropped_reply_loses_nothing_that_was_offered() {
    let (running, ask, _, release) = held(10, WhenFull::Block);
    {
        let mut reply = pin!(ask.ask(1, secs(60)));
        assert!(reply.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop(release);
    let report = running.drain(Deadlines::default());
    assert_eq!(report.ledger().stage("hold").unwrap().done, 1);
    assert_eq!(report.ledger().stage("hold.answer").unwrap().dropped, 1);
}

#[test]
fn a_reply_that_is_dropped_while_it_waits_for_room_has_asked_nothing() {
    let (running, ask, head, release) = held(1, WhenFull::Block);
    fill(&running, head);
    {
        let mut reply = pin!(ask.ask(5, secs(60)));
        assert!(reply.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop(release);
    let report = running.drain(Deadlines::default());
    let row = report.ledger().stage("hold").unwrap();
    assert_eq!((row.offered, row.done, row.refused()), (2, 2, 0));
}

#[test]
fn a_question_that_leaves_the_way_to_the_answer_is_told_where_it_went() {
    let mut p = Pipeline::named("orders");
    let (parse, orders, bad) = p.stage("parse", |s: String| s.parse::<u32>()).tried();
    let [priced, logged] = orders.fan();
    p.end("log", logged, drop);
    p.end("park", bad, drop); // forgotten: it should be an answer too
    let (ask, answer) = p.ask(parse);
    p.link(priced.filter(|n| *n != 3), answer);
    let running = p.start().unwrap();
    assert_eq!(ask.ask("7".into(), secs(60)).wait().unwrap(), 7);
    let error = ask.ask("seven".into(), secs(60)).wait().unwrap_err();
    assert!(matches!(&error, AskError::Unanswered(stage) if stage == "park"), "{error}");
    assert_eq!(error.to_string(), "it went to `park`, from which no way leads to the answer");
    drop(running);
}
