// `.route()` on an enum that has no `Route`.
use seda::prelude::*;

enum Priced {
    Paid(u64),
    Fraud(u64),
}

fn price(cents: u64) -> Priced {
    if cents < 9 { Priced::Paid(cents) } else { Priced::Fraud(cents) }
}

fn main() {
    let mut p = Pipeline::named("orders");
    let (_price, _ports) = p.stage("price", price).route();
}
