//! Processor sharing: handlers that compute share a number of cores, all alike. With more of them than cores each one
//! goes slower by the same factor, so what they have done in common is one number, and the next to end is the one that
//! needs the least of it.

use std::{cmp::Ordering, cmp::Reverse, collections::BinaryHeap};

use super::virtual_time::Job;

/// What is left of a job when it counts as done, in ns: the sums are not exact.
const DONE_NS: f64 = 0.01;

pub(super) struct Cores {
    cores: f64,
    /// What each job has been given since the cores were last idle, in ns of work, up to `at_ns`.
    given_ns: f64,
    at_ns: u64,
    jobs: BinaryHeap<Reverse<Computing>>,
}

struct Computing {
    /// Done when so much has been given.
    until_ns: f64,
    sequence: u64,
    job: Job,
}

impl Cores {
    pub(super) fn new(cores: f64) -> Self {
        Cores { cores, given_ns: 0.0, at_ns: 0, jobs: BinaryHeap::new() }
    }

    pub(super) fn begin(&mut self, now_ns: u64, work_ns: f64, sequence: u64, job: Job) {
        self.give(now_ns);
        self.jobs.push(Reverse(Computing { until_ns: self.given_ns + work_ns, sequence, job }));
    }

    /// When the next job is done, if none comes or goes before.
    pub(super) fn next_ns(&self) -> Option<u64> {
        let Reverse(first) = self.jobs.peek()?;
        let left_ns = (first.until_ns - self.given_ns).max(0.0) / self.speed();
        Some(self.at_ns + left_ns.ceil() as u64)
    }

    /// One that is done, with its place in the order of beginning.
    pub(super) fn take_done(&mut self, now_ns: u64) -> Option<(u64, Job)> {
        self.give(now_ns);
        if self.jobs.peek()?.0.until_ns > self.given_ns + DONE_NS {
            return None;
        }
        let Reverse(done) = self.jobs.pop()?;
        Some((done.sequence, done.job))
    }

    pub(super) fn count(&self) -> f64 {
        self.cores
    }

    pub(super) fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().map(|Reverse(computing)| &computing.job)
    }

    fn speed(&self) -> f64 {
        (self.cores / self.jobs.len() as f64).min(1.0)
    }

    fn give(&mut self, now_ns: u64) {
        if self.jobs.is_empty() {
            // Small numbers stay exact.
            self.given_ns = 0.0;
        } else {
            self.given_ns += now_ns.saturating_sub(self.at_ns) as f64 * self.speed();
        }
        self.at_ns = now_ns;
    }
}

impl Ord for Computing {
    fn cmp(&self, other: &Self) -> Ordering {
        self.until_ns.total_cmp(&other.until_ns).then(self.sequence.cmp(&other.sequence))
    }
}

impl PartialOrd for Computing {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Computing {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Computing {}
