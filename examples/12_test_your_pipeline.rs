//! Tests of your own pipeline: the same graph and options on virtual time, exact and without a wait.
//!
//! Type:
//! ```sh
//! cargo run --release --example 12_test_your_pipeline
//! ```
//! See:
//! ```text
//! a full queue refuses, and old orders expire: passed at 300ms
//! a card that is refused is parked: passed at 100ms
//! a stop that is cut short counts what is left: passed, 2 done, 2 left
//! ```

use seda::test::{Collected, Takes, Virtual, collect};
use seda::{StartError, prelude::*};

/// The handler of the service. A test does not call the card company: it puts a model in the handler's place.
fn charge(_order: u32) -> Result<u32, u32> {
    unimplemented!("a call to the card company")
}

/// What `main` builds, and every test builds too: the options under test are those that run.
fn service() -> (Pipeline, Inlet<u32>, Outlet<u32>, Outlet<u32>) {
    let mut p = Pipeline::named("orders");
    let (orders, charged, refused) = p.stage("charge", charge.queue(4).max_age(ms(250)).batch_max(1)).tried();
    (p, orders, charged, refused)
}

/// What came out of the two outlets.
struct Kept {
    charged: Collected<u32>,
    parked: Collected<u32>,
}

/// On virtual time a charge takes 100 ms, and the card of order 13 is refused.
fn virtually() -> Result<(Virtual, Inlet<u32>, Kept), StartError> {
    let (mut p, orders, charged, refused) = service();
    p.model("charge", |order: u32| if order == 13 { Err(order) } else { Ok(order) });
    let kept = Kept { charged: collect(&mut p, "charged", charged), parked: collect(&mut p, "park", refused) };
    let mut sim = Virtual::start(p, 42)?; // the seed, for what is random
    sim.takes("charge", Takes::fixed(ms(100)));
    Ok((sim, orders, kept))
}

// In a service these stand below `#[cfg(test)]`, each with its `#[test]`.

fn a_full_queue_refuses_and_old_orders_expire() -> Result<String, Box<dyn std::error::Error>> {
    let (mut sim, orders, Kept { charged, .. }) = virtually()?;
    sim.offer(orders, 1)?;
    sim.advance(ms(0)); // the worker takes order 1, so the queue is empty
    assert_eq!((2..=8).filter(|&order| sim.offer(orders, order).is_ok()).count(), 4);
    sim.run();
    assert_eq!(charged.take(), [1, 2, 3]); // at 100, 200 and 300 ms; then 4 and 5 are too old
    assert_eq!(sim.ledger().stage("charge").map(|row| (row.full, row.done, row.expired)), Some((3, 3, 2)));
    Ok(format!("passed at {:?}", sim.now()))
}

fn a_card_that_is_refused_is_parked() -> Result<String, Box<dyn std::error::Error>> {
    let (mut sim, orders, Kept { charged, parked }) = virtually()?;
    sim.offer(orders, 13)?;
    sim.run();
    assert_eq!((charged.take(), parked.take()), (vec![], vec![13]));
    Ok(format!("passed at {:?}", sim.now()))
}

fn a_stop_that_is_cut_short_counts_what_is_left() -> Result<String, Box<dyn std::error::Error>> {
    let (sim, orders, ..) = virtually()?;
    sim.entry(orders).try_offer_many(vec![1, 2, 3, 4])?;
    let report = sim.drain(Deadlines::within(ms(150)));
    let row = report.ledger().stage("charge").ok_or("no such stage")?;
    assert!(report.balanced());
    Ok(format!("passed, {} done, {} left", row.done, row.left))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("a full queue refuses, and old orders expire: {}", a_full_queue_refuses_and_old_orders_expire()?);
    println!("a card that is refused is parked: {}", a_card_that_is_refused_is_parked()?);
    println!("a stop that is cut short counts what is left: {}", a_stop_that_is_cut_short_counts_what_is_left()?);
    Ok(())
}
