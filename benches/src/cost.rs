//! What a piece of work cost: wall time, and the processor time of the whole process.

use std::{
    iter::Sum,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

/// User and system time of all threads of this process, ended ones too.
///
/// The process's CPU clock and not `getrusage`: the kernel keeps the same sum behind both, but this one comes in
/// nanoseconds and through a safe call; `/proc/self/stat` counts in ticks of 10 ms, and `/proc/self/schedstat` knows
/// only one thread.
pub fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    // A CPU clock starts at zero and never runs backwards, so neither part is negative.
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// User and system time of the calling thread: what it computed, whoever else wanted the core.
pub fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Started before the work, read after it.
pub struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// Starts both clocks.
    pub fn start() -> Self {
        Self { cpu: cpu_time(), wall: Instant::now() }
    }

    /// What `events` events cost since the start.
    pub fn stop(self, events: u64) -> Sample {
        let wall = self.wall.elapsed();
        Sample { events, wall, cpu: cpu_time() - self.cpu }
    }
}

/// What one contender's round cost.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Events from the first offer to the last at the sink.
    pub events: u64,
    /// Wall time.
    pub wall: Duration,
    /// Processor time of the whole process.
    pub cpu: Duration,
}

impl<'a> Sum<&'a Sample> for Sample {
    fn sum<I: Iterator<Item = &'a Sample>>(samples: I) -> Self {
        let nothing = Sample { events: 0, wall: Duration::ZERO, cpu: Duration::ZERO };
        samples.fold(nothing, |sum, sample| Sample {
            events: sum.events + sample.events,
            wall: sum.wall + sample.wall,
            cpu: sum.cpu + sample.cpu,
        })
    }
}

impl Sample {
    /// Events per second.
    pub fn rate(&self) -> f64 {
        self.events as f64 / self.wall.as_secs_f64()
    }

    /// Processor time per event, nanoseconds.
    pub fn cpu_ns(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e9 / self.events as f64
    }

    /// Wall time per event, nanoseconds.
    pub fn wall_ns(&self) -> f64 {
        self.wall.as_secs_f64() * 1e9 / self.events as f64
    }
}
