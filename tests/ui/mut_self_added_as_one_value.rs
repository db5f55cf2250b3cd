// State of its own in every worker, added as one value for all of them.
use seda::prelude::*;

struct Count {
    seen: u64,
}

#[stage]
impl Count {
    fn handle(&mut self, n: u64) -> u64 {
        self.seen += n;
        self.seen
    }
}

fn main() {
    let mut p = Pipeline::named("orders");
    let (_count, _sums) = p.add(Count { seen: 0 });
}
