//! How fast does a saturated chain of three async stages move events on one tokio runtime?
//!
//! Row: task-chain; beside it the processor time. The peer is what one writes otherwise: a task per stage over tokio's mpsc.

use std::sync::{Arc, Mutex};

use seda::{Entry, prelude::*};
use seda_bench::{
    BOUND, Better, Counter, Event, Row, Sample, Sink, Table, Tally, interleave_sliced, pairs, pass, rounds, scaled,
    tokio_runtime,
};
use tokio::{runtime::Runtime, sync::mpsc};

/// A slice; four make a round.
const EVENTS: usize = 100_000;
const PEER: &str = "3 tasks over tokio mpsc(1024)";

async fn pass_async(event: Event) -> Event {
    pass(event)
}

/// Shared on both sides, as the futures of an async stage run beside each other.
type Sunk = Arc<Mutex<Counter>>;

fn main() {
    let (runtime, tally) = (tokio_runtime(), Tally::new());
    let (entry, running) = staged(&runtime, Arc::new(Mutex::new(tally.counter())));
    let sender = tasks(&runtime, Arc::new(Mutex::new(tally.counter())));
    let samples = interleave_sliced(
        rounds(),
        &mut [
            &mut || {
                let entry = entry.clone();
                from_a_task(&runtime, &tally, |events| async move {
                    for number in 0..events {
                        entry.offer_async(Event::numbered(number)).await.expect("the chain is open");
                    }
                })
            },
            &mut || {
                let sender = sender.clone();
                from_a_task(&runtime, &tally, |events| async move {
                    for number in 0..events {
                        sender.send(Event::numbered(number)).await.expect("the chain is open");
                    }
                })
            },
        ],
    );
    drop(running);
    let ask = "saturated chain of 3 no-op async stages on a tokio runtime of 2 workers, 48-byte events from a task";
    let mut table = Table::new("task_chain");
    let figure = |figure: fn(&Sample) -> f64| pairs(&samples[0], &samples[1], figure);
    table.row(Row::paired("task-chain", ask, "events/s", PEER, Better::Higher, 0.9).rounds(figure(Sample::rate)));
    let ask = "the same: processor time per event";
    table.row(Row::beside("task-chain/cpu", ask, "ns", PEER, Better::Lower).rounds(figure(Sample::cpu_ns)));
    table.finish();
}

fn from_a_task<F>(runtime: &Runtime, tally: &Tally, source: impl FnOnce(u64) -> F) -> Sample
where
    F: Future<Output = ()> + Send + 'static,
{
    let events = scaled(EVENTS) as u64;
    let source = source(events);
    tally.time(events, || runtime.block_on(runtime.spawn(source)).expect("the source ends"))
}

fn staged(runtime: &Runtime, sunk: Sunk) -> (Entry<Event>, Running) {
    let mut p = Pipeline::named("tasks");
    let (a, out) = p.stage("a", task(pass_async).queue(BOUND));
    let out = p.then_with("b", out, task(pass_async).queue(BOUND));
    let end = move |event| {
        let sunk = sunk.clone();
        async move { take(&sunk, event) }
    };
    p.end_with("c", out, task(end).queue(BOUND));
    let _inside = runtime.enter();
    let running = p.start().expect("the chain passes the checks");
    (running.entry(a), running)
}

fn tasks(runtime: &Runtime, sunk: Sunk) -> mpsc::Sender<Event> {
    let (first, mut a) = mpsc::channel(BOUND);
    let (to_b, mut b) = mpsc::channel(BOUND);
    let (to_c, mut c) = mpsc::channel(BOUND);
    runtime.spawn(async move {
        while let Some(event) = a.recv().await {
            to_b.send(pass_async(event).await).await.expect("stage b is alive");
        }
    });
    runtime.spawn(async move {
        while let Some(event) = b.recv().await {
            to_c.send(pass_async(event).await).await.expect("stage c is alive");
        }
    });
    runtime.spawn(async move {
        while let Some(event) = c.recv().await {
            take(&sunk, pass_async(event).await);
        }
    });
    first
}

fn take(sunk: &Mutex<Counter>, event: Event) {
    sunk.lock().expect("no counter panics").take(event);
}
