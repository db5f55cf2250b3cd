//! A source that sleeps between events, and the latencies that its events meet.

use std::{
    sync::{
        Arc,
        atomic::{
            AtomicU32, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    thread,
    time::{Duration, Instant},
};

use crate::{Event, Sample, Sink, Stopwatch, stats::percentile};

/// Not counted, at the head of each round: queues and pools find out how the load is.
const WARM_UP: usize = 500;
const HUNG: Duration = Duration::from_secs(10);

/// One place per event of a round; the sink fills it in, whichever worker it runs on.
pub struct Latencies {
    began: Instant,
    ns: Vec<AtomicU32>,
    seen: AtomicU64,
}

/// What one paced round came to.
#[derive(Clone, Copy, Debug)]
pub struct Paced {
    /// Processor and wall time of the round.
    pub cost: Sample,
    /// Half of the events took no longer, microseconds.
    pub p50_us: f64,
    /// 99 % of the events took no longer, microseconds.
    pub p99_us: f64,
    /// Voluntary context switches per event, all threads; `None` where the kernel does not say.
    pub switches: Option<f64>,
}

impl Latencies {
    /// Room for rounds of `events` events.
    pub fn new(events: usize) -> Arc<Self> {
        let ns = (0..events + WARM_UP).map(|_| AtomicU32::new(0)).collect();
        Arc::new(Self { began: Instant::now(), ns, seen: AtomicU64::new(0) })
    }

    /// Makes sinks, for a chain whose last stage may have several workers.
    pub fn sinks(self: &Arc<Self>) -> impl Fn() -> LatencySink + Send + Sync + 'static {
        let latencies = self.clone();
        move || LatencySink(latencies.clone())
    }

    fn now_ns(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    fn wait(&self, target: u64) {
        let since = Instant::now();
        while self.seen.load(Acquire) < target {
            thread::sleep(Duration::from_micros(50));
            assert!(since.elapsed() < HUNG, "hung: {} of {target} events", self.seen.load(Relaxed));
        }
    }

    fn percentiles_us(&self) -> (f64, f64) {
        let us: Vec<f64> = self.ns[WARM_UP..].iter().map(|ns| f64::from(ns.load(Relaxed)) / 1e3).collect();
        (percentile(&us, 0.50), percentile(&us, 0.99))
    }
}

/// Notes for each event how long it has been under way.
pub struct LatencySink(Arc<Latencies>);

impl Sink for LatencySink {
    fn take(&mut self, event: Event) {
        let latencies = &*self.0;
        let ns = latencies.now_ns() - event.stamp_ns;
        latencies.ns[event.number as usize].store(ns.min(u64::from(u32::MAX)) as u32, Relaxed);
        // Release: who sees the count (Acquire) sees the latency too.
        latencies.seen.fetch_add(1, Release);
    }
}

/// Offers a round of events, one each `every`, from a thread that sleeps in between, and waits for the last of them.
/// Events stand in a fixed schedule: a source that slept too long offers at once, and the schedule does not shift.
pub fn paced_source(latencies: &Latencies, every: Duration, offer: impl FnMut(Event) + Send) -> Paced {
    let events = latencies.ns.len();
    let before = latencies.seen.load(Acquire);
    let switches = crate::switches();
    let watch = Stopwatch::start();
    thread::scope(|scope| scope.spawn(|| offer_on_schedule(latencies, every, offer)).join()).expect("the source ends");
    latencies.wait(before + events as u64);
    let cost = watch.stop(events as u64);
    let per_event = |before: u64, after: u64| after.saturating_sub(before) as f64 / events as f64;
    let switches = switches.zip(crate::switches()).map(|(before, after)| per_event(before, after));
    let (p50_us, p99_us) = latencies.percentiles_us();
    Paced { cost, p50_us, p99_us, switches }
}

fn offer_on_schedule(latencies: &Latencies, every: Duration, mut offer: impl FnMut(Event)) {
    sleep_exactly();
    let began = Instant::now();
    for number in 0..latencies.ns.len() {
        let due = every * number as u32;
        if let Some(early) = due.checked_sub(began.elapsed()).filter(|early| !early.is_zero()) {
            thread::sleep(early);
        }
        let event = Event { stamp_ns: latencies.now_ns(), ..Event::numbered(number as u64) };
        offer(event);
    }
}

/// Linux lets a sleep run 50 µs over, which is our whole interval; this thread asks it not to. Called in the source's
/// own thread, after all pools were started: threads inherit the setting.
pub fn sleep_exactly() {
    #[cfg(target_os = "linux")]
    rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1))
        .expect("a thread may set its own timer slack");
}
