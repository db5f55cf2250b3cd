//! A pipeline as a tower service.

use std::{
    future::Future,
    pin::pin,
    sync::mpsc::{Receiver, channel, sync_channel},
    task::{Context, Waker},
};

use seda::{
    Ask, Refusal,
    prelude::*,
    stages::{HttpError, service_of},
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
