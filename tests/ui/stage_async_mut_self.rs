// Many events of an async stage are on their way at once, so none of them has `self` for itself.
use seda::prelude::*;

struct Count {
    seen: u64,
}

#[stage]
impl Count {
    async fn handle(&mut self, _: u64) -> u64 {
        self.seen += 1;
        self.seen
    }
}

fn main() {
    drop(Count { seen: 0 }.handle(7));
}
