// An event that cannot move between threads.
use std::rc::Rc;

use seda::prelude::*;

fn main() {
    let mut p = Pipeline::named("orders");
    let (_share, _shared) = p.stage("share", |n: u8| Rc::new(n));
}
