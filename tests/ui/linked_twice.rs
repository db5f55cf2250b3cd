// One outlet, two edges: a copy for each would have to be asked for, with `.fan::<2>()`.
use seda::prelude::*;

fn main() {
    let mut p = Pipeline::named("orders");
    let (_, orders) = p.stage("decode", |id: u64| id);
    let (ship, _shipped) = p.stage("ship", |_: u64| ());
    let (log, _logged) = p.stage("log", |_: u64| ());
    p.link(orders, ship);
    p.link(orders, log);
}
