// A key that cannot be hashed.
use seda::prelude::*;

fn main() {
    let mut p = Pipeline::named("orders");
    let price = |cents: f64| cents * 1.19;
    let (_price, _priced) = p.stage("price", price.keyed(|cents| *cents));
}
