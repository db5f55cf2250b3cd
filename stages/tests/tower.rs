//! A pipeline as a tower service.

use std::{
    future::{Future, Pending, pending},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, channel, sync_channel},
    },
    task::{Context, Poll, Waker},
};

use seda::{
    Ask, Refusal,
    prelude::*,
    stages::{HttpError, service_of, to_service},
    test::Virtual,
};
use tokio::runtime::{Builder, Runtime};
use tower::{Service, ServiceBuilder, ServiceExt};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

fn squares(queue: usize) -> (Pipeline, Ask<u64, u64>) {
    let mut p = Pipeline::named("squares");
    let (square, squared) = p.stage("square", (|n: u64| n * n).queue(queue).when_full(WhenFull::Reject));
    let (ask, answer) = p.ask(square);
    p.link(squared, answer);
    (p, ask)
}

#[test]
fn a_pipeline_answers_as_a_service_under_layers_of_others() {
    let (p, ask) = squares(100);
    let running = p.start().unwrap();
    let service = ServiceBuilder::new()
        .load_shed()
        .concurrency_limit(4)
        .map_response(|n: u64| n.to_string())
        .service(service_of(ask, secs(10)));
    let answer = runtime().block_on(service.oneshot(12)).unwrap();
    assert_eq!(answer, "144");
    let report = running.drain(Deadlines::default());
    assert_eq!(report.ledger().stage("square").unwrap().done, 1);
    assert!(report.balanced());
}

#[test]
fn a_refusal_comes_with_the_question_and_becomes_a_503() {
    let (p, ask) = squares(1);
    let running = p.start().unwrap();
    let mut service = service_of(ask, secs(10));
    let report = running.drain(Deadlines::default());
    assert!(report.balanced());
    let error = runtime().block_on(service.call(12)).unwrap_err();
    let AskError::Refused(Refused { event, why }) = &error else { panic!("{error:?}") };
    assert_eq!((event, why), (&12, &Refusal::Closed));
    assert_eq!(HttpError::from(error).status().as_u16(), 503);
}

#[test]
fn a_dropped_call_withdraws_and_its_answer_is_counted_as_unheard() {
    let (p, ask) = squares(10);
    let mut sim = Virtual::start(p, 1).unwrap();
    let mut service = service_of(ask, secs(10));
    {
        let call = pin!(service.call(3));
        assert!(call.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    sim.run();
    let report = sim.drain(Deadlines::default());
    assert_eq!(report.ledger().stage("square").unwrap().done, 1);
    assert!(report.balanced(), "{report:?}");
}

/// A stage that says what it took and then waits for a word.
fn held() -> (Pipeline, Ask<u64, u64>, Receiver<u64>, std::sync::mpsc::SyncSender<()>) {
    let (begin, begun) = channel();
    let (go, gate) = sync_channel(0);
    let gate = std::sync::Mutex::new(gate);
    let mut p = Pipeline::named("held");
    let (hold, out) = p.stage("hold", move |n: u64| {
        begin.send(n).unwrap_or_default();
        gate.lock().unwrap().recv().unwrap_or_default();
        n
    });
    let (ask, answer) = p.ask(hold);
    p.link(out, answer);
    (p, ask, begun, go)
}

#[test]
fn a_runtime_that_shuts_down_under_a_call_loses_nothing() {
    let (p, ask, begun, go) = held();
    let running = p.start().unwrap();
    let runtime = runtime();
    let mut service = service_of(ask, secs(60));
    runtime.spawn(async move { service.call(7).await });
    assert_eq!(begun.recv().unwrap(), 7);
    runtime.shutdown_background();
    go.send(()).unwrap();
    let report = running.drain(Deadlines::default());
    assert_eq!(report.ledger().stage("hold").unwrap().done, 1);
    assert!(report.balanced(), "{report:?}");
}

#[test]
fn a_call_that_waits_while_the_pipeline_stops_hears_of_it() {
    let (begin, begun) = channel();
    let mut p = Pipeline::named("held");
    let hold = move |n: u64, cx: &Cx| {
        begin.send(n).unwrap_or_default();
        while !cx.is_cancelled() {
            std::thread::yield_now();
        }
        n
    };
    let (hold, out) = p.stage("hold", hold.batch_max(1));
    let (ask, answer) = p.ask(hold);
    p.link(out, answer);
    let running = p.start().unwrap();
    let runtime = runtime();
    let mut service = service_of(ask, secs(60));
    let asking: Vec<_> = (0..3).map(|n| runtime.spawn(service.call(n))).collect();
    begun.recv().unwrap();
    let report = running.drain(Deadlines::within(ms(20)));
    assert!(report.balanced() && report.stuck.is_empty(), "{report:?}");
    for asked in asking {
        // The one in hand is answered or cancelled, those behind it are cancelled, or came after the close.
        let end = runtime.block_on(asked).unwrap();
        assert!(matches!(end, Ok(_) | Err(AskError::Cancelled | AskError::Refused(_))), "{end:?}");
    }
}

#[test]
fn a_service_is_a_stage_its_errors_have_a_port_and_its_own_limit_holds() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counts, max) = (now.clone(), most.clone());
    let halve = tower::service_fn(move |n: u32| {
        let (now, most) = (counts.clone(), max.clone());
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            now.fetch_sub(1, Ordering::SeqCst);
            if n.is_multiple_of(2) { Ok(n / 2) } else { Err(format!("{n} is odd")) }
        }
    });
    let halve = ServiceBuilder::new().concurrency_limit(3).service(halve);
    let report = runtime().block_on(async move {
        let mut p = Pipeline::named("halves");
        let numbers = p.source("numbers", 0..500);
        let (head, halves, odd) = p.stage("halve", to_service(halve).limit(20)).tried();
        p.link(numbers, head);
        p.end("halves", halves, |_: u32| ());
        p.end("odd", odd, |_: String| ());
        p.start().unwrap().finish_async().await
    });
    let done = |stage| report.ledger().stage(stage).unwrap().done;
    assert_eq!((done("halves"), done("odd")), (250, 250));
    assert!(report.balanced());
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)), "{most:?} at once");
}

/// Never ready, or never answered.
#[derive(Clone)]
struct Hangs {
    ready: bool,
}

impl Service<u32> for Hangs {
    type Response = u32;
    type Error = String;
    type Future = Pending<Result<u32, String>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), String>> {
        if self.ready { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn call(&mut self, _: u32) -> Self::Future {
        pending()
    }
}

#[test]
fn a_service_that_hangs_is_dropped_at_the_second_signal_and_its_events_are_left() {
    for ready in [false, true] {
        let report = runtime().block_on(async move {
            let mut p = Pipeline::named("hangs");
            let (head, out, failed) = p.stage("hang", to_service(Hangs { ready }).limit(2)).tried();
            p.end("out", out, drop);
            p.end("failed", failed, drop);
            let running = p.start().unwrap();
            for n in 0..5 {
                running.entry(head).offer_async(n).await.unwrap();
            }
            running.drain_async(Deadlines::within(ms(20))).await
        });
        assert_eq!(report.ledger().stage("hang").unwrap().left, 5);
        assert!(report.balanced() && report.stuck.is_empty(), "{report:?}");
    }
}

#[test]
fn a_runtime_that_shuts_down_under_a_service_stage_loses_nothing() {
    let runtime = runtime();
    let (running, head) = {
        let _inside = runtime.enter();
        let mut p = Pipeline::named("hangs");
        let (head, out, failed) = p.stage("hang", to_service(Hangs { ready: true }).limit(2)).tried();
        p.end("out", out, drop);
        p.end("failed", failed, drop);
        (p.start().unwrap(), head)
    };
    for n in 0..5 {
        running.offer(head, n).unwrap();
    }
    drop(runtime);
    let report = running.drain(Deadlines::within(ms(20)));
    assert_eq!(report.ledger().stage("hang").unwrap().left, 5);
    assert!(report.balanced(), "{report:?}");
}
