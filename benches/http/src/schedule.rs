//! Open loop: requests at fixed times, whether the answers before have come or not. Latency counts from the time at
//! which a request was due, not from when a connection was free for it, so a stall of the server is not forgiven
//! ("coordinated omission", Tene 2013).
//!
//! Linux lets a sleep run up to 50 µs over. That is left so: requests then go out a few at a time, which at tens of
//! thousands a second halves what the client takes of the processor that it shares with the server, and counts against
//! both contenders alike.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::{clients::Clients, connection::Got};

/// Not counted: caches and pools find out how the load is.
const WARM_UP: Duration = Duration::from_millis(200);
/// Answers that have not come so long after the last request was due are lost.
const HUNG: Duration = Duration::from_secs(10);
/// Most that is told apart, in ns.
const LATENCY_MAX_NS: u64 = 60_000_000_000;
/// Significant digits.
const DIGITS: u8 = 3;

/// A rate to be kept for a time.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Requests per second.
    pub rate: f64,
    /// How long, without the warm-up.
    pub time: Duration,
}

/// What came of it.
pub struct Latencies {
    ns: Histogram<u64>,
    /// Answers that were not what they should be, or did not come.
    pub errors: u64,
}

impl Latencies {
    /// So many of a hundred took no longer, in microseconds.
    #[must_use]
    pub fn percentile_us(&self, share: f64) -> f64 {
        self.ns.value_at_percentile(share) as f64 / 1e3
    }
}

impl Schedule {
    /// Runs it. A request that is due while every connection is busy waits for one, and its clock runs.
    pub fn run(self, clients: &mut Clients) -> Latencies {
        let ns = Histogram::new_with_bounds(1, LATENCY_MAX_NS, DIGITS).expect("the bounds are constants that fit");
        let latencies = Latencies { ns, errors: 0 };
        let (requests, warm) = (self.within(WARM_UP + self.time), self.within(WARM_UP));
        let idle = (0..clients.len()).collect();
        let due_of = vec![0; clients.len()];
        let mut run = Run { schedule: self, began: Instant::now(), next: 0, requests, warm, idle, due_of, latencies };
        run.all(clients);
        run.latencies
    }

    fn within(self, time: Duration) -> u64 {
        (time.as_secs_f64() * self.rate) as u64
    }

    fn due_ns(self, request: u64) -> u64 {
        (request as f64 * 1e9 / self.rate) as u64
    }
}

struct Run {
    schedule: Schedule,
    began: Instant,
    /// The request that is due next.
    next: u64,
    requests: u64,
    warm: u64,
    /// Connections without a request.
    idle: Vec<usize>,
    /// Request that each connection is busy with.
    due_of: Vec<u64>,
    latencies: Latencies,
}

impl Run {
    fn all(&mut self, clients: &mut Clients) {
        let most_ns = self.schedule.due_ns(self.requests) + HUNG.as_nanos() as u64;
        while self.next < self.requests || self.idle.len() < clients.len() {
            let now_ns = self.now_ns();
            if now_ns > most_ns {
                self.latencies.errors += (clients.len() - self.idle.len()) as u64 + self.requests - self.next;
                return;
            }
            self.send_what_is_due(clients, now_ns);
            for (index, got) in clients.wait(self.until_next()) {
                self.note(index, got);
            }
        }
    }

    fn send_what_is_due(&mut self, clients: &mut Clients, now_ns: u64) {
        while self.next < self.requests && self.schedule.due_ns(self.next) <= now_ns {
            let Some(index) = self.idle.pop() else { return };
            self.due_of[index] = self.next;
            self.next += 1;
            if !clients.ask(index) {
                self.note(index, Got::Error);
            }
        }
    }

    fn until_next(&self) -> Duration {
        let can_send = self.next < self.requests && !self.idle.is_empty();
        let due_ns = if can_send { self.schedule.due_ns(self.next) } else { return HUNG };
        Duration::from_nanos(due_ns.saturating_sub(self.now_ns()))
    }

    fn note(&mut self, index: usize, got: Got) {
        let request = self.due_of[index];
        match got {
            Got::Part => return,
            Got::Error => self.latencies.errors += 1,
            Got::Answer if request >= self.warm => {
                let late_ns = self.now_ns() - self.schedule.due_ns(request);
                self.latencies.ns.saturating_record(late_ns);
            }
            Got::Answer => (),
        }
        self.idle.push(index);
    }

    fn now_ns(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }
}
