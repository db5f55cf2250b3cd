// The same at the end of a way.
use seda::prelude::*;

fn main() {
    let mut p = Pipeline::named("orders");
    let orders = p.source("orders", 0..9u64);
    p.end("count", orders, per_worker(|| {
        let mut seen = 0;
        move |n: u64| seen += n
    }));
}
