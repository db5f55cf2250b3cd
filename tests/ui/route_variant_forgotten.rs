// A derived branch of which one port is not taken.
use seda::prelude::*;

#[derive(Route)]
enum Priced {
    Paid(u64),
    Fraud(u64),
}

fn main() {
    let mut p = Pipeline::named("orders");
    let (_price, priced) = p.stage("price", |cents: u64| if cents < 9 { Priced::Paid(cents) } else { Priced::Fraud(cents) });
    let PricedPorts { paid } = priced.route();
    p.end("ship", paid, drop);
}
