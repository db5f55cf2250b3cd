// A closure of a shape that no handler has.
use seda::prelude::*;

fn main() {
    let mut p = Pipeline::named("orders");
    let (_add, _sums) = p.stage("add", |a: u32, b: u32, c: u32| a + b + c);
}
