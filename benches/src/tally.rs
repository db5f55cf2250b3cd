//! The sink that counts, the same for all contenders, and the wait for the last event.

use std::{
    hint::black_box,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{Event, Sample, Sink, Stopwatch};

/// The waiter looks this often once all is offered; a queue's worth of events is left then, so that the look costs
/// neither side a share worth the name.
const LOOK: Duration = Duration::from_micros(20);
/// A chain without progress for this long hangs, and a bench says so instead of hanging with it.
const HUNG: Duration = Duration::from_secs(10);

/// Counts events and adds up their numbers, over as many counters as there are workers at the sink.
#[derive(Default)]
pub struct Tally {
    cells: Mutex<Vec<Arc<Cell>>>,
}

/// On cache lines of its own (128: adjacent lines are fetched in pairs), or two workers would share one.
#[derive(Default)]
#[repr(align(128))]
struct Cell {
    count: AtomicU64,
    sum: AtomicU64,
}

/// One worker's counter. Only its worker writes it: a load and a store, no locked instruction, so that the sink
/// weighs as little as it can.
pub struct Counter(Arc<Cell>);

impl Sink for Counter {
    fn take(&mut self, event: Event) {
        let event = black_box(event);
        let cell = &*self.0;
        // Relaxed: the waiter needs the numbers, and nothing that they would publish.
        cell.sum.store(cell.sum.load(Relaxed).wrapping_add(event.number), Relaxed);
        cell.count.store(cell.count.load(Relaxed) + 1, Relaxed);
    }
}

impl Tally {
    /// A tally without counters yet.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A counter for one more worker.
    pub fn counter(&self) -> Counter {
        let cell = Arc::new(Cell::default());
        self.cells.lock().expect("no counter panics").push(cell.clone());
        Counter(cell)
    }

    /// Makes counters, for a chain whose last stage may have several workers.
    pub fn counters(self: &Arc<Self>) -> impl Fn() -> Counter + Send + Sync + 'static {
        let tally = self.clone();
        move || tally.counter()
    }

    /// Events counted so far.
    pub fn count(&self) -> u64 {
        self.total(|cell| &cell.count)
    }

    /// Times `offer_all`, which hands over the events 0 to `events`, until the last has reached the sink.
    ///
    /// # Panics
    /// When an event is lost, doubled or changed, or nothing moves for ten seconds.
    pub fn time(&self, events: u64, offer_all: impl FnOnce()) -> Sample {
        let (count, sum) = (self.count(), self.sum());
        let watch = Stopwatch::start();
        offer_all();
        self.wait(count + events, LOOK);
        let sample = watch.stop(events);
        let expected = events.wrapping_mul(events.wrapping_sub(1)) / 2;
        assert_eq!(self.count() - count, events, "events were doubled");
        assert_eq!(self.sum().wrapping_sub(sum), expected, "events were changed on the way");
        sample
    }

    /// Waits until `target` events have been counted since the tally was made, looking once every `look`.
    ///
    /// # Panics
    /// When nothing moves for ten seconds.
    pub fn wait(&self, target: u64, look: Duration) {
        let mut seen = (self.count(), Instant::now());
        while seen.0 < target {
            thread::sleep(look);
            let count = self.count();
            if count != seen.0 {
                seen = (count, Instant::now());
            }
            assert!(seen.1.elapsed() < HUNG, "hung: {count} of {target} events have reached the sink");
        }
    }

    fn sum(&self) -> u64 {
        self.total(|cell| &cell.sum)
    }

    fn total(&self, part: impl Fn(&Cell) -> &AtomicU64) -> u64 {
        let cells = self.cells.lock().expect("no counter panics");
        cells.iter().fold(0, |total, cell| total.wrapping_add(part(cell).load(Relaxed)))
    }
}
