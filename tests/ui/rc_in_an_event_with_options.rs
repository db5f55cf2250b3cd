// An event that cannot move between threads, of a handler with options.
use std::rc::Rc;

use seda::prelude::*;

fn main() {
    let mut p = Pipeline::named("orders");
    let share = |n: u8| Rc::new(n);
    let (_share, _shared) = p.stage("share", share.threads(4).queue(10));
}
