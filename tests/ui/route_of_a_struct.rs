// A struct goes one way.
use seda::prelude::*;

#[derive(Route)]
struct Priced {
    cents: u64,
}

fn main() {
    let _priced = Priced { cents: 7 };
}
