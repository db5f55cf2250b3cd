//! Where a controller's knob stands over time.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use seda::{Running, ms};

const LOOK: Duration = ms(50);

/// What a knob stood at, by the time since the look began.
pub(crate) struct Track(Vec<(Duration, usize)>);

/// Does something, and looks meanwhile where the first knob of the pipeline stands.
pub(crate) fn tracked<T>(running: &Running, what: impl FnOnce() -> T) -> (T, Track) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let looks = scope.spawn(|| {
            let (mut all, began) = (Vec::new(), Instant::now());
            while !stop.load(Relaxed) {
                all.extend(running.snapshot().knobs.first().map(|knob| (began.elapsed(), knob.value)));
                thread::sleep(LOOK);
            }
            Track(all)
        });
        let done = what();
        stop.store(true, Relaxed);
        (done, looks.join().expect("a look does not panic"))
    })
}

impl Track {
    /// The last one.
    pub(crate) fn last(&self) -> usize {
        self.0.last().map_or(0, |(_, value)| *value)
    }

    /// The first one.
    pub(crate) fn first(&self) -> usize {
        self.0.first().map_or(0, |(_, value)| *value)
    }

    /// After this time it stood where `is_right` says.
    pub(crate) fn settled(&self, is_right: impl Fn(usize) -> bool) -> Duration {
        self.0.iter().rev().find(|(_, value)| !is_right(*value)).map_or(Duration::ZERO, |(at, _)| *at)
    }

    /// How far it went from where it stood first.
    pub(crate) fn strayed(&self) -> usize {
        self.0.iter().map(|(_, value)| value.abs_diff(self.first())).max().unwrap_or(0)
    }
}

/// What controllers did, a line each, for whoever reads along.
pub(crate) fn decisions(running: &Running) -> String {
    let snapshot = running.snapshot();
    let lines = snapshot.decisions.iter().map(|decision| format!("  at {:.1?}: {decision}\n", decision.at));
    lines.collect()
}
