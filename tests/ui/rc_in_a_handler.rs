// A handler that captured what cannot move between threads.
use std::rc::Rc;

use seda::prelude::*;

fn main() {
    let mut p = Pipeline::named("orders");
    let percent = Rc::new(19);
    let (_price, _priced) = p.stage("price", move |cents: u64| cents * *percent);
}
