// `handle` is called for every event.
use seda::prelude::*;

struct Price {
    percent: u64,
}

#[stage]
impl Price {
    fn handle(self, cents: u64) -> u64 {
        cents * self.percent
    }
}

fn main() {
    Price { percent: 2 }.handle(7);
}
