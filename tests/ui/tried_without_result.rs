// `.tried()` on a stage that cannot fail.
use seda::prelude::*;

struct Priced;

fn main() {
    let mut p = Pipeline::named("orders");
    let (_price, _priced, _errors) = p.stage("price", |_: u64| Priced).tried();
}
