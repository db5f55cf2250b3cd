// A closure that changes what it captured, called by many workers at once.
use seda::prelude::*;

fn main() {
    let mut p = Pipeline::named("orders");
    let mut seen = 0;
    let (_count, _sums) = p.stage("count", move |n: u64| {
        seen += n;
        seen
    });
}
