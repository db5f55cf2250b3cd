//! The controller of the batch size, on a handler with a cost per batch: against the best fixed size at saturation, and
//! against batches of one at a low load, where a large bound must not delay anybody.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use seda::{Batch, Entry, Running, Threads, batch, prelude::*};
use seda_bench::{Better, Row, Table, percentile, quick};

use super::{
    generator::offer_all,
    job::{Job, Kind, spin},
    knob::decisions,
    work::{Work, ms_of},
};

/// Of the handler, which computes.
const PER_BATCH: Duration = us(200);
const PER_EVENT: Duration = us(2);
const QUEUE: usize = 8192;
const MOST: usize = 4096;
const SIZES: [usize; 7] = [1, 8, 64, 256, 1024, 2048, MOST];
/// Offered at once where it is saturated.
const CHUNK: usize = 256;
/// The controller has so long.
const FOUND: Duration = secs(6);
/// Of a try of a fixed size, and of one side of a round.
const TRY: Duration = ms(500);
const SIDE: Duration = ms(800);
const RAMP: Duration = ms(100);
const ROUNDS: usize = 5;
const SHARE: f64 = 0.95;
/// A tenth of what batches of one can do.
const LOW_RATE: f64 = 500.0;
const LOW_SIDE: Duration = secs(3);
const LOW_SHARE: f64 = 1.1;

pub(crate) fn run(table: &mut Table) {
    let ours = Batches::new(1..=MOST);
    ours.saturated(shortened(FOUND));
    let fixed: Vec<Batches> = SIZES.into_iter().map(Batches::new).collect();
    let tried: Vec<f64> = fixed.iter().map(|batches| batches.saturated(shortened(TRY))).collect();
    let best = (0..SIZES.len()).max_by(|&one, &other| tried[one].total_cmp(&tried[other])).expect("there are some");
    let all: Vec<String> = SIZES.iter().zip(&tried).map(|(size, rate)| format!("{size}: {rate:.0}/s")).collect();
    eprint!("batches of {}\n{}", all.join(", "), decisions(&ours.running));
    let rounds = if quick() { 1 } else { ROUNDS };
    let side = shortened(SIDE);
    let saturated = (0..rounds).map(|_| (ours.saturated(side), fixed[best].saturated(side)));
    let asks = "events per second at saturation, 200 us for a batch and 2 us for each event in it";
    let peer = format!("the best of {} sizes ({})", SIZES.len(), SIZES[best]);
    let row = Row::paired("threads/batches/saturated", asks, "events/s", peer, Better::Higher, SHARE);
    table.row(row.rounds(saturated));
    // The bound stays as large as saturation made it.
    let low = (0..rounds as u64).map(|round| (ours.low(round + 1), fixed[0].low(round + 1)));
    let asks = "p99 of the latency at 500/s, with the bound that saturation has left";
    let row = Row::paired("threads/batches/low-load", asks, "ms", "batches of 1", Better::Lower, LOW_SHARE);
    table.row(row.rounds(low));
}

fn shortened(time: Duration) -> Duration {
    if quick() { time / 4 } else { time }
}

/// An event that may be noted.
struct One {
    number: usize,
    work: Option<Arc<Work>>,
}

/// A stage of one thread that works on whole batches.
struct Batches {
    running: Running,
    entry: Entry<One>,
    done: Arc<AtomicU64>,
}

impl Batches {
    fn new(batch_max: impl Into<Threads>) -> Self {
        let done = Arc::new(AtomicU64::new(0));
        let counted = done.clone();
        let store = batch(move |all: Batch<One>| {
            let takes = PER_BATCH + PER_EVENT * all.len() as u32;
            spin(takes);
            counted.fetch_add(all.len() as u64, Relaxed);
            all.answer(|one| {
                if let Some(work) = one.work {
                    work.done(one.number, takes);
                }
            })
        });
        let mut p = Pipeline::named("batches");
        let inlet = p.sink("store", store.queue(QUEUE).batch_max(batch_max));
        let running = p.start().expect("one stage passes the checks");
        let entry = running.entry(inlet);
        Batches { running, entry, done }
    }

    /// Keeps its queue full for so long; events per second after the ramp.
    fn saturated(&self, time: Duration) -> f64 {
        let stop = AtomicBool::new(false);
        let chunk = || (0..CHUNK).map(|number| One { number, work: None }).collect();
        let rate = thread::scope(|scope| {
            let go_on = |_: &u64| !stop.load(Relaxed);
            scope.spawn(move || (0..).take_while(go_on).try_for_each(|_| self.entry.offer_many(chunk())));
            thread::sleep(RAMP);
            let (began, done) = (Instant::now(), self.done.load(Relaxed));
            thread::sleep(time);
            let rate = (self.done.load(Relaxed) - done) as f64 / began.elapsed().as_secs_f64();
            stop.store(true, Relaxed);
            rate
        });
        // What waits still must not be in the way of whoever is next.
        while self.running.snapshot().stages.iter().any(|stage| stage.left > 0) {
            thread::sleep(ms(1));
        }
        rate
    }

    /// p99 of the latency at a low load, in ms.
    fn low(&self, seed: u64) -> f64 {
        let job = Job::new(Duration::ZERO, Kind::Spinning, seed);
        let work = Arc::new(Work::steady(LOW_RATE, shortened(LOW_SIDE), job, seed).begun());
        let offer = |number| {
            let one = One { number, work: Some(work.clone()) };
            self.entry.try_offer(one).unwrap_or_else(|refused| panic!("{}", refused.why));
        };
        offer_all(&work, ms(20), offer);
        let lates: Vec<f64> = work.all_done().map(|done| ms_of(done.latency)).collect();
        percentile(&lates, 0.99)
    }
}
