//! Streams and sinks of the `futures` crates, both ways.

use std::{
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::channel,
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_channel::mpsc;
use futures_util::{Sink, SinkExt, Stream, StreamExt, stream};
use seda::{
    Refusal,
    prelude::*,
    stages::{EventStream, Obstacle, Undelivered, entry_sink, from_stream, to_sink, to_stream},
    test::{Collected, Takes, Virtual, collect},
};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

/// Counts how often it was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<S: Stream + Unpin>(stream: &mut S, woken: &Arc<Woken>) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(&Waker::from(woken.clone())))
}

fn events<T>(lost: Vec<Undelivered<T>>) -> Vec<(T, Obstacle)> {
    lost.into_iter().map(|lost| (lost.event, lost.why)).collect()
}

/// An entry whose events come out of a stream, and those that could not.
fn passing(bound: usize) -> (Pipeline, Inlet<u32>, EventStream<u32>, Collected<Undelivered<u32>>) {
    let (sink, stream) = to_stream(bound);
    let mut p = Pipeline::named("passing");
    let (inlet, passed) = p.stage("pass", |n: u32| n);
    let lost = p.then_with("out", passed, sink).some();
    let lost = collect(&mut p, "lost", lost);
    (p, inlet, stream, lost)
}

#[test]
fn a_stream_goes_through_a_pipeline_and_comes_out_as_a_stream() {
    let runtime = runtime();
    let (mut send, numbers) = mpsc::channel(4);
    let (sink, out) = to_stream(4);
    let mut p = Pipeline::named("squares");
    let numbers = p.source("numbers", from_stream(numbers));
    let squared = p.then("square", numbers, |n: u64| n * n);
    let lost = p.then_with("out", squared, sink).some();
    let lost = collect(&mut p, "lost", lost);
    let running = p.start().unwrap();
    runtime.spawn(async move {
        for n in 0..5000 {
            send.send(n).await.unwrap();
        }
    });
    let reading = runtime.spawn(out.fold(0, async |sum, n| sum + n));
    let report = running.finish();
    assert_eq!(runtime.block_on(reading).unwrap(), (0..5000).map(|n| n * n).sum::<u64>());
    assert!(report.balanced() && lost.is_empty());
}

#[test]
fn a_stream_that_hangs_holds_up_no_drain() {
    let mut p = Pipeline::named("hangs");
    let numbers = p.source("numbers", from_stream(stream::pending::<u32>()));
    p.end("keep", numbers, drop);
    let report = p.start().unwrap().drain(Deadlines::default());
    assert!(report.took < secs(5), "{:?}", report.took);
    assert!(report.balanced());
}

#[test]
fn a_runtime_that_shuts_down_ends_the_stream_that_it_fed_and_nothing_is_lost() {
    let runtime = runtime();
    let (mut send, numbers) = mpsc::channel(4);
    let (seen, see) = channel();
    let mut p = Pipeline::named("fed");
    let numbers = p.source("numbers", from_stream(numbers));
    p.end("see", numbers, move |n: u32| seen.send(n).unwrap());
    let running = p.start().unwrap();
    runtime.spawn(async move {
        for n in 0.. {
            send.send(n).await.unwrap();
        }
    });
    (0..100).for_each(|n| assert_eq!(see.recv().unwrap(), n));
    runtime.shutdown_background();
    // The task is dropped with its sender, so the stream ends, and with it the source.
    let report = running.finish();
    assert!(report.balanced(), "{report:?}");
    assert_eq!(report.ledger().stage("see").unwrap().done, 100 + see.iter().count() as u64);
}

#[test]
fn a_stream_that_panics_as_its_runtime_is_gone_ends_its_source_with_one_failure() {
    let runtime = runtime();
    let ticks = {
        let _inside = runtime.enter();
        let mut every = Box::pin(tokio::time::interval(ms(1)));
        stream::poll_fn(move |cx| every.poll_tick(cx).map(Some))
    };
    drop(runtime);
    let mut p = Pipeline::named("ticks");
    let ticks = p.source("ticks", from_stream(ticks));
    p.end("keep", ticks, |_| ());
    let report = p.start().unwrap().finish();
    assert_eq!(report.ledger().stage("ticks").unwrap().failed, 1);
    assert!(report.balanced());
}

#[test]
fn a_reader_is_woken_by_an_event_and_at_the_end() {
    let (p, inlet, mut stream, lost) = passing(4);
    let mut sim = Virtual::start(p, 1).unwrap();
    let woken = Arc::default();
    assert!(poll(&mut stream, &woken).is_pending());
    sim.offer(inlet, 1).unwrap();
    sim.run();
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    assert_eq!(poll(&mut stream, &woken), Poll::Ready(Some(1)));
    assert!(poll(&mut stream, &woken).is_pending());
    let report = sim.drain(Deadlines::default());
    assert_eq!(woken.0.load(Ordering::SeqCst), 2);
    assert_eq!(poll(&mut stream, &woken), Poll::Ready(None));
    assert!(report.balanced() && lost.is_empty());
}

#[test]
fn what_was_handed_over_can_be_read_after_the_pipeline_has_ended() {
    let (p, inlet, stream, lost) = passing(4);
    let running = p.start().unwrap();
    (1..=3).for_each(|n| running.offer(inlet, n).unwrap());
    let report = running.drain(Deadlines::default());
    assert_eq!(runtime().block_on(stream.collect::<Vec<_>>()), [1, 2, 3]);
    assert!(report.balanced() && lost.is_empty());
}

#[test]
fn a_dropped_stream_gives_back_what_it_had_not_read_and_all_that_comes() {
    let (p, inlet, mut stream, lost) = passing(4);
    let mut sim = Virtual::start(p, 1).unwrap();
    (1..=3).for_each(|n| sim.offer(inlet, n).unwrap());
    sim.run();
    assert_eq!(poll(&mut stream, &Arc::default()), Poll::Ready(Some(1)));
    drop(stream);
    sim.offer(inlet, 4).unwrap();
    sim.run();
    assert_eq!(events(lost.take()), [(4, Obstacle::Gone)]);
    let report = sim.drain(Deadlines::default());
    assert_eq!(events(lost.take()), [(2, Obstacle::Gone), (3, Obstacle::Gone)]);
    assert!(report.balanced());
}

#[test]
fn a_stream_that_is_dropped_while_it_is_full_lets_its_stage_go_on() {
    let (p, inlet, stream, lost) = passing(1);
    let running = p.start().unwrap();
    (1..=5).for_each(|n| running.offer(inlet, n).unwrap());
    drop(stream);
    let report = running.drain(Deadlines::default());
    assert!(report.took < secs(5), "{:?}", report.took);
    assert!(report.balanced());
    let mut back: Vec<u32> = events(lost.take()).into_iter().map(|(n, _)| n).collect();
    back.sort_unstable();
    assert_eq!(back, [1, 2, 3, 4, 5]);
}

#[test]
fn a_stream_that_nobody_reads_is_given_up_at_the_second_signal() {
    let (p, inlet, stream, _lost) = passing(1);
    let running = p.start().unwrap();
    (1..=3).for_each(|n| running.offer(inlet, n).unwrap());
    let report = running.drain(Deadlines::within(ms(50)));
    assert!(report.stuck.is_empty(), "{:?}", report.stuck);
    assert!(report.balanced(), "{report:?}");
    assert_eq!(runtime().block_on(stream.collect::<Vec<_>>()), [1]);
}

#[test]
fn a_sink_gets_every_event_in_order_and_holds_its_stage_back_while_it_is_full() {
    let runtime = runtime();
    let (send, receive) = mpsc::channel(1);
    let mut p = Pipeline::named("numbers");
    let numbers = p.source("numbers", 0..5000);
    let lost = p.then_with("out", numbers, to_sink(send)).some();
    let lost = collect(&mut p, "lost", lost);
    let reading = runtime.spawn(receive.collect::<Vec<u32>>());
    let report = p.start().unwrap().finish();
    assert_eq!(runtime.block_on(reading).unwrap(), (0..5000).collect::<Vec<_>>());
    assert!(report.balanced() && lost.is_empty());
}

#[test]
fn a_sink_that_has_gone_gives_every_event_back() {
    let (send, receive) = mpsc::channel::<u32>(1);
    drop(receive);
    let mut p = Pipeline::named("numbers");
    let numbers = p.source("numbers", 1..=3);
    let lost = p.then_with("out", numbers, to_sink(send)).some();
    let lost = collect(&mut p, "lost", lost);
    let report = p.start().unwrap().finish();
    let lost = lost.take();
    assert_eq!(lost.iter().map(|lost| lost.event).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
    assert!(lost.iter().all(|lost| matches!(lost.why, Obstacle::Failed(_))));
    assert!(report.balanced());
}

/// Takes what is sent, and fails when it is to be flushed.
struct Unflushable;

impl Sink<u32> for Unflushable {
    type Error = String;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), String>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, event: u32) -> Result<(), String> {
        if event == 3 { Err("not 3".into()) } else { Ok(()) }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), String>> {
        Poll::Ready(Err("the disk is full".into()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), String>> {
        Poll::Ready(Ok(()))
    }
}

/// Says what was done with it; never closes if it is not to.
struct Noting(Arc<Mutex<Vec<&'static str>>>, bool);

impl Sink<u32> for Noting {
    type Error = String;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), String>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, _: u32) -> Result<(), String> {
        self.0.lock().unwrap().push("sent");
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), String>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), String>> {
        self.0.lock().unwrap().push("closed");
        if self.1 { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

#[test]
fn a_sink_is_closed_once_when_the_last_event_was_sent() {
    let done = Arc::new(Mutex::new(Vec::new()));
    let mut p = Pipeline::named("closes");
    let numbers = p.source("numbers", 0..1000u32);
    let lost = p.then_with("out", numbers, to_sink(Noting(done.clone(), true)).threads(3)).some();
    p.end("lost", lost, drop);
    assert!(p.start().unwrap().finish().balanced());
    let done = done.lock().unwrap();
    assert_eq!((done.len(), done.iter().position(|what| *what == "closed")), (1001, Some(1000)));
}

#[test]
fn a_sink_that_does_not_close_holds_the_stop_up_to_its_first_deadline_alone() {
    let done = Arc::new(Mutex::new(Vec::new()));
    let mut p = Pipeline::named("open");
    let (inlet, passed) = p.stage("pass", |n: u32| n);
    let lost = p.then_with("out", passed, to_sink(Noting(done.clone(), false))).some();
    p.end("lost", lost, drop);
    let running = p.start().unwrap();
    running.offer(inlet, 1).unwrap();
    let report = running.drain(Deadlines::within(ms(50)));
    assert!(report.stuck.is_empty() && report.balanced(), "{report}");
    assert_eq!(done.lock().unwrap()[..2], ["sent", "closed"]);
}

#[test]
fn what_a_sink_took_and_did_not_flush_is_told_of_without_its_event() {
    let mut p = Pipeline::named("numbers");
    let (inlet, passed) = p.stage("pass", |n: u32| n);
    let lost = p.then_with("out", passed, to_sink(Unflushable)).some();
    let lost = collect(&mut p, "lost", lost);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.entry(inlet).try_offer_many(vec![2, 3, 4]).unwrap();
    sim.run();
    let lost = lost.take().into_iter().map(|lost| (lost.event, lost.why.to_string()));
    let disk = "the other side failed: the disk is full".to_string();
    let not_3 = "the other side failed: not 3".to_string();
    let lost: Vec<_> = lost.collect();
    // Whether they came in one batch or in three, 3 stops only its own batch.
    assert!(lost.contains(&(None, disk)) && lost.contains(&(None, not_3)), "{lost:?}");
    assert_eq!(lost.len(), 3);
    assert!(sim.drain(Deadlines::default()).balanced());
}

#[test]
fn a_sink_that_hangs_is_given_up_at_the_second_signal() {
    let (send, receive) = mpsc::channel(0);
    let mut p = Pipeline::named("hangs");
    let (inlet, passed) = p.stage("pass", |n: u32| n);
    let lost = p.then_with("out", passed, to_sink(send)).some();
    p.end("lost", lost, drop);
    let running = p.start().unwrap();
    (1..=3).for_each(|n| running.offer(inlet, n).unwrap());
    let report = running.drain(Deadlines::within(ms(50)));
    assert!(report.stuck.is_empty(), "{:?}", report.stuck);
    assert!(report.balanced(), "{report:?}");
    drop(receive);
}

#[test]
fn an_entry_as_a_sink_waits_for_room_and_a_dropped_one_keeps_none() {
    let mut p = Pipeline::named("full");
    let inlet = p.sink("work", (|_: u32| ()).queue(1).batch_max(1));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("work", Takes::fixed(ms(1)));
    sim.offer(inlet, 0).unwrap();
    sim.advance(us(1));
    let (mut sink, mut other) = (entry_sink(sim.entry(inlet)), entry_sink(sim.entry(inlet)));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    assert!(sink.poll_ready_unpin(&mut cx).is_ready(), "the queue is empty");
    assert!(other.poll_ready_unpin(&mut cx).is_pending(), "its one place is reserved");
    drop(sink);
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    assert!(other.poll_ready_unpin(&mut cx).is_ready());
    other.start_send_unpin(1).unwrap();
    let report = sim.drain(Deadlines::default());
    assert_eq!(report.ledger().stage("work").unwrap().done, 2);
    assert!(report.balanced());
}

#[test]
fn an_entry_as_a_sink_gives_the_event_back_when_the_pipeline_has_ended() {
    let mut p = Pipeline::named("ends");
    let inlet = p.sink("work", |_: u32| ());
    let running = p.start().unwrap();
    let mut sink = entry_sink(running.entry(inlet));
    let runtime = runtime();
    runtime.block_on(sink.send(1)).unwrap();
    let report = running.drain(Deadlines::default());
    assert!(report.balanced());
    let refused = runtime.block_on(sink.send(2)).unwrap_err();
    assert_eq!((refused.event, refused.why), (2, Refusal::Closed));
}

#[test]
fn a_queue_that_rejects_does_so_with_the_event_and_one_that_drops_drops() {
    for (when_full, full, dropped) in [(WhenFull::Reject, 1, 0), (WhenFull::DropOldest, 0, 1)] {
        let mut p = Pipeline::named("full");
        let inlet = p.sink("work", (|_: u32| ()).queue(1).batch_max(1).when_full(when_full));
        let mut sim = Virtual::start(p, 1).unwrap();
        sim.takes("work", Takes::fixed(ms(1)));
        sim.offer(inlet, 0).unwrap();
        sim.advance(us(1));
        sim.offer(inlet, 1).unwrap();
        let mut sending = entry_sink(sim.entry(inlet));
        let sent = runtime().block_on(pin!(sending.send(2)));
        assert_eq!(sent.err().map(|refused| refused.event), (full == 1).then_some(2));
        let report = sim.drain(Deadlines::default());
        let row = report.ledger().stage("work").unwrap();
        assert_eq!((row.full, row.dropped), (full, dropped), "{when_full:?}");
        assert!(report.balanced());
    }
}

#[test]
fn a_forward_that_is_dropped_while_it_waits_has_offered_nothing_more() {
    let mut p = Pipeline::named("full");
    let inlet = p.sink("work", (|_: u32| ()).queue(1).batch_max(1));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("work", Takes::fixed(ms(1)));
    sim.offer(inlet, 0).unwrap();
    sim.advance(us(1));
    {
        let forward = stream::iter(1..10).map(Ok).forward(entry_sink(sim.entry(inlet)));
        let waker = Waker::from(Arc::new(Woken::default()));
        assert!(pin!(forward).as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    let report = sim.drain(Deadlines::default());
    assert_eq!(report.ledger().stage("work").unwrap().offered, 2);
    assert!(report.balanced());
}
