//! Does every client of the staged service get its share when there are many?
//!
//! Row: fairness. Jain's index is (Σx)² / (n Σx²) over the answers x of n clients: 1 when all get the same, 1/n when
//! one gets everything (Jain, Chiu, Hawe, DEC TR-301, 1984).

use std::time::Duration;

use seda_bench::{Better, Row, Table, quick, rounds};
use seda_bench_http::{Clients, Counts, Kind, Server};

const CLIENTS: usize = 1024;

fn main() {
    if Server::was_asked_to_serve() {
        return;
    }
    let time = Duration::from_millis(if quick() { 400 } else { 1500 });
    let server = Server::start(Kind::Staged);
    let mut clients = Clients::connect(&server, CLIENTS)
        .unwrap_or_else(|why| panic!("{CLIENTS} connections (does `ulimit -n` say more than that?): {why}"));
    clients.closed_loop(time); // not counted: the machine finds its pace
    let counts: Vec<_> = (0..rounds()).map(|_| clients.closed_loop(time)).collect();

    let mut table = Table::new("fairness");
    let asked = format!("{CLIENTS} closed-loop keep-alive clients ask the staged demo for a cached file");
    let ask = |figure: &str| format!("{asked}: {figure}");
    let row = Row::single("fairness", ask("Jain's index over their answers"), "", Better::Higher, 0.98);
    table.row(row.values(counts.iter().map(|counts| jain(&counts.answers))));
    let row = Row::single("fairness/errors", ask("bad or missing answers"), "", Better::Lower, 0.0);
    table.row(row.values(counts.iter().map(|counts| counts.errors as f64)));
    let rate = |counts: &Counts| counts.answers.iter().sum::<u64>() as f64 / time.as_secs_f64();
    table.row(
        Row::aside("fairness/rate", ask("answers/s of all"), "1/s", Better::Higher).values(counts.iter().map(rate)),
    );
    table.finish();
}

fn jain(answers: &[u64]) -> f64 {
    let (sum, squares) = answers.iter().fold((0.0, 0.0), |(sum, squares), x| {
        let x = *x as f64;
        (sum + x, squares + x * x)
    });
    sum * sum / (answers.len() as f64 * squares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_one_for_equals_and_one_nth_for_a_monopoly() {
        assert_eq!(jain(&[7, 7, 7, 7]), 1.0);
        assert_eq!(jain(&[9, 0, 0, 0]), 0.25);
    }
}
