//! What a policy does not admit comes back later: sources hold it, callers wait for it, and nothing spins.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Instant,
};

use seda_core::{
    Admission, AdmitAll, Deadline, Defer, MaxConcurrency, Offer, OfferOptions, Refusal, TokenBucket, Verdict,
    prelude::*,
    test::{Takes, Virtual},
};

/// How often it was asked.
struct Counted<P>(P, Arc<AtomicUsize>);

impl<P: Admission> Admission for Counted<P> {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.offer(offer)
    }
}

/// A source of so many events before a stage that admits a hundred per second, each at its time.
fn limited(events: u32) -> (Virtual, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let mut p = Pipeline::named("limited");
    let numbers = p.source("numbers", 0..events);
    let policy = Defer::new(Counted(TokenBucket::new(100.0, 1), asked.clone()));
    p.end_with("send", numbers, (|_: u32| ()).admission(policy));
    (Virtual::start(p, 1).unwrap(), asked)
}

#[test]
fn a_source_holds_what_is_not_admitted_and_offers_it_at_the_time_that_it_was_told() {
    let (mut sim, asked) = limited(51);
    sim.run();
    assert_eq!(sim.now(), ms(500));
    let ledger = sim.ledger();
    let row = ledger.stage("send").unwrap();
    assert_eq!((row.offered, row.shed, row.done), (51, 0, 51));
    // Once in vain for each that had to wait, and once at its time.
    assert_eq!(asked.load(Ordering::Relaxed), 101);
}

#[test]
fn a_drain_takes_in_what_the_source_had_made_as_the_policy_lets_it() {
    let (mut sim, _) = limited(1000);
    sim.advance(ms(95));
    let report = sim.drain(Deadlines::within(secs(5)));
    let row = report.ledger().stage("send").unwrap();
    assert!(report.balanced() && row.done > 10 && row.left == 0, "{report}");
    assert!(report.took < secs(1), "{report}");
}

#[test]
fn what_says_no_time_is_asked_when_a_place_is_free_again() {
    let mut p = Pipeline::named("places");
    let numbers = p.source("numbers", 0..20);
    let two = Defer::new(MaxConcurrency::new(2));
    p.end_with("work", numbers, (|_: u32| ()).threads(4).admission(two));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("work", Takes::fixed(ms(4)));
    sim.run();
    assert_eq!(sim.now(), ms(40));
    assert_eq!(sim.ledger().stage("work").unwrap().done, 20);
}

struct Flag(AtomicUsize);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn callers_that_wait_come_in_one_after_the_other_and_those_that_do_not_are_told_the_time() {
    let mut p = Pipeline::named("callers");
    let mails = p.sink("send", (|_: u32| ()).admission(Defer::new(TokenBucket::new(10.0, 1))));
    let mut sim = Virtual::start(p, 1).unwrap();
    let entry = sim.entry(mails);
    entry.try_offer(0).unwrap();
    let refused = entry.try_offer(1).unwrap_err();
    assert_eq!(refused.why.retry_after(), Some(ms(100)));
    let flags = [Arc::new(Flag(AtomicUsize::new(0))), Arc::new(Flag(AtomicUsize::new(0)))];
    let wakers = flags.clone().map(Waker::from);
    let mut offers = [pin!(entry.offer_async(1)), pin!(entry.offer_async(2))];
    let woken = || flags.each_ref().map(|flag| flag.0.load(Ordering::Relaxed));
    for (offer, waker) in offers.iter_mut().zip(&wakers) {
        assert!(offer.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
    }
    sim.advance(ms(99));
    assert_eq!(woken(), [0, 0]);
    for at in [0, 1] {
        sim.advance(ms(1));
        assert_eq!((woken()[at], woken()[1] >= at), (1, true), "the first in line is first");
        let polled = offers[at].as_mut().poll(&mut Context::from_waker(&wakers[at]));
        assert_eq!(polled, Poll::Ready(Ok(())));
        // The next is asked for at once, and told its time.
        if at == 0 {
            assert_eq!(woken(), [1, 1]);
            assert!(offers[1].as_mut().poll(&mut Context::from_waker(&wakers[1])).is_pending());
            flags[1].0.store(0, Ordering::Relaxed);
        }
        sim.advance(ms(99));
    }
    sim.run();
    let ledger = sim.ledger();
    let row = ledger.stage("send").unwrap();
    assert_eq!((row.offered, row.shed, row.done), (4, 1, 3));
}

#[test]
fn on_threads_a_caller_waits_for_its_time_or_gives_up_at_its_own() {
    let mut p = Pipeline::named("callers");
    let mails = p.sink("send", (|_: u32| ()).admission(Defer::new(TokenBucket::new(20.0, 1))));
    let running = p.start().unwrap();
    let entry = running.entry(mails);
    let began = Instant::now();
    (0..3).for_each(|n| entry.offer(n).unwrap());
    assert!(began.elapsed() >= ms(95), "{:?}", began.elapsed());
    let refused = entry.offer_timeout(3, ms(1)).unwrap_err();
    assert!(matches!(refused.why, Refusal::Shed { reason, .. } if reason.as_str() == "rate"), "{refused}");
    let waits = std::thread::spawn(move || entry.offer_many(vec![4, 5, 6]).map_err(|refused| refused.why));
    let shed = waits.join().unwrap().unwrap_err();
    assert!(shed.retry_after().is_none(), "three at once are never admitted: {shed}");
    let report = running.drain(Deadlines::default());
    assert_eq!(report.ledger().stage("send").unwrap().done, 3);
    assert!(report.balanced());
}

#[test]
fn who_waits_when_the_pipeline_closes_is_told() {
    let mut p = Pipeline::named("callers");
    let mails = p.sink("send", (|_: u32| ()).admission(Defer::new(TokenBucket::new(0.001, 1))));
    let running = p.start().unwrap();
    let entry = running.entry(mails);
    entry.offer(0).unwrap();
    let waits = std::thread::spawn(move || entry.offer(1).map_err(|refused| refused.why));
    let report = running.drain(Deadlines::default());
    assert_eq!(waits.join().unwrap(), Err(Refusal::Closed));
    assert!(report.balanced());
}

#[test]
fn an_inner_edge_before_a_policy_that_defers_needs_no_overflow_and_one_that_sheds_does() {
    let pipeline = |defers: bool| {
        let mut p = Pipeline::named("inner");
        let (orders, priced) = p.stage("price", |n: u32| n);
        let bucket = TokenBucket::new(1000.0, 1);
        let send = |_: u32| ();
        if defers {
            p.end_with("send", priced, send.admission(Defer::new(bucket)));
        } else {
            p.end_with("send", priced, send.admission(bucket));
        }
        (p, orders)
    };
    assert!(pipeline(false).0.start().unwrap_err().to_string().contains("may shed"));
    let (p, orders) = pipeline(true);
    let mut sim = Virtual::start(p, 1).unwrap();
    (0..10).for_each(|n| sim.offer(orders, n).unwrap());
    sim.run();
    assert_eq!((sim.now(), sim.ledger().stage("send").unwrap().done), (ms(9), 10));
}

#[test]
fn who_reserves_room_wakes_the_next_in_line_too() {
    let mut p = Pipeline::named("callers");
    let mails = p.sink("send", drop::<u32>.queue(8).admission(Defer::new(AdmitAll)));
    let mut sim = Virtual::start(p, 1).unwrap();
    let entry = sim.entry(mails);
    entry.try_offer(0).unwrap();
    sim.run();
    // All are taken at once, as they take no time: two changes, a take and a settling, and each wakes one.
    (0..8).for_each(|n| entry.try_offer(n).unwrap());
    let flag = Arc::new(Flag(AtomicUsize::new(0)));
    let waker = Waker::from(flag.clone());
    let mut cx = Context::from_waker(&waker);
    let mut reserves = [(); 3].map(|()| Box::pin(entry.reserve_async(1)));
    let mut offer = pin!(entry.offer_async(9));
    assert!(reserves.iter_mut().all(|reserve| reserve.as_mut().poll(&mut cx).is_pending()));
    assert!(offer.as_mut().poll(&mut cx).is_pending());
    sim.run();
    let mut permits = Vec::new();
    for (woken, reserve) in reserves.iter_mut().enumerate() {
        assert!(flag.0.load(Ordering::Relaxed) > woken, "nobody wakes the reservation {woken}");
        let Poll::Ready(Ok(permit)) = reserve.as_mut().poll(&mut cx) else { panic!("there is room") };
        permits.push(permit);
    }
    assert_eq!(flag.0.load(Ordering::Relaxed), 4, "who offers is woken, though no permit was used");
    assert_eq!(offer.as_mut().poll(&mut cx), Poll::Ready(Ok(())));
}

#[test]
fn what_is_past_its_deadline_waits_no_more_and_holds_nobody_up() {
    let mut p = Pipeline::named("callers");
    let (head, out) = p.stage("head", |n: u32| n);
    let policy = Defer::new(Deadline::new(AdmitAll));
    p.end_with("ship", out, drop::<u32>.deadline(|_| ms(20)).admission(policy));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("ship", Takes::fixed(ms(15)));
    sim.offer(head, 0).unwrap();
    sim.run();
    // What one takes is known: the second is let in as a place is free again, and the others would be late by then.
    (1..5).for_each(|n| sim.offer(head, n).unwrap());
    sim.advance(secs(1));
    let ledger = sim.ledger();
    let row = ledger.stage("ship").unwrap();
    assert_eq!((row.offered, row.done, row.expired), (5, 3, 2), "{row:?}");
}

#[test]
fn a_caller_whose_deadline_comes_before_its_turn_is_told_then() {
    let mut p = Pipeline::named("callers");
    let mails = p.sink("send", (|_: u32| ()).admission(Defer::new(TokenBucket::new(0.1, 1))));
    let mut sim = Virtual::start(p, 1).unwrap();
    let entry = sim.entry(mails);
    entry.try_offer(0).unwrap();
    let flag = Arc::new(Flag(AtomicUsize::new(0)));
    let waker = Waker::from(flag.clone());
    let mut cx = Context::from_waker(&waker);
    let mut offer = pin!(entry.offer_async_with(1, OfferOptions::new().deadline(ms(20))));
    assert!(offer.as_mut().poll(&mut cx).is_pending());
    sim.advance(ms(20));
    assert_eq!(flag.0.load(Ordering::Relaxed), 1);
    let Poll::Ready(Err(refused)) = offer.as_mut().poll(&mut cx) else { panic!("its time is over") };
    assert!(matches!(refused.why, Refusal::Shed { reason, .. } if reason.as_str() == "rate"), "{refused}");
}
