use super::{Admission, Load, Offer, Quality, Settle, Verdict, wrapping::leave_to};

/// Part of the places' time that is to be used: with more, queues are long for nothing.
const USED: f64 = 0.9;
/// Windows in which demand is counted, per objective of the policy; without one, each is so many mean services long.
const WINDOWS: u64 = 4;
const SERVICES: f64 = 8.0;
/// Weight of a window in the demand.
const WINDOW: f64 = 0.125;
/// Weight of an event in what one costs, as in 64 of them.
const SAMPLE: f64 = 1.0 / 64.0;
/// Part of what can be done in one objective that may wait before quality pays for it: a burst that fits is no overload.
const BURST: f64 = 0.5;
/// Part of the way back up that is gone in a window.
const UP: f64 = 0.25;
/// Nothing is gained by a quality below this, and cost is reckoned by dividing by it.
const LEAST: f64 = 0.01;

/// A policy that has something to give before it sheds: the [quality](Quality) of the work, which the handler reads.
///
/// Quality follows from demand and cost and is not hunted for. With offers of r events per second (those that are shed with
/// them), n events waiting, c places, objective T of the policy, and k the mean service time by the quality that it was done at:
///
/// | | rule | why |
/// |---|---|---|
/// | quality | q = 0.9 c / (k r'), within its range | utilisation law: at that quality 0.9 of the places' time is used |
/// | r' | r + max(0, n - m/2) / T, m being what can be done in T | what waits beyond half of the room is to be done within the next T |
/// | down | at once | it comes before anything is shed |
/// | up | a quarter of the way in each window | a quiet moment is no end of the overload |
/// | shed | the policy alone decides | at the least quality demand may be more than can be done |
///
/// A handler whose time is in proportion to the quality is met in one step. One that has a part which nothing lowers is met in
/// several: each measures k anew, and goes a part a/(a + b q) less than 1 of the way that is left, for a service of a + b q.
///
/// | parameter | unit | value |
/// |---|---|---|
/// | range | - | given, within 0.01 to 1 |
/// | window | time | T/4; without an objective 8 mean services |
/// | r | windows | 8 |
/// | k | events | 64 |
///
/// Sources: Welsh and Culler, USITS 2003 (degrade first, shed when that is exhausted); Sandstorm's bottleneck stage halved its
/// quality above the target and raised it by 0.01 per 100 requests below. Denning and Buzen, Computing Surveys 1978, for the law.
/// Around a policy that does not look at load, such as a [`TokenBucket`](crate::TokenBucket), nothing is shed less for it.
///
/// ```
/// use seda_core::{Degrade, Quality, Slo, prelude::*};
/// let quality = Quality::new(0.2..=1.0);
/// let knob = quality.clone();
/// let search = move |_words: String| (100.0 * knob.level()) as usize; // so many results are looked at
///
/// let mut p = Pipeline::named("search");
/// let (searches, found) = p.stage("search", search.threads(4).admission(Degrade::new(Slo::new(ms(50)), &quality)));
/// # p.end("end", found, drop);
/// # let _ = searches;
/// ```
pub struct Degrade {
    policy: Box<dyn Admission>,
    quality: Quality,
    /// Service time by quality, over so many samples.
    cost_ns: f64,
    samples: f64,
    /// Events per ns; 0 until the first window is over.
    rate: f64,
    offered: usize,
    began_ns: u64,
    /// When quality was last set, and what it was before: for work that had begun by then.
    set_ns: u64,
    before: f64,
    /// In capacities of the best quality, at the last look; and whether anything was shed in that window, and in this one.
    asked: f64,
    has_shed: bool,
    sheds: bool,
}

impl std::fmt::Debug for Degrade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Degrade").field("quality", &self.quality).finish_non_exhaustive()
    }
}

impl Degrade {
    /// Around a policy, with the knob that the handler reads. A knob is one stage's.
    #[must_use]
    pub fn new(policy: impl Admission + 'static, quality: &Quality) -> Self {
        Degrade {
            policy: Box::new(policy),
            quality: quality.clone(),
            cost_ns: 0.0,
            samples: 0.0,
            rate: 0.0,
            offered: 0,
            began_ns: 0,
            set_ns: 0,
            before: quality.best(),
            asked: 0.0,
            has_shed: false,
            sheds: false,
        }
    }

    fn window_ns(&self) -> f64 {
        let services = SERVICES * self.cost_ns * self.quality.level();
        self.policy.objective_ns().map_or(services, |objective_ns| (objective_ns / WINDOWS) as f64).max(1.0)
    }

    /// A window, or more, is over.
    #[cold]
    fn turn(&mut self, now_ns: u64, windows: f64, load: &Load) {
        let elapsed_ns = now_ns.saturating_sub(self.began_ns) as f64;
        let rate = std::mem::take(&mut self.offered) as f64 / elapsed_ns;
        self.began_ns = now_ns;
        self.has_shed = std::mem::take(&mut self.sheds);
        let weight = if self.rate == 0.0 { 1.0 } else { 1.0 - (1.0 - WINDOW).powf(windows) };
        self.rate += weight * (rate - self.rate);
        let places = load.limit.max(1) as f64;
        let level = self.quality.level();
        self.asked = (self.rate + self.overhang(load.backlog, places / (self.cost_ns * level))) * self.cost_ns / places;
        let fits = USED / self.asked;
        let way = if fits < level { 1.0 } else { 1.0 - (1.0 - UP).powf(windows) };
        let next = level + way * (fits.min(2.0 * self.quality.best()) - level);
        self.quality.set(next);
        if self.quality.level() != level {
            (self.set_ns, self.before) = (now_ns, level);
        }
    }

    /// What waits beyond its part of the room, as events per ns to be done beside those that are offered.
    fn overhang(&self, waiting: usize, done_per_ns: f64) -> f64 {
        let Some(objective_ns) = self.policy.objective_ns() else { return 0.0 };
        let objective_ns = (objective_ns as f64).max(1.0);
        (waiting as f64 / objective_ns - BURST * done_per_ns).max(0.0)
    }
}

impl Admission for Degrade {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        if self.began_ns == 0 {
            self.began_ns = offer.now_ns;
        }
        let windows = offer.now_ns.saturating_sub(self.began_ns) as f64 / self.window_ns();
        if windows >= 1.0 && self.cost_ns > 0.0 {
            self.turn(offer.now_ns, windows, &offer.load);
        }
        self.offered += offer.events;
        let verdict = self.policy.offer(offer);
        self.sheds |= verdict != Verdict::Admit;
        verdict
    }

    fn settle(&mut self, settle: &Settle<'_>) {
        let handled = settle.events.saturating_sub(settle.expired);
        if handled > 0 {
            let began_ns = settle.now_ns.saturating_sub(settle.service_ns);
            let level = if began_ns < self.set_ns { self.before } else { self.quality.level() };
            let cost_ns = settle.service_ns as f64 / handled as f64 / level.max(LEAST);
            self.samples += 1.0;
            self.cost_ns += SAMPLE.max(1.0 / self.samples) * (cost_ns - self.cost_ns);
        }
        self.policy.settle(settle);
    }

    fn concern(&self) -> Option<String> {
        let least = self.quality.least();
        if !self.has_shed || self.quality.level() > least {
            return self.policy.concern();
        }
        let asked = self.asked * least;
        Some(format!(
            "the quality is at its least, {least}, and {asked:.1} times of what can be done at that is offered; lower the range, or add threads"
        ))
    }

    fn check(&self) -> Option<String> {
        let (least, best) = (self.quality.least(), self.quality.best());
        if !(LEAST <= least && least <= best && best <= 1.0) {
            return Some(format!("a quality of {least} to {best}; give a range within 0.01 to 1, the least first"));
        }
        self.policy.check()
    }

    leave_to!(policy: take, patience_ns, order, defers, objective_ns, room, aim);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::admission::Slo;

    const SERVICE_NS: f64 = 4e6;

    /// Offers of so many times the capacity of four places at the best quality, for so many milliseconds; each service takes
    /// `fixed + rest * quality` of 4 ms. Nothing waits.
    fn offered(degrade: &mut Degrade, now_ns: &mut u64, load: f64, ms: u64, fixed: f64) -> f64 {
        let quality = degrade.quality.clone();
        let ends_ns = *now_ns + ms * 1_000_000;
        while *now_ns < ends_ns {
            *now_ns += (1e6 / load) as u64;
            let numbers = Load { limit: 4, ..Load::default() };
            let _ = degrade.offer(&Offer { now_ns: *now_ns, events: 1, load: numbers, ..Offer::default() });
            let service_ns = (SERVICE_NS * (fixed + (1.0 - fixed) * quality.level())) as u64;
            degrade.settle(&Settle { now_ns: *now_ns, events: 1, service_ns, load: numbers, ..Settle::default() });
        }
        quality.level()
    }

    fn degrade(range: std::ops::RangeInclusive<f64>) -> Degrade {
        Degrade::new(Slo::new(Duration::from_millis(50)), &Quality::new(range))
    }

    #[test]
    fn quality_is_what_the_demand_leaves_of_the_places_time_and_best_below_it() {
        let (mut degrade, mut now_ns) = (degrade(0.2..=1.0), 1);
        let levels = [0.8, 2.0, 10.0, 3.0, 0.5].map(|load| offered(&mut degrade, &mut now_ns, load, 1000, 0.0));
        let right = [1.0, 0.45, 0.2, 0.3, 1.0];
        assert!(levels.iter().zip(right).all(|(level, right)| (level - right).abs() < 0.01), "{levels:?}");
    }

    #[test]
    fn a_part_that_nothing_lowers_is_met_in_some_steps_and_without_swinging() {
        let (mut degrade, mut now_ns) = (degrade(0.1..=1.0), 1);
        let levels: Vec<_> = (0..40).map(|_| offered(&mut degrade, &mut now_ns, 1.5, 25, 0.25)).collect();
        // 1.5 (0.25 + 0.75 q) = 0.9
        assert!((levels[39] - 0.4667).abs() < 0.01, "{levels:?}");
        assert!(levels.windows(2).all(|pair| pair[1] < pair[0] + 0.005), "{levels:?}");
    }

    #[test]
    fn a_burst_that_fits_costs_no_quality_and_a_queue_that_does_not_costs_some_at_once() {
        let (mut degrade, mut now_ns) = (degrade(0.2..=1.0), 1);
        offered(&mut degrade, &mut now_ns, 0.5, 1000, 0.0);
        let mut after = |backlog| {
            now_ns += 13_000_000;
            let load = Load { backlog, limit: 4, ..Load::default() };
            let _ = degrade.offer(&Offer { now_ns, events: 1, load, ..Offer::default() });
            degrade.quality.level()
        };
        assert_eq!(after(32), 1.0);
        let level = after(90);
        assert!((0.4..0.7).contains(&level), "{level}");
    }

    #[test]
    fn a_silence_ends_the_overload() {
        let (mut degrade, mut now_ns) = (degrade(0.2..=1.0), 1);
        offered(&mut degrade, &mut now_ns, 10.0, 1000, 0.0);
        now_ns += 60_000_000_000;
        assert!(offered(&mut degrade, &mut now_ns, 0.5, 30, 0.0) > 0.99);
    }

    #[test]
    fn a_range_that_is_none_is_refused_with_its_numbers() {
        for range in [0.0..=1.0, 0.5..=1.5, 1.0..=0.5, f64::NAN..=1.0] {
            let told = degrade(range.clone()).check().unwrap_or_default();
            assert!(told.starts_with(&format!("a quality of {} to {}", range.start(), range.end())), "{told}");
        }
        assert_eq!(degrade(0.01..=1.0).check(), None);
    }
}
