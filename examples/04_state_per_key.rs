//! State per key: `.keyed_by(..)` hands out one key's events in their order and one at a time, while other keys go on.
//!
//! Type:
//! ```sh
//! cargo run --release --example 04_state_per_key
//! ```
//! See:
//! ```text
//! ada has 12: +5 +5 -3 +5
//! bob has 0: +2 (no -9) -2
//! cleo has 300 after 300 bookings
//! 307 done on 4 threads, 0 failed: nobody met another at an account
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use seda::prelude::*;

struct Booking {
    account: String,
    cents: i64,
}

#[derive(Default)]
struct Account {
    cents: i64,
    history: Vec<String>,
}

type Shared = Arc<Mutex<Account>>;

/// Which worker gets a key changes from batch to batch, so the state stands beside the workers, not in them.
#[derive(Clone, Default)]
struct Accounts(Arc<Mutex<HashMap<String, Shared>>>);

impl Accounts {
    /// The map is locked only for as long as it takes to look.
    fn find(&self, name: &str) -> Shared {
        self.0.lock().expect("nobody panics while looking").entry(name.to_string()).or_default().clone()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let accounts = Accounts::default();
    let books = accounts.clone();
    let book = move |Booking { account, cents }: Booking| {
        let account = books.find(&account);
        // Never waited for: nobody else has this account now. If somebody had, this would panic and count as failed.
        let mut account = account.try_lock().expect("one event of a key at a time");
        if account.cents + cents < 0 {
            account.history.push(format!("(no {cents})"));
        } else {
            account.cents += cents;
            account.history.push(format!("{cents:+}"));
        }
    };

    let mut p = Pipeline::named("bank");
    let inlet = p.sink("book", book.threads(4).keyed_by(|booking| &booking.account).batch_max(8));
    let running = p.start()?;
    let bookings = running.entry(inlet);
    let few = [("ada", 5), ("bob", 2), ("ada", 5), ("bob", -9), ("ada", -3), ("bob", -2), ("ada", 5)];
    for (account, cents) in few.into_iter().chain([("cleo", 1); 300]) {
        bookings.offer(Booking { account: account.to_string(), cents })?;
    }
    let report = running.drain(Deadlines::default());

    for name in ["ada", "bob"] {
        let account = accounts.find(name);
        let Account { cents, history } = &*account.lock().map_err(|_| "a handler panicked")?;
        println!("{name} has {cents}: {}", history.join(" "));
    }
    let cleo = accounts.find("cleo");
    let cleo = cleo.lock().map_err(|_| "a handler panicked")?;
    println!("cleo has {} after {} bookings", cleo.cents, cleo.history.len());
    let row = report.ledger().stage("book").ok_or("no such stage")?;
    println!("{} done on 4 threads, {} failed: nobody met another at an account", row.done, row.failed);
    Ok(())
}
