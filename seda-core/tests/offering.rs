//! Offers from tasks: they wait by a waker, keep their turn, and lose nothing when they are dropped.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use seda_core::{
    Refusal,
    prelude::*,
    test::{Takes, Virtual},
};

/// Counts how often it was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Woken {
    fn times(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn poll<F: Future>(future: Pin<&mut F>, woken: &Arc<Woken>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(woken.clone())))
}

/// A stage whose queue of two is full and whose only worker has one more in hand for a millisecond.
fn full() -> (Virtual, Inlet<u32>) {
    let mut p = Pipeline::named("full");
    let (work, out) = p.stage("work", (|n: u32| n).queue(2).batch_max(1));
    p.end("end", out, drop);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("work", Takes::fixed(ms(1)));
    sim.offer(work, 0).unwrap();
    sim.advance(us(1));
    sim.offer(work, 1).unwrap();
    sim.offer(work, 2).unwrap();
    (sim, work)
}

#[test]
fn an_offer_waits_for_room_and_is_woken_once_by_it() {
    let (mut sim, work) = full();
    let (mut offering, woken) = (pin!(sim.entry(work).offer_async(3)), Arc::default());
    assert!(poll(offering.as_mut(), &woken).is_pending());
    sim.advance(us(10));
    assert_eq!(woken.times(), 0, "nobody looks again and again");
    sim.advance(ms(1));
    assert_eq!(woken.times(), 1);
    assert!(matches!(poll(offering.as_mut(), &woken), Poll::Ready(Ok(()))));
    let report = sim.drain(Deadlines::default());
    assert!(report.balanced());
    assert_eq!(report.ledger().stage("work").unwrap().done, 4);
}

#[test]
fn an_offer_that_is_dropped_has_offered_nothing_and_the_next_in_line_is_woken() {
    let (mut sim, work) = full();
    let (first, second) = (Arc::default(), Arc::default());
    let mut gives_up = Box::pin(sim.entry(work).offer_async(3));
    let mut stays = pin!(sim.entry(work).offer_async(4));
    assert!(poll(gives_up.as_mut(), &first).is_pending());
    assert!(poll(stays.as_mut(), &second).is_pending());
    sim.advance(ms(1));
    assert_eq!((first.times(), second.times()), (1, 0));
    drop(gives_up);
    assert_eq!(second.times(), 1, "the room is not lost with who was woken for it");
    assert!(matches!(poll(stays.as_mut(), &second), Poll::Ready(Ok(()))));
    let report = sim.drain(Deadlines::default());
    let row = report.ledger().stage("work").unwrap();
    assert_eq!((row.offered, row.done, row.refused()), (4, 4, 0));
}

#[test]
fn an_event_that_was_not_taken_can_be_taken_back() {
    let (sim, work) = full();
    let mut offering = sim.entry(work).offer_async(3);
    assert!(poll(Pin::new(&mut offering), &Arc::default()).is_pending());
    assert_eq!(offering.into_event(), Some(3));
}

#[test]
fn who_waits_when_offers_close_hears_of_it_with_the_event() {
    let (sim, work) = full();
    let (mut offering, woken) = (pin!(sim.entry(work).offer_async(3)), Arc::default());
    assert!(poll(offering.as_mut(), &woken).is_pending());
    let report = sim.drain(Deadlines::default());
    assert_eq!(woken.times(), 1);
    let Poll::Ready(Err(refused)) = poll(offering.as_mut(), &woken) else { panic!("it is refused") };
    assert_eq!((refused.event, refused.why), (3, Refusal::Closed));
    assert!(report.balanced());
}

#[test]
fn a_reservation_that_is_dropped_keeps_no_room() {
    let (mut sim, work) = full();
    let (mut reserving, woken) = (Box::pin(sim.entry(work).reserve_async(2)), Arc::default());
    assert!(poll(reserving.as_mut(), &woken).is_pending());
    sim.advance(ms(5));
    assert_eq!(woken.times(), 1);
    let Poll::Ready(Ok(permit)) = poll(reserving.as_mut(), &woken) else { panic!("there is room for two") };
    assert!(sim.entry(work).try_offer(9).is_err(), "the room is spoken for");
    drop(permit);
    sim.entry(work).try_offer(9).unwrap();
    let mut waits = Box::pin(sim.entry(work).reserve_async(2));
    assert!(poll(waits.as_mut(), &woken).is_pending());
    drop(waits);
    sim.entry(work).try_offer(10).unwrap();
    assert!(sim.drain(Deadlines::default()).balanced());
}

#[test]
fn one_polled_by_another_task_wakes_that_one() {
    let (mut sim, work) = full();
    let (mut offering, first, second) = (pin!(sim.entry(work).offer_async(3)), Arc::default(), Arc::default());
    assert!(poll(offering.as_mut(), &first).is_pending());
    assert!(poll(offering.as_mut(), &second).is_pending());
    sim.advance(ms(1));
    assert_eq!((first.times(), second.times()), (0, 1));
}

#[tokio::test]
async fn many_tasks_offer_to_one_small_queue_and_all_are_taken() {
    let mut p = Pipeline::named("many");
    let (work, out) = p.stage("work", (|n: u32| n).queue(3));
    p.end("end", out, drop);
    let running = p.start().unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let entry = running.entry(work);
            tokio::spawn(async move {
                for n in 0..200 {
                    entry.offer_async(n).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let report = running.drain(Deadlines::default());
    assert!(report.balanced());
    assert_eq!(report.ledger().stage("work").unwrap().done, 4000);
}
