//! How long does a task of tokio wait for the answer of a stage with a thread of its own, while nothing else runs?
//!
//! Row: ask-async; beside it the p99. The peer is what a host would do otherwise: `spawn_blocking`.

use std::time::{Duration, Instant};

use seda::prelude::*;
use seda_bench::{Better, Row, Table, interleave, pairs, percentile, rounds, scaled};
use tokio::runtime::Runtime;

const ASKS: usize = 200;
/// Longer than any worker stays awake for more: each ask finds both sides asleep.
const PAUSE: Duration = Duration::from_millis(1);
const PEER: &str = "tokio spawn_blocking";

fn work(n: u64) -> u64 {
    std::hint::black_box(n).wrapping_mul(3)
}

fn main() {
    let mut p = Pipeline::named("ask");
    let (head, out) = p.stage("work", work.threads(1));
    let (ask, answer) = p.ask(head);
    p.link(out, answer);
    let running = p.start().expect("the stage passes the checks");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("two threads");
    let samples = interleave(
        rounds(),
        &mut [
            &mut || {
                let ask = ask.clone();
                latencies(&runtime, move |n| {
                    let ask = ask.clone();
                    async move { ask.ask(n, secs(5)).await.expect("the stage answers") }
                })
            },
            &mut || {
                latencies(&runtime, |n| async move {
                    tokio::task::spawn_blocking(move || work(n)).await.expect("the work returns")
                })
            },
        ],
    );
    drop(running);
    let ask = "ask from a task of tokio to a stage with a thread of its own and back, 1 ms of rest between two";
    let mut table = Table::new("ask_async");
    let figure = |share: f64| pairs(&samples[0], &samples[1], move |us: &Vec<f64>| percentile(us, share));
    table.row(Row::paired("ask-async", format!("{ask}: p50"), "us", PEER, Better::Lower, 1.0).rounds(figure(0.5)));
    table.row(Row::beside("ask-async/p99", format!("{ask}: p99"), "us", PEER, Better::Lower).rounds(figure(0.99)));
    table.finish();
}

/// Each in microseconds, from the ask to the answer, in a task of the runtime.
fn latencies<F>(runtime: &Runtime, ask: impl Fn(u64) -> F + Send + 'static) -> Vec<f64>
where
    F: Future<Output = u64> + Send,
{
    let asks = scaled(ASKS) as u64;
    let task = async move {
        let mut us = Vec::with_capacity(asks as usize);
        for n in 0..asks {
            tokio::time::sleep(PAUSE).await;
            let began = Instant::now();
            let answer = ask(n).await;
            us.push(began.elapsed().as_secs_f64() * 1e6);
            assert_eq!(answer, n.wrapping_mul(3), "the answer is that of the question");
        }
        us
    };
    runtime.block_on(runtime.spawn(task)).expect("the asks end")
}
