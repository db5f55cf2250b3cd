//! What is counted of the lineages of a run, or of a part of it: while it grows.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::figures::Figures;
use crate::{
    metrics::{Percentiles, ShedCount},
    outcome::Refusal,
};

/// Quantiles of a table are right to so many digits.
const DIGITS: u8 = 3;

/// How an admitted lineage ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Done,
    Failed,
    Expired,
    Dropped,
    ShedLater,
    /// The pipeline stopped.
    Left,
}

impl End {
    pub(super) fn word(self) -> &'static str {
        match self {
            End::Done => "done",
            End::Failed => "failed",
            End::Expired => "expired",
            End::Dropped => "dropped",
            End::ShedLater => "shed-later",
            End::Left => "left",
        }
    }
}

/// The end of an admitted lineage.
#[derive(Clone, Copy)]
pub(super) struct Ended {
    pub(super) end: End,
    pub(super) latency_ns: u64,
    pub(super) good: bool,
    pub(super) given_up: bool,
    pub(super) busy_ns: u64,
}

/// Figures while they grow.
pub(super) struct Tally {
    figures: Figures,
    times: Times,
    sum_ns: f64,
    max_ns: u64,
}

/// Latencies: as a table where there may be many, each by itself where there will not.
enum Times {
    Table(Option<Box<Histogram<u64>>>),
    Each(Vec<u64>),
}

impl Tally {
    /// Of the whole, a kind or a phase.
    pub(super) fn long() -> Self {
        Tally::new(Times::Table(None))
    }

    /// Of a window.
    pub(super) fn short() -> Self {
        Tally::new(Times::Each(Vec::new()))
    }

    fn new(times: Times) -> Self {
        Tally { figures: Figures::default(), times, sum_ns: 0.0, max_ns: 0 }
    }

    pub(super) fn admitted(&mut self) {
        self.figures.offered += 1;
        self.figures.admitted += 1;
        self.figures.left += 1;
    }

    pub(super) fn refused(&mut self, why: &Refusal) {
        let figures = &mut self.figures;
        figures.offered += 1;
        match why {
            Refusal::Shed { reason, .. } => {
                figures.shed += 1;
                ShedCount::add(&mut figures.shed_by, reason.as_str(), 1);
            }
            Refusal::Closed => figures.closed += 1,
            _ => figures.full += 1,
        }
    }

    pub(super) fn requested(&mut self) {
        self.figures.requests += 1;
    }

    pub(super) fn answered(&mut self) {
        self.figures.answered += 1;
    }

    pub(super) fn ended(&mut self, ended: &Ended) {
        let figures = &mut self.figures;
        figures.left -= u64::from(ended.end != End::Left);
        match ended.end {
            End::Done => figures.done += 1,
            End::Failed => figures.failed += 1,
            End::Expired => figures.expired += 1,
            End::Dropped => figures.dropped += 1,
            End::ShedLater => figures.shed_later += 1,
            End::Left => {}
        }
        figures.good += u64::from(ended.good);
        figures.given_up += u64::from(ended.given_up);
        let busy = Duration::from_nanos(ended.busy_ns);
        figures.busy += busy;
        let handled = matches!(ended.end, End::Done | End::Failed);
        if !ended.good {
            figures.wasted += busy;
            figures.wasted_on_lost += if handled { Duration::ZERO } else { busy };
        }
        if handled {
            self.latency(ended.latency_ns);
        }
    }

    fn latency(&mut self, latency_ns: u64) {
        self.sum_ns += latency_ns as f64;
        self.max_ns = self.max_ns.max(latency_ns);
        match &mut self.times {
            Times::Each(times) => times.push(latency_ns),
            Times::Table(table) => {
                let table = table.get_or_insert_with(|| {
                    let mut table = Histogram::new(DIGITS).expect("so many digits are possible");
                    table.auto(true);
                    Box::new(table)
                });
                table.record(latency_ns).expect("a table that grows takes any value");
            }
        }
    }

    /// Nothing of it is on its way.
    pub(super) fn is_settled(&self) -> bool {
        self.figures.left == 0
    }

    pub(super) fn figures(&self) -> Figures {
        Figures { latency: self.latencies(), ..self.figures.clone() }
    }

    fn latencies(&self) -> Percentiles {
        let mut each = match &self.times {
            Times::Each(times) => times.clone(),
            Times::Table(_) => Vec::new(),
        };
        let count = self.figures.done + self.figures.failed;
        let all = count + self.figures.lost();
        let mut at = |q: f64| {
            let rank = (q * all as f64).ceil();
            if rank > count as f64 {
                return Duration::MAX;
            }
            let value = match &self.times {
                _ if rank < 1.0 => 0,
                Times::Each(_) => *each.select_nth_unstable(rank as usize - 1).1,
                Times::Table(table) => table.as_ref().map_or(0, |table| table.value_at_quantile(rank / count as f64)),
            };
            // A bucket's upper edge may lie above what was seen.
            Duration::from_nanos(value.min(self.max_ns))
        };
        let mean = if count == 0 { 0.0 } else { self.sum_ns / count as f64 };
        Percentiles {
            count: all,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            mean: Duration::from_nanos(mean as u64),
            max: Duration::from_nanos(self.max_ns),
        }
    }
}
