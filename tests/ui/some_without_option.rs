// `.some()` on a stage that always gives something.
use seda::prelude::*;

fn main() {
    let mut p = Pipeline::named("orders");
    let (_price, _priced) = p.stage("price", |cents: u64| cents * 2).some();
}
