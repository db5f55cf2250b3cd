//! The controller of threads on handlers that sleep, that compute, and that do both: against the best fixed number, which is
//! found by trying each.

use std::time::Duration;

use seda::prelude::*;
use seda_bench::{Better, Row, Table, quick};

use super::{
    job::Kind,
    knob::{decisions, tracked},
    place::MEAN,
    pool::Pool,
};

const MOST: usize = 8;
/// The controller has so long.
const FOUND: Duration = secs(10);
/// Of a try of a fixed number, and of one side of a round.
const TRY: Duration = ms(600);
const SIDE: Duration = ms(1200);
const ROUNDS: usize = 5;
const SHARE: f64 = 0.95;
const STRAYS: f64 = 1.0;

pub(crate) fn run(table: &mut Table) {
    for (name, kind) in [("sleeping", Kind::Sleeping), ("spinning", Kind::Spinning), ("mixed", Kind::Mixed)] {
        play(table, name, kind);
    }
}

fn shortened(time: Duration) -> Duration {
    if quick() { time / 4 } else { time }
}

fn play(table: &mut Table, name: &str, kind: Kind) {
    let ours = Pool::new(MEAN, kind, 1..=MOST);
    ours.saturated(shortened(FOUND));
    // The others wait meanwhile, and cost nothing.
    let fixed: Vec<Pool> = (1..=MOST).map(|threads| Pool::new(MEAN, kind, threads)).collect();
    let tried: Vec<f64> = fixed.iter().map(|pool| pool.saturated(shortened(TRY))).collect();
    let best = (0..MOST).max_by(|&one, &other| tried[one].total_cmp(&tried[other])).expect("there are some");
    let rounds = if quick() { 1 } else { ROUNDS };
    let side = shortened(SIDE);
    let round = |_| (ours.saturated(side), fixed[best].saturated(side));
    let (rounds, track) = tracked(&ours.running, || (0..rounds).map(round).collect::<Vec<_>>());
    let each: Vec<String> = tried.iter().map(|rate| format!("{rate:.0}")).collect();
    eprint!("{name}: 1 to {MOST} threads do {} a second\n{}", each.join(", "), decisions(&ours.running));
    let asks = format!("events per second of a stage that is {name}, saturated, after 10 s of its controller");
    let row = Row::paired(
        format!("threads/workers/{name}"),
        asks,
        "events/s",
        format!("the best of 1 to {MOST} threads ({})", best + 1),
        Better::Higher,
        SHARE,
    );
    table.row(row.rounds(rounds));
    let asks = format!("the same: how far the threads then go from the {} that they were", track.first());
    let id = format!("threads/workers/{name}/strays");
    table.row(Row::single(id, asks, "", Better::Lower, STRAYS).values([track.strayed() as f64]));
}
