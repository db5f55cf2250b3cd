//! Whether growth paid: after each, throughput is compared with that before (the slope test of Protego, NSDI 2023, on the
//! moves that another rule makes).

use std::time::Duration;

/// A tenth more threads should give so much more throughput, or the growth is taken back.
pub(super) const THETA: f64 = 0.03;
/// The first look after a growth is of threads that were still to start.
const SETTLE: u32 = 1;
/// Looks of a trial: at least so many, then as many as the noise asks for, at most so many.
const LOOKS: u32 = 3;
const LOOKS_MOST: u32 = 30;
/// How long a growth that did not pay is not tried again; doubled each time, up to the most.
const HOLD: Duration = Duration::from_secs(10);
const HOLD_MOST: Duration = Duration::from_secs(300);
/// What is left of older samples at each look.
const KEEP: f64 = 0.8;

/// Events over time.
#[derive(Clone, Copy, Default, Debug)]
struct Flow {
    events: f64,
    secs: f64,
}

impl Flow {
    fn rate(self) -> f64 {
        if self.secs > 0.0 { self.events / self.secs } else { 0.0 }
    }
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    from: usize,
    to: usize,
    before: Flow,
    after: Flow,
    looks: u32,
    unmet: u32,
}

/// What the test says.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Judgement {
    /// Nothing is tried.
    None,
    /// Too early to tell.
    Wait,
    /// The noise hides it still.
    Unsure,
    /// It did not pay: back to this number, as throughput came to so many times what it was.
    Back { to: usize, gain: f64 },
}

#[derive(Debug)]
pub(super) struct Slope {
    flow: Flow,
    trial: Option<Trial>,
    ceiling: Option<(usize, Duration)>,
    hold: Duration,
}

impl Default for Slope {
    fn default() -> Self {
        Slope { flow: Flow::default(), trial: None, ceiling: None, hold: HOLD }
    }
}

/// A window, as the test sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Saw {
    pub(super) value: usize,
    pub(super) settled: u64,
    pub(super) window: Duration,
    /// Demand waits for workers, all of which are busy.
    pub(super) unmet: bool,
    /// Standard deviation of the service time over its mean.
    pub(super) deviation: f64,
}

impl Slope {
    /// The knob is to go up; further up, if it is still seen whether that paid.
    pub(super) fn begin(&mut self, from: usize, to: usize) {
        let (from, before) = self.trial.map_or((from, self.flow), |trial| (trial.from, trial.before));
        self.trial = Some(Trial { from, to, before, after: Flow::default(), looks: 0, unmet: 0 });
    }

    /// Growth beyond this is not to be tried now, and for how long not.
    pub(super) fn ceiling(&self) -> Option<(usize, Duration)> {
        self.ceiling
    }

    pub(super) fn look(&mut self, saw: &Saw) -> Judgement {
        if let Some((_, left)) = &mut self.ceiling {
            *left = left.saturating_sub(saw.window);
            self.ceiling = self.ceiling.filter(|(_, left)| !left.is_zero());
        }
        self.flow.events = self.flow.events * KEEP + saw.settled as f64;
        self.flow.secs = self.flow.secs * KEEP + saw.window.as_secs_f64();
        let Some(mut trial) = self.trial.take() else { return Judgement::None };
        // Somebody else turned it, or it was not turned.
        if saw.value != trial.to {
            return Judgement::None;
        }
        trial.looks += 1;
        if trial.looks <= SETTLE {
            self.flow = Flow::default();
            self.trial = Some(trial);
            return Judgement::Wait;
        }
        trial.after.events += saw.settled as f64;
        trial.after.secs += saw.window.as_secs_f64();
        trial.unmet += u32::from(saw.unmet);
        let looks = trial.looks - SETTLE;
        let unsure = trial.is_noisy(saw.deviation) || trial.is_near(saw.deviation);
        if looks < LOOKS || (unsure && looks < LOOKS_MOST) {
            self.trial = Some(trial);
            return if looks < LOOKS { Judgement::Wait } else { Judgement::Unsure };
        }
        self.judge(&trial, looks)
    }

    fn judge(&mut self, trial: &Trial, looks: u32) -> Judgement {
        let gain = trial.gain();
        // Demand that is met needs no more throughput, and what the noise hides is left as it is.
        if trial.unmet * 2 < looks || looks >= LOOKS_MOST || gain >= trial.needs() {
            self.hold = HOLD;
            return Judgement::None;
        }
        // As many as would give what there was, had each been worth as much as those before; a quarter is noise.
        let worth = (trial.from as f64 * gain - 0.25).ceil().max(0.0) as usize;
        let to = worth.clamp(trial.from, trial.to - 1);
        self.ceiling = Some((to, self.hold));
        self.hold = (self.hold * 2).min(HOLD_MOST);
        Judgement::Back { to, gain }
    }
}

impl Trial {
    fn gain(&self) -> f64 {
        self.after.rate() / self.before.rate().max(1e-9)
    }

    fn grown(&self) -> f64 {
        self.to as f64 / self.from as f64 - 1.0
    }

    /// A gain that paid.
    fn needs(&self) -> f64 {
        1.0 + THETA * self.grown() * 10.0
    }

    /// Twice the standard error of the gain, as a share of it.
    fn doubt(&self, deviation: f64) -> f64 {
        let of = |flow: Flow| 1.0 / flow.events.max(1.0);
        2.0 * (deviation * deviation * (of(self.before) + of(self.after))).sqrt()
    }

    /// That is still more than what would show that it paid in half.
    fn is_noisy(&self, deviation: f64) -> bool {
        self.doubt(deviation) > 0.5 * self.grown()
    }

    /// The gain is so near to the one that pays that chance may have put it on that side: before a stage has seen many of
    /// its slow events, it seems to have been quicker than it was.
    fn is_near(&self, deviation: f64) -> bool {
        (self.gain() - self.needs()).abs() < self.doubt(deviation) * self.gain()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saw(value: usize, settled: u64, unmet: bool) -> Saw {
        Saw { value, settled, window: Duration::from_millis(100), unmet, deviation: 0.0 }
    }

    /// Ten looks at 100 events, growth from 2 to 4, then looks at so many events.
    fn after_growth(settled: u64, unmet: bool) -> (Slope, Vec<Judgement>) {
        let mut slope = Slope::default();
        (0..10).for_each(|_| assert_eq!(slope.look(&saw(2, 100, true)), Judgement::None));
        slope.begin(2, 4);
        let judged = (0..4).map(|_| slope.look(&saw(4, settled, unmet))).collect();
        (slope, judged)
    }

    #[test]
    fn growth_that_gave_nothing_goes_back_and_is_held_down_for_ten_seconds() {
        let (mut slope, judged) = after_growth(102, true);
        assert_eq!(judged[..3], [Judgement::Wait; 3]);
        assert!(matches!(judged[3], Judgement::Back { to: 2, .. }), "{judged:?}");
        (0..99).for_each(|_| assert_eq!(slope.look(&saw(2, 100, true)), Judgement::None));
        assert!(slope.ceiling().is_some());
        slope.look(&saw(2, 100, true));
        assert!(slope.ceiling().is_none());
    }

    #[test]
    fn growth_that_gave_half_goes_back_by_half_and_what_paid_or_met_the_demand_stays() {
        assert!(matches!(after_growth(120, true).1[3], Judgement::Back { to: 3, .. }));
        assert_eq!(after_growth(200, true).1[3], Judgement::None);
        assert_eq!(after_growth(100, false).1[3], Judgement::None);
    }

    #[test]
    fn a_gain_that_chance_may_have_hidden_is_looked_at_for_longer() {
        let mut slope = Slope::default();
        let noisy = |value, settled| Saw { deviation: 2.4, ..saw(value, settled, true) };
        (0..5).for_each(|_| assert_eq!(slope.look(&noisy(1, 100)), Judgement::None));
        slope.begin(1, 3);
        (0..3).for_each(|_| assert_eq!(slope.look(&noisy(3, 128)), Judgement::Wait));
        // A growth to three times as many should give 1.6 times as much: 1.28 is under that, by less than chance.
        assert_eq!(slope.look(&noisy(3, 128)), Judgement::Unsure);
        // Later ones give more, and it stays.
        let later: Vec<Judgement> = (0..30).map(|_| slope.look(&noisy(3, 300))).collect();
        assert!(later.iter().all(|judged| matches!(judged, Judgement::Unsure | Judgement::None)), "{later:?}");
        assert!(slope.ceiling().is_none());
    }

    #[test]
    fn a_knob_that_somebody_else_turned_ends_the_trial() {
        let mut slope = Slope::default();
        slope.begin(2, 4);
        assert_eq!(slope.look(&saw(3, 100, true)), Judgement::None);
    }
}
