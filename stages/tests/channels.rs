//! Channels as sources and sinks, in a pipeline: what is in them arrives, what is not taken comes back.

use std::{
    sync::mpsc::{channel, sync_channel},
    time::Duration,
};

use seda::{
    prelude::*,
    stages::{Obstacle, Undelivered, from_channel, to_channel},
    test::{Virtual, collect},
};

/// Long against the 20 ms within which a stop is seen, short against a drain that waits for a message.
const PROMPT: Duration = secs(5);

#[test]
fn a_source_ends_with_the_last_sender_after_all_was_received() {
    let (send, numbers) = sync_channel(8);
    let mut p = Pipeline::named("numbers");
    let out = p.source("numbers", from_channel(numbers));
    p.end("keep", out, |_: u32| ());
    let running = p.start().unwrap();
    let sending = std::thread::spawn(move || (0..5000).for_each(|n| send.send(n).unwrap()));
    let report = running.finish();
    sending.join().unwrap();
    assert_eq!(report.ledger().stage("keep").unwrap().done, 5000);
    assert!(report.balanced());
}

#[test]
fn an_event_does_not_wait_for_the_next_one() {
    let (send, numbers) = channel();
    let (seen, see) = channel();
    let mut p = Pipeline::named("numbers");
    let out = p.source("numbers", from_channel(numbers));
    p.end("see", out, move |n: u32| seen.send(n).unwrap_or_default());
    let running = p.start().unwrap();
    for n in 0..200 {
        send.send(n).unwrap();
        assert_eq!(see.recv_timeout(PROMPT).unwrap(), n);
    }
    assert!(running.drain(Deadlines::default()).balanced());
}

#[test]
fn a_drain_does_not_wait_for_a_message() {
    let (send, numbers) = channel::<u32>();
    let mut p = Pipeline::named("numbers");
    let out = p.source("numbers", from_channel(numbers));
    p.end("keep", out, drop);
    let report = p.start().unwrap().drain(Deadlines::default());
    assert!(report.took < PROMPT, "{:?}", report.took);
    assert!(report.balanced());
    assert!(send.send(1).is_err(), "the receiver went with the pipeline");
}

#[test]
fn an_empty_channel_holds_up_no_other_stage_of_its_domain() {
    let (send, numbers) = channel::<u32>();
    let (seen, see) = channel();
    let mut p = Pipeline::named("shared");
    let one = p.domain("one", 1);
    let out = p.source_in("numbers", &one, from_channel(numbers));
    let inlet = p.sink("see", (move |n: u32| seen.send(n).unwrap_or_default()).on(&one));
    p.link(out, inlet);
    let running = p.start().unwrap();
    running.offer(inlet, 1).unwrap();
    assert_eq!(see.recv_timeout(PROMPT).unwrap(), 1);
    send.send(2).unwrap();
    assert_eq!(see.recv_timeout(PROMPT).unwrap(), 2);
    assert!(running.drain(Deadlines::default()).balanced());
}

#[test]
fn on_virtual_time_a_channel_is_looked_at_and_never_waited_for() {
    let (send, numbers) = channel();
    let mut p = Pipeline::named("numbers");
    let out = p.source("numbers", from_channel(numbers));
    let kept = collect(&mut p, "keep", out);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.advance(secs(1));
    send.send(7).unwrap();
    sim.advance(ms(10));
    assert_eq!(kept.take(), [7]);
    drop(send);
    assert!(sim.finish().balanced());
}

#[test]
fn after_the_receiver_has_gone_every_event_comes_back() {
    let (send, numbers) = sync_channel(1);
    drop(numbers);
    let mut p = Pipeline::named("numbers");
    let out = p.source("numbers", 1..=3);
    let lost = p.then_with("out", out, to_channel(send)).some();
    let kept = collect(&mut p, "lost", lost);
    let report = p.start().unwrap().finish();
    let kept: Vec<_> = kept.take().into_iter().map(|lost: Undelivered<u32>| (lost.event, lost.why)).collect();
    assert_eq!(kept, [(1, Obstacle::Gone), (2, Obstacle::Gone), (3, Obstacle::Gone)]);
    assert!(report.balanced());
}

#[test]
fn a_full_channel_holds_its_stage_back_and_a_drain_gives_back_what_was_in_hand() {
    let (send, numbers) = sync_channel(2);
    let mut p = Pipeline::named("numbers");
    let (inlet, passed) = p.stage("pass", |n: u32| n);
    let lost = p.then_with("out", passed, to_channel(send).batch_max(1)).some();
    let kept = collect(&mut p, "lost", lost);
    let running = p.start().unwrap();
    (1..=4).for_each(|n| running.offer(inlet, n).unwrap());
    let report = running.drain(Deadlines::within(ms(50)));
    assert!(report.stuck.is_empty(), "{:?}", report.stuck);
    assert!(report.balanced(), "{report:?}");
    let sent: Vec<u32> = numbers.try_iter().collect();
    assert_eq!(sent, [1, 2], "the channel took what it had room for");
    let row = report.ledger().stage("out").unwrap().clone();
    // Whether the other two came back or were left is the second signal's luck; nothing else can become of them.
    assert_eq!(row.done + row.left, 4);
    assert!(kept.take().iter().all(|lost| lost.event > 2 && lost.why == Obstacle::Cancelled));
}

#[test]
fn on_virtual_time_what_finds_the_channel_full_comes_back() {
    let (send, numbers) = sync_channel(2);
    let mut p = Pipeline::named("numbers");
    let out = p.source("numbers", 1..=3);
    let lost = p.then_with("out", out, to_channel(send)).some();
    let kept = collect(&mut p, "lost", lost);
    assert!(Virtual::start(p, 1).unwrap().finish().balanced());
    assert_eq!(numbers.try_iter().collect::<Vec<u32>>(), [1, 2]);
    assert_eq!(kept.take(), [Undelivered { event: 3, why: Obstacle::Full }]);
}

#[test]
fn crossbeam_channels_are_sources_and_sinks_too() {
    let (send, numbers) = crossbeam_channel::bounded(4);
    let (out, squares) = crossbeam_channel::bounded(4);
    let mut p = Pipeline::named("squares");
    let numbers = p.source("numbers", from_channel(numbers));
    let squared = p.then("square", numbers, |n: u64| n * n);
    let lost = p.then_with("out", squared, to_channel(out)).some();
    let kept = collect(&mut p, "lost", lost);
    let running = p.start().unwrap();
    let sending = std::thread::spawn(move || (0..500).for_each(|n| send.send(n).unwrap()));
    let sum: u64 = squares.iter().take(500).sum();
    sending.join().unwrap();
    assert_eq!(sum, (0..500).map(|n| n * n).sum::<u64>());
    assert!(running.finish().balanced());
    assert!(kept.is_empty());
}

#[test]
fn a_full_crossbeam_channel_is_given_up_at_the_second_signal() {
    let (out, squares) = crossbeam_channel::bounded(1);
    let mut p = Pipeline::named("squares");
    let (inlet, passed) = p.stage("pass", |n: u32| n);
    let lost = p.then_with("out", passed, to_channel(out)).some();
    p.end("lost", lost, drop);
    let running = p.start().unwrap();
    (1..=3).for_each(|n| running.offer(inlet, n).unwrap());
    let report = running.drain(Deadlines::within(ms(50)));
    assert!(report.stuck.is_empty(), "{:?}", report.stuck);
    assert!(report.balanced(), "{report:?}");
    assert_eq!(squares.try_iter().collect::<Vec<u32>>(), [1]);
}
