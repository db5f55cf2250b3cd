// `.tried()` gives two outlets, and both have to be taken.
use seda::prelude::*;

fn main() {
    let mut p = Pipeline::named("orders");
    let (_parse, _numbers) = p.stage("parse", |text: String| text.parse::<u32>()).tried();
}
