//! What an event says of itself is gone by: key, weight, class, deadline.

use std::time::Duration;

use seda_core::{
    Described, Description, OfferOptions, Refusal, StageParts, WhenFull,
    prelude::*,
    test::{Collected, Takes, Virtual, collect},
};

#[derive(Clone, PartialEq, Debug)]
struct Job {
    key: String,
    bytes: u64,
    class: u8,
    patience: Option<Duration>,
    n: u32,
}

fn job(n: u32) -> Job {
    Job { key: "one".into(), bytes: 1, class: 0, patience: None, n }
}

impl Described for Job {
    fn describe(event: Description<Self>) -> Description<Self> {
        event.key(|job| &job.key).weight(|job| job.bytes).classes(3, |job| job.class).deadline(|job| job.patience)
    }
}

fn pass(job: Job) -> u32 {
    job.n
}

/// One stage that takes 10 ms for each event.
fn one_stage(stage: StageParts<Job, u32>) -> (Virtual, Inlet<Job>, Collected<u32>) {
    let mut p = Pipeline::named("one");
    let (inlet, out) = p.stage("work", stage);
    let seen = collect(&mut p, "end", out);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("work", Takes::fixed(ms(10)));
    (sim, inlet, seen)
}

fn ends(sim: Virtual) -> (u64, u64) {
    let report = sim.drain(Deadlines::default());
    assert!(report.balanced(), "{report}");
    let row = report.ledger().stage("work").unwrap().clone();
    (row.done, row.expired)
}

#[test]
fn events_of_one_key_wait_for_one_another() {
    let (mut sim, inlet, seen) = one_stage(pass.threads(4).described());
    for (n, key) in [(1, "a"), (2, "a"), (3, "b")] {
        sim.offer(inlet, Job { key: key.into(), ..job(n) }).unwrap();
    }
    sim.advance(ms(10));
    let mut first = seen.take();
    first.sort_unstable();
    assert_eq!(first, [1, 3]);
    assert_eq!(ends(sim), (3, 0));
}

#[test]
fn the_weight_is_what_the_event_says() {
    let (sim, inlet, _) = one_stage(pass.described());
    sim.offer(inlet, Job { bytes: 700, ..job(1) }).unwrap();
    sim.offer(inlet, Job { bytes: 35, ..job(2) }).unwrap();
    assert_eq!(sim.snapshot().stage("work").unwrap().queue_bytes, 735);
    assert_eq!(ends(sim), (2, 0));
}

#[test]
fn the_highest_class_is_taken_first() {
    let (sim, inlet, seen) = one_stage(pass.batch_max(1).described());
    for (n, class) in [(1, 0), (2, 1), (3, 2)] {
        sim.offer(inlet, Job { class, key: n.to_string(), ..job(n) }).unwrap();
    }
    assert_eq!(ends(sim), (3, 0));
    assert_eq!(seen.take(), [3, 2, 1]);
}

#[test]
fn what_is_said_at_the_stage_wins_before_and_after() {
    let key = |job: &Job| job.n;
    for stage in [pass.threads(4).keyed(key).described(), pass.threads(4).described().keyed(key)] {
        let (mut sim, inlet, seen) = one_stage(stage);
        (1..=3).for_each(|n| sim.offer(inlet, job(n)).unwrap());
        sim.advance(ms(10));
        assert_eq!(seen.take().len(), 3, "three keys at once");
        assert_eq!(ends(sim), (3, 0));
    }
}

#[test]
fn a_key_that_is_borrowed_orders_as_a_clone_of_it_does() {
    for stage in [pass.threads(4).keyed_by(|job| &job.key), pass.threads(4).keyed_by(|job| job.key.as_str())] {
        let (mut sim, inlet, seen) = one_stage(stage);
        let named = |n: u32, key: &str| Job { key: key.to_string(), ..job(n) };
        [(1, "ada"), (2, "ada"), (3, "bob")].into_iter().for_each(|(n, key)| sim.offer(inlet, named(n, key)).unwrap());
        sim.advance(ms(10));
        assert_eq!(seen.take(), [1, 3], "the second of ada waits for her first");
        assert_eq!(ends(sim), (3, 0));
    }
}

type Offers = fn(&Entry<Job>, Vec<Job>);

#[test]
fn an_event_ends_at_its_own_deadline_however_it_is_offered() {
    let late = |n: u32| Job { patience: Some(ms(15)), key: n.to_string(), ..job(n) };
    let offers: [Offers; 3] = [
        |entry, jobs| jobs.into_iter().for_each(|job| entry.offer(job).unwrap()),
        |entry, jobs| entry.offer_many(jobs).unwrap(),
        |entry, jobs| {
            let mut permit = entry.reserve(jobs.len()).unwrap();
            jobs.into_iter().for_each(|job| permit.commit(job).unwrap());
        },
    ];
    for offer in offers {
        let (sim, inlet, seen) = one_stage(pass.batch_max(1).described());
        offer(&sim.entry(inlet), vec![late(1), late(2), late(3), job(4)]);
        assert_eq!(ends(sim), (3, 1), "the third begins at 20 ms");
        assert_eq!(seen.take(), [1, 4], "the second ends at 20 ms, too late for the stage behind");
    }
}

#[test]
fn the_earlier_of_two_deadlines_counts() {
    for (of_offer, of_event, done) in [(5, 50, 1), (50, 5, 1), (50, 50, 2)] {
        let (sim, inlet, _) = one_stage(pass.batch_max(1).deadline(move |_| ms(of_event)));
        let entry = sim.entry(inlet);
        entry.offer(job(1)).unwrap();
        entry.offer_with(job(2), OfferOptions::new().deadline(ms(of_offer))).unwrap();
        assert_eq!(ends(sim).0, done, "{of_offer} ms by the offer, {of_event} ms by the event");
    }
}

#[test]
fn a_deadline_at_an_inner_stage_counts_from_the_offer_to_it() {
    let mut p = Pipeline::named("two");
    let (first, jobs) = p.stage("first", |job: Job| job);
    let (work, out) = p.stage("work", pass.batch_max(1).queue(1).deadline(|_: &Job| ms(15)));
    p.link(jobs, work);
    let seen = collect(&mut p, "end", out);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("work", Takes::fixed(ms(10)));
    // All three come to `work` at once; the last one waits for room there, and its time runs.
    sim.entry(first).offer_many((1..=3).map(job).collect()).unwrap();
    assert_eq!(ends(sim), (2, 1));
    assert_eq!(seen.take(), [1]);
}

#[test]
fn a_deadline_goes_on_with_what_becomes_of_the_event() {
    let mut p = Pipeline::named("two");
    let (first, out) = p.stage("first", (|job: Job| job.n).deadline(|_| ms(15)));
    let (work, end) = p.stage("work", (|n: u32| n).batch_max(1));
    p.link(out, work);
    p.end("end", end, drop);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("work", Takes::fixed(ms(10)));
    sim.entry(first).offer_many((1..=3).map(job).collect()).unwrap();
    assert_eq!(ends(sim), (2, 1));
}

#[test]
fn a_refused_event_comes_back_as_it_was() {
    let (sim, inlet, _) = one_stage(pass.queue(1).when_full(WhenFull::Reject).described());
    let impatient = Job { patience: Some(ms(1)), ..job(2) };
    sim.offer(inlet, job(1)).unwrap();
    let refused = sim.offer(inlet, impatient.clone()).unwrap_err();
    assert_eq!((refused.event, refused.why), (impatient, Refusal::Full));
    assert_eq!(ends(sim), (1, 0));
}
