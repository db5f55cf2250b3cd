//! What a stage was offered and did of late, for a load that is neither noise nor history.

use std::time::Duration;

use super::StageSight;

/// Sums are kept for so long; for longer where there are few events in it.
const MEMORY_SECS: f64 = 1.0;
const MEMORY_EVENTS: f64 = 300.0;
const MEMORY_SECS_MOST: f64 = 5.0;
/// Offers that differ by so many standard deviations of a Poisson stream from what is expected are another load, not noise.
const JUMP: f64 = 4.0;

/// What one stage did of late: sums, of which the older part fades.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stream {
    offers: f64,
    secs: f64,
    busy_secs: f64,
    pub(super) settled: f64,
    pub(super) deviation: f64,
}

impl Stream {
    /// `alone`: the share of the busy time that is left without the waits for a core.
    pub(super) fn add(&mut self, stage: &StageSight, window: Duration, alone: f64) {
        let secs = window.as_secs_f64().max(1e-9);
        let keep = |events: u64| {
            let faded = (events as f64 / MEMORY_EVENTS).min(secs / MEMORY_SECS).max(secs / MEMORY_SECS_MOST);
            (-faded).exp()
        };
        let (offered, expected) = (stage.offered as f64, self.offers_per_s() * secs);
        let jumped = (offered - expected).abs() > JUMP * expected.sqrt() + JUMP;
        let kept = if jumped { 0.0 } else { keep(stage.offered) };
        (self.offers, self.secs) = (self.offers * kept + offered, self.secs * kept + secs);
        if stage.settled > 0 {
            let kept = keep(stage.settled);
            self.busy_secs = self.busy_secs * kept + stage.busy.as_secs_f64() * alone;
            self.settled = self.settled * kept + stage.settled as f64;
            self.deviation = stage.deviation;
        }
    }

    pub(super) fn offers_per_s(self) -> f64 {
        if self.secs > 0.0 { self.offers / self.secs } else { 0.0 }
    }

    fn service_secs(self) -> f64 {
        if self.settled > 0.0 { self.busy_secs / self.settled } else { 0.0 }
    }

    pub(super) fn load(self) -> f64 {
        self.offers_per_s() * self.service_secs()
    }

    /// Square of the standard error of the load.
    pub(super) fn error_squared(self) -> f64 {
        self.load().powi(2) * self.deviation.powi(2) / self.settled.max(1.0)
    }
}
