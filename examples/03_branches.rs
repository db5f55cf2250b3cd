//! Branches: an enum has an outlet for each variant, and what leaves by one outlet can be opened again.
//!
//! Type:
//! ```sh
//! cargo run --release --example 03_branches
//! ```
//! See:
//! ```text
//! shipped: 1 apple, 1 pear, 3 plum
//! billed: 250, 99
//! to look at: order 2 for 250000 cents
//! price: 3 offered, 2 paid, 1 fraud
//! ```

use seda::{prelude::*, test::collect};

#[derive(Clone)]
struct Order {
    id: u64,
    cents: u64,
    goods: Vec<&'static str>,
}

/// A branch is an enum: `.route()` opens it into a `PricedPorts` with an outlet for each variant.
#[derive(Route)]
enum Priced {
    Paid(Order),
    Fraud(Order),
}

fn price(order: Order) -> Priced {
    if order.cents < 100_000 { Priced::Paid(order) } else { Priced::Fraud(order) }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let order = |id, cents, goods: &[&'static str]| Order { id, cents, goods: goods.to_vec() };
    let orders = [order(1, 250, &["apple", "pear"]), order(2, 250_000, &["car"]), order(3, 99, &["plum"])];

    let mut p = Pipeline::named("orders");
    let orders = p.source("orders", orders);
    let PricedPorts { paid, fraud } = p.then("price", orders, price).route(); // forget one: it does not compile
    let [to_ship, to_bill] = paid.fan(); // a copy for each
    let goods = to_ship.map(|o| o.goods.into_iter().map(move |what| format!("{} {what}", o.id))).each(); // one by one
    let shipped = collect(&mut p, "ship", goods);
    let billed = collect(&mut p, "bill", to_bill.map(|o| o.cents.to_string()));
    let review = collect(&mut p, "review", fraud.map(|o| format!("order {} for {} cents", o.id, o.cents)));
    let report = p.start()?.finish();

    println!("shipped: {}\nbilled: {}", shipped.take().join(", "), billed.take().join(", "));
    println!("to look at: {}", review.take().join(", "));
    let count = |stage: &str| report.ledger().stage(stage).map_or(0, |row| row.offered);
    println!("price: {} offered, {} paid, {} fraud", count("price"), count("bill"), count("review"));
    Ok(())
}
