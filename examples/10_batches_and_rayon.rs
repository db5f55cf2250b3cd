//! Batches: one call for many events, an answer for each; and data-parallel ones, spread over the processors.
//!
//! Type:
//! ```sh
//! cargo run --release --example 10_batches_and_rayon
//! ```
//! See:
//! ```text
//! 100 ids in 2 queries: of 64 and 36 ids
//! 90 users found, 10 ids unknown
//! hashed by other threads than `hash`: true; first "user 0", last "user 98", in order: true
//! ```

use std::sync::{Arc, Mutex};
use std::thread;

use seda::{prelude::*, test::collect};

/// Stands for a database: one round trip for many ids is cheaper than one for each.
fn query(ids: &[u32]) -> Vec<Option<String>> {
    ids.iter().map(|id| (id % 10 != 9).then(|| format!("user {id}"))).collect()
}

struct Hashed {
    user: String,
    by: String,
}

fn hash(user: String) -> Hashed {
    let sum = user.bytes().cycle().take(100_000).fold(0u64, |sum, byte| sum.wrapping_mul(31) ^ u64::from(byte));
    std::hint::black_box(sum);
    Hashed { user, by: thread::current().name().unwrap_or("?").to_string() }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let queries = Arc::new(Mutex::new(Vec::new()));
    let noted = queries.clone();
    // A batch is what is there, at most 64 unless `.batch_max(..)` says less; a worker never waits for more. `answer_all`
    // wants as many answers as it gave events, so that none is forgotten.
    let look_up = batch(move |ids: Batch<u32>| {
        noted.lock().expect("nobody panics here").push(ids.len());
        ids.answer_all(|ids| query(&ids))
    });

    let mut p = Pipeline::named("users");
    let (ids, found) = p.stage("look-up", look_up);
    let (users, unknown) = found.route(); // `Option`: `Some` here, `None` there
    // On a rayon pool of the pipeline's own. The order of a batch is kept; a panic would fail its event alone.
    let hashed = p.then_with("hash", users, parallel(hash));
    let hashed = collect(&mut p, "hashed", hashed);
    p.end("unknown", unknown, drop);

    let running = p.start()?;
    running.entry(ids).offer_many((0..100).collect())?; // all or none, at once
    let report = running.drain(Deadlines::default());

    let queries = queries.lock().map_err(|_| "a handler panicked")?;
    println!("100 ids in {} queries: of {} and {} ids", queries.len(), queries[0], queries[1]);
    let done = |stage: &str| report.ledger().stage(stage).map_or(0, |row| row.done);
    println!("{} users found, {} ids unknown", done("hashed"), done("unknown"));
    let hashed = hashed.take();
    let (first, last) = (&hashed[0].user, &hashed[hashed.len() - 1].user);
    let in_order = hashed.windows(2).all(|pair| number(&pair[0].user) < number(&pair[1].user));
    let elsewhere = hashed.iter().all(|hashed| hashed.by != "hash");
    print!("hashed by other threads than `hash`: {elsewhere}; ");
    println!("first {first:?}, last {last:?}, in order: {in_order}");
    Ok(())
}

fn number(user: &str) -> u32 {
    user.trim_start_matches("user ").parse().unwrap_or(0)
}
