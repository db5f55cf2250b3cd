//! Async handlers: many events of one stage on their way at once, on your tokio runtime; bounded, and cancelled when their
//! deadline passes.
//!
//! Type:
//! ```sh
//! cargo run --release --features tokio --example 07_async_handlers
//! ```
//! See:
//! ```text
//! 40 pages, at most 10 on their way at once
//! the slow page: no answer within the deadline
//! fetch: 42 offered, 41 done, 1 expired, 0 left: the ledger balances
//! ```

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use seda::prelude::*;
use tokio::time::sleep;

/// What one fetch costs: it waits most of the time, and needs no thread for that.
async fn fetch(url: String) -> String {
    sleep(if url.ends_with("slow") { secs(3600) } else { ms(5) }).await;
    format!("<html>{url}</html>")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = {
        let most = most.clone();
        move |url: String| {
            let (now, most) = (now.clone(), most.clone());
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                let page = fetch(url).await;
                now.fetch_sub(1, Ordering::Relaxed);
                page
            }
        }
    };

    let mut p = Pipeline::named("crawler");
    let (urls, pages) = p.stage("fetch", task(counted).limit(10)); // ten at once; the others wait in the queue
    let (ask, answer) = p.ask(urls);
    p.link(pages, answer);
    let running = p.start()?; // its handlers run on this runtime

    // Each ask is a future too: forty of them wait at once, without a thread.
    let asks = (0..40).map(|n| tokio::spawn(ask.ask(format!("page {n}"), secs(60))));
    let mut pages = 0;
    for asked in asks.collect::<Vec<_>>() {
        pages += usize::from(asked.await?.is_ok());
    }
    println!("{pages} pages, at most {} on their way at once", most.load(Ordering::Relaxed));

    // At the deadline the future is dropped, and its place is free again.
    if let Err(AskError::Late | AskError::Expired) = ask.ask("slow".to_string(), ms(20)).await {
        println!("the slow page: no answer within the deadline");
    }
    ask.ask("after it".to_string(), secs(60)).await?;

    let report = running.drain_async(Deadlines::default()).await;
    let row = report.ledger().stage("fetch").ok_or("no such stage")?.clone();
    let balance = if report.balanced() { "balances" } else { "does not balance" };
    println!(
        "fetch: {} offered, {} done, {} expired, {} left: the ledger {balance}",
        row.offered, row.done, row.expired, row.left
    );
    Ok(())
}
