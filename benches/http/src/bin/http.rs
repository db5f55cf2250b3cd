//! What do stages cost an HTTP service that answers from its cache?
//!
//! Rows: http, http-p99; beside them the server's processor time and its median latency.

use std::time::Duration;

use seda_bench::{Better, Row, Table, interleave, median, pairs, quick, rounds};
use seda_bench_http::{Clients, Kind, Load, Paid, Schedule, Server};

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
    let (ours_paid, peer_paid) = saturate(load, &mut ours, &mut peer);
    let peak = median(&peer_paid.iter().map(|paid| paid.rate).collect::<Vec<_>>());
    let (ours_late, peer_late) = pace(peak * SHARE, &ours, &peer);

    let mut table = Table::new("http");
    let asked = format!("cached file of the demo over {CLIENTS} keep-alive connections, {}", load.words());
    let paid = |figure: fn(&Paid) -> f64| pairs(&ours_paid, &peer_paid, figure);
    let row = Row::paired("http", format!("{asked}: requests/s"), "1/s", PEER, Better::Higher, 0.8);
    table.row(row.rounds(paid(|paid| paid.rate)));
    let asked = format!("{asked}: the server's processor time per request");
    table.row(Row::beside("http/cpu", asked, "µs", PEER, Better::Lower).rounds(paid(|paid| paid.cpu_us)));

    let paced = format!("the same file at half of the peer's peak ({:.0}/s), open loop", peak * SHARE);
    let late = |figure: fn(&Late) -> f64| pairs(&ours_late, &peer_late, figure);
    let row = Row::paired("http-p99", format!("{paced}: p99"), "µs", PEER, Better::Lower, 1.2);
    table.row(row.rounds(late(|late| late.p99_us)));
    let row = Row::beside("http-p99/p50", format!("{paced}: median"), "µs", PEER, Better::Lower);
    table.row(row.rounds(late(|late| late.p50_us)));
    table.finish();
}

fn saturate(load: Load, ours: &mut Server, peer: &mut Server) -> (Vec<Paid>, Vec<Paid>) {
    let mut samples = interleave(rounds(), &mut [&mut || load.run(ours), &mut || load.run(peer)]);
    let peer = samples.pop().expect("of two contenders");
    (samples.pop().expect("of two contenders"), peer)
}

/// One paced round.
struct Late {
    p50_us: f64,
    p99_us: f64,
}

fn pace(rate: f64, ours: &Server, peer: &Server) -> (Vec<Late>, Vec<Late>) {
    let schedule = Schedule { rate, time: Duration::from_millis(if quick() { 300 } else { 1300 }) };
    let connect = |server: &Server| Clients::connect(server.address(), server.target(), CLIENTS).expect("it answers");
    let (mut ours, mut peer) = (connect(ours), connect(peer));
    let run = |clients: &mut Clients| {
        let latencies = schedule.run(clients);
        assert_eq!(latencies.errors, 0, "every answer should be a good one");
        Late { p50_us: latencies.percentile_us(50.0), p99_us: latencies.percentile_us(99.0) }
    };
    let mut samples = interleave(rounds(), &mut [&mut || run(&mut ours), &mut || run(&mut peer)]);
    let peer = samples.pop().expect("of two contenders");
    (samples.pop().expect("of two contenders"), peer)
}
