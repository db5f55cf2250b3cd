use std::time::Duration;

use crate::{
    control::{Advice, Controller, Processor, Sight, StageSight},
    options::Threads,
};

/// A window made up, to see what a controller says of it: for the unit test of one of your own, without a pipeline.
///
/// A stage of it has done nothing but what is set; times default to zero. [`show`](Window::show) leaves the knob where the
/// advice puts it, so that several windows in a row can be shown.
///
/// ```
/// use seda_core::{Advice, Controller, Sight, prelude::*, test::Window};
///
/// /// One thread for every ten events that wait.
/// struct OneForTen;
///
/// impl Controller for OneForTen {
///     fn look(&mut self, sight: &Sight<'_>) -> Advice {
///         let waiting: usize = sight.stages.iter().map(|stage| stage.queue_len).sum();
///         Advice::turn(1 + waiting / 10, format!("{waiting} wait"))
///     }
/// }
///
/// let mut window = Window::of("stage.price.threads", 2, 1..=8).stage("price", |price| price.queue_len = 45);
/// assert_eq!(window.show(&mut OneForTen), Advice::turn(5, "45 wait"));
/// assert_eq!(window.value(), 5);
/// let mut flooded = Window::of("stage.price.threads", 2, 1..=8).stage("price", |price| price.queue_len = 900);
/// assert_eq!(flooded.show(&mut OneForTen), Advice::turn(8, "900 wait")); // no more than the range has
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Window {
    key: String,
    value: usize,
    range: Threads,
    lasting: Duration,
    stages: Vec<StageSight>,
    processor: Option<Processor>,
}

impl Window {
    /// Of 100 ms, for the knob of that key, where it stands and where it may; no stage is behind it yet, and nothing is known
    /// of the processor.
    pub fn of(key: impl Into<String>, value: usize, range: impl Into<Threads>) -> Self {
        let lasting = Duration::from_millis(100);
        Window { key: key.into(), value, range: range.into(), lasting, stages: Vec::new(), processor: None }
    }

    /// The time since the last look. Default 100 ms.
    pub fn lasting(self, time: Duration) -> Self {
        Window { lasting: time, ..self }
    }

    /// A stage behind the knob, and what it did in the window.
    pub fn stage(mut self, name: impl Into<String>, did: impl FnOnce(&mut StageSight)) -> Self {
        let mut stage = StageSight { name: name.into(), queue_bound: 1000, ..StageSight::default() };
        did(&mut stage);
        self.stages.push(stage);
        self
    }

    /// Cores of the machine, and what the threads had of them: time that they computed, and time that they waited for a core.
    pub fn processor(self, cores: f64, computed: Duration, queued: Duration) -> Self {
        Window { processor: Some(Processor::new(cores, computed, queued)), ..self }
    }

    /// Where the knob stands.
    #[must_use]
    pub fn value(&self) -> usize {
        self.value
    }

    /// What a controller sees.
    #[must_use]
    pub fn sight(&self) -> Sight<'_> {
        let Window { key, value, range, lasting, stages, processor } = self;
        Sight { key, value: *value, range: *range, window: *lasting, stages, processor: *processor }
    }

    /// What it says of it, brought into the range as a pipeline does.
    pub fn show(&mut self, to: &mut impl Controller) -> Advice {
        let advice = match to.look(&self.sight()) {
            Advice::Turn { to, why } => Advice::Turn { to: self.sight().clamp(to), why },
            hold => hold,
        };
        if let Advice::Turn { to, .. } = advice {
            self.value = to;
        }
        advice
    }
}
