//! What do stages cost an HTTP service that answers from its cache?
//!
//! Rows: http, http-p99; beside them the server's processor time and its median latency.

use seda_bench::{Better, Row, Table, median, pairs};
use seda_bench_http::{Kind, Late, Load, Paid, Server, late};

const CLIENTS: usize = 64;
const PEER: &str = "same service without stages";
/// Of the peer's peak: high enough that requests meet, low enough that neither side saturates.
const SHARE: f64 = 0.5;

fn main() {
    if Server::was_asked_to_serve() {
        return;
    }
    let (mut ours, mut peer) = (Server::start(Kind::Staged), Server::start(Kind::Plain));
    let load = Load::choose();
    let (ours_paid, peer_paid) = load.saturate(&mut ours, &mut peer);
    let peak = median(&peer_paid.iter().map(|paid| paid.rate).collect::<Vec<_>>());
    let (ours_late, peer_late) = late(peak * SHARE, CLIENTS, &ours, &peer);

    let mut table = Table::new("http");
    let asked = format!("cached file of the demo over {CLIENTS} keep-alive connections, {}", load.words());
    let paid = |figure: fn(&Paid) -> f64| pairs(&ours_paid, &peer_paid, figure);
    let row = Row::paired("http", format!("{asked}: requests/s"), "1/s", PEER, Better::Higher, 0.8);
    table.row(row.rounds(paid(|paid| paid.rate)));
    let asked = format!("{asked}: the server's processor time per request");
    table.row(Row::beside("http/cpu", asked, "µs", PEER, Better::Lower).rounds(paid(|paid| paid.cpu_us)));

    let paced = format!("the same file at half of the peer's peak ({:.0}/s), open loop", peak * SHARE);
    let paced_by = |figure: fn(&Late) -> f64| pairs(&ours_late, &peer_late, figure);
    let row = Row::paired("http-p99", format!("{paced}: p99"), "µs", PEER, Better::Lower, 1.2);
    table.row(row.rounds(paced_by(|late| late.p99_us)));
    let row = Row::beside("http-p99/p50", format!("{paced}: median"), "µs", PEER, Better::Lower);
    table.row(row.rounds(paced_by(|late| late.p50_us)));
    table.finish();
}
