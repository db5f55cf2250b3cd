// A closure that changes what it captured, with an option.
use seda::prelude::*;

fn main() {
    let mut p = Pipeline::named("orders");
    let mut seen = 0;
    let count = move |n: u64| {
        seen += n;
        seen
    };
    let (_count, _sums) = p.stage("count", count.queue(10));
}
