//! Configuration: numbers from a file and the environment, a change while it runs, and who set what.
//!
//! Type, in the folder that holds `examples`:
//! ```sh
//! cargo run --release --example 09_configuration
//! ```
//! See:
//! ```text
//! stage.price.threads = 2..8 (examples/09_configuration.toml:3)
//!     2 now; its controller turns it within 2..8
//! stage.price.queue.events = 200 (SEDA__PIPELINE__ORDERS__STAGE__PRICE__QUEUE__EVENTS)
//! stage.price.batch_max = 16 (code)
//! stage.print.domain = front (examples/09_configuration.toml:8)
//! changed: stage.price.threads: 2..8 -> 4
//! refused: `stage.price.threads` is set to 16 (live), but it started with 2..8 and stays within that; …
//! stage.price.threads = 4 (live)
//!     a live change can set it within 2..8
//!
//! pipeline `orders` cannot start: 1 finding
//!   1. there is no key `stage.price.thraeds`
//!       --> mistake.toml:2:1
//!        |
//!      2 | thraeds = 4
//!        | ^^^^^^^
//!      cure: did you mean `threads`?
//! ```

use seda::{Layers, Settings, prelude::*};

fn price(cents: u64) -> String {
    format!("{cents} cents")
}

/// The code says what runs and how it is linked; what it says of numbers are defaults.
fn orders() -> (Pipeline, Inlet<u64>) {
    let mut p = Pipeline::named("orders");
    p.domain("front", 2);
    let (orders, prices) = p.stage("price", price.queue(1000).batch_max(16));
    p.end("print", prices, drop);
    (p, orders)
}

fn show(running: &Running, key: &str) -> Result<(), Box<dyn std::error::Error>> {
    let it = running.explain(key)?;
    println!("{} = {} ({})", it.key, it.value, it.origin);
    it.note.iter().for_each(|note| println!("    {note}"));
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The later layer holds. `.vars(..)` stands here for `.env("SEDA")`, which reads the variables of the process.
    let config = Layers::new()
        .file("examples/09_configuration.toml")
        .vars("SEDA", [("SEDA__PIPELINE__ORDERS__STAGE__PRICE__QUEUE__EVENTS", "200")])
        .read();
    let (mut p, entry) = orders();
    p.configure(&config);
    let running = p.start()?;
    for key in ["threads", "queue.events", "batch_max"] {
        show(&running, &format!("stage.price.{key}"))?;
    }
    show(&running, "stage.print.domain")?;
    running.offer(entry, 250)?;

    println!("changed: {}", running.change(&Settings::new().stage("price", |price| price.threads(4)))?);
    let too_many = running.change(&Settings::new().stage("price", |price| price.threads(16)));
    println!("refused: {}", too_many.expect_err("16 is out of the range"));
    show(&running, "stage.price.threads")?;
    running.drain(Deadlines::default());

    // A mistake is told before any thread starts; with all others, if there are more.
    let (mut p, _) = orders();
    let mistake = "[pipeline.orders.stage.price]\nthraeds = 4\n";
    p.configure(&Layers::new().file("examples/09_configuration.toml").toml("mistake.toml", mistake).read());
    println!("\n{}", p.start().expect_err("the key is misspelt"));
    Ok(())
}
