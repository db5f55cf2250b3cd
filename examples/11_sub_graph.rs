//! A sub-graph is a function that adds stages and returns their ports; used twice, it is there twice.
//!
//! Type:
//! ```sh
//! cargo run --release --example 11_sub_graph
//! ```
//! See:
//! ```text
//! shipped: file order 7, file order 9, web order 1, web order 2
//! refused: file: order 8 has no pieces, web: "two" is not an order
//! web.decode       3 offered  3 done
//! web.check        2 offered  2 done
//! file.decode      3 offered  3 done
//! file.check       3 offered  3 done
//! ship             4 offered  4 done
//! complain         2 offered  2 done
//! ```

use seda::{prelude::*, test::collect};

struct Order {
    id: u32,
    pieces: u32,
}

/// Ports of the sub-graph: lines in, orders out; what is wrong goes to `complain`, as an inlet can be linked many times.
struct Intake {
    lines: Inlet<&'static str>,
    orders: Outlet<Order>,
}

/// `name` comes first in the names of the stages, which must differ: configuration and metrics hang on them.
fn intake(p: &mut Pipeline, name: &'static str, complain: Inlet<String>) -> Intake {
    let (lines, decoded, bad) = p.stage(format!("{name}.decode"), decode).tried();
    let (orders, empty) = p.then(format!("{name}.check"), decoded, check).tried();
    p.link(bad.map(move |line| format!("{name}: {line:?} is not an order")), complain);
    p.link(empty.map(move |order| format!("{name}: order {} has no pieces", order.id)), complain);
    Intake { lines, orders }
}

fn decode(line: &'static str) -> Result<Order, &'static str> {
    let (id, pieces) = line.split_once(' ').ok_or(line)?;
    Ok(Order { id: id.parse().map_err(|_| line)?, pieces: pieces.parse().map_err(|_| line)? })
}

fn check(order: Order) -> Result<Order, Order> {
    if order.pieces > 0 { Ok(order) } else { Err(order) }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut p = Pipeline::named("shop");
    let (complain, complaints) = p.stage("complain", |why: String| why);
    let (ship, shipped) = p.stage("ship", |order: String| order);

    // Plain values and a plain loop: the ports come back by name, and the pipeline grows.
    let mut entries = Vec::new();
    for name in ["web", "file"] {
        let Intake { lines, orders } = intake(&mut p, name, complain);
        p.link(orders.map(move |order| format!("{name} order {}", order.id)), ship);
        entries.push(lines);
    }
    let (shipped, refused) = (collect(&mut p, "shipped", shipped), collect(&mut p, "refused", complaints));

    let running = p.start()?;
    running.entry(entries[0]).offer_many(vec!["1 5", "two", "2 1"])?;
    running.entry(entries[1]).offer_many(vec!["7 5", "8 0", "9 2"])?;
    let report = running.drain(Deadlines::default());

    for (what, kept) in [("shipped", shipped), ("refused", refused)] {
        let mut kept = kept.take();
        kept.sort(); // the two intakes run beside each other
        println!("{what}: {}", kept.join(", "));
    }
    for name in ["web.decode", "web.check", "file.decode", "file.check", "ship", "complain"] {
        let row = report.ledger().stage(name).ok_or("no such stage")?;
        println!("{:<16} {} offered  {} done", row.name, row.offered, row.done);
    }
    Ok(())
}
