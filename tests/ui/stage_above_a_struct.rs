// `#[stage]` above what is neither a function nor an `impl`.
use seda::prelude::*;

#[stage(threads = 4)]
struct Price {
    percent: u64,
}

fn main() {
    let _price = Price { percent: 19 };
}
