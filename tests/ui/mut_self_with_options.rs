// A handler with state of its own, given as one value, with an option.
use seda::prelude::*;

struct Count(u64);

impl HandlerMut for Count {
    type In = u64;
    type Out = u64;

    fn handle(&mut self, n: u64, _: &Cx) -> u64 {
        self.0 += n;
        self.0
    }
}

fn main() {
    let mut p = Pipeline::named("orders");
    let (_count, _sums) = p.stage("count", Count(0).queue(10));
}
