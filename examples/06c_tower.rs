//! tower, both ways: a pipeline is a service under other people's layers, and a service is a stage.
//!
//! Type:
//! ```sh
//! cargo run --release --features http,tokio,tower --example 06c_tower
//! ```
//! See:
//! ```text
//! article 3: 42 cents
//! article 0: 404, price: filtered
//! after the drain: 503, price: closed
//! 2 asked, 1 without a price
//! ```

use seda::prelude::*;
use seda::stages::{HttpError, service_of, to_service};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

/// What stands elsewhere: a client of a database, or of another service.
async fn look_up(article: u32) -> Result<u32, String> {
    tokio::task::yield_now().await;
    if article > 0 { Ok(article * 14) } else { Err(format!("article {article} is unknown")) }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A service is a stage, and its layers hold. An article that is unknown is filtered away: a 404 to who asked.
    let client = ServiceBuilder::new().concurrency_limit(8).service(service_fn(look_up));
    let mut p = Pipeline::named("prices");
    let (look_up, cents) = p.stage("look-up", to_service(client)).map(Result::ok).some();
    let told = p.then("tell", cents, |cents: u32| format!("{cents} cents"));

    // The pipeline is a service: each request is a question with a second to be answered.
    let (ask, answer) = p.ask(look_up);
    p.link(told, answer);
    let running = p.start()?;
    let mut prices = ServiceBuilder::new()
        .concurrency_limit(100)
        .map_err(|why: AskError<u32>| HttpError::from(why).at("price"))
        .service(service_of(ask, secs(1)));

    println!("article 3: {}", prices.ready().await?.call(3).await?);
    if let Err(why) = prices.ready().await?.call(0).await {
        println!("article 0: {}, {why}", why.status().as_u16());
    }
    let report = running.drain_async(Deadlines::default()).await;
    if let Err(why) = prices.ready().await?.call(3).await {
        println!("after the drain: {}, {why}", why.status().as_u16());
    }
    let done = |stage| report.ledger().stage(stage).map_or(0, |row| row.done);
    println!("{} asked, {} without a price", done("look-up"), done("look-up") - done("tell"));
    Ok(())
}
