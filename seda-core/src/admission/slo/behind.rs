//! The room that stages behind leave: for each way that events take, reckoned when it is asked for.

use super::room::Numbers;
use crate::admission::Ahead;

/// What the stages behind leave for one way.
#[derive(Clone, Debug)]
pub(super) struct Behind {
    ahead: Ahead,
    /// Number of the reckoning that it follows from.
    reckoning: u32,
    /// Most events that may wait here, as the time in handlers behind counts.
    pub(super) room: f64,
    /// Most events that may be on their way to the tightest stage, if that is tighter than this one.
    pub(super) room_ahead: f64,
}

/// Ways by their number, of which there are few.
#[derive(Clone, Debug, Default)]
pub(super) struct Ways {
    ways: Vec<Option<Behind>>,
    reckoning: u32,
}

impl Ways {
    /// The numbers have changed.
    pub(super) fn forget(&mut self) {
        self.reckoning = self.reckoning.wrapping_add(1);
    }

    /// For an offer that meets this, by the numbers of the stage itself, whose handler takes so long.
    pub(super) fn of(&mut self, ahead: &Ahead, numbers: impl FnOnce() -> Numbers) -> &Behind {
        let way = usize::from(ahead.way);
        if self.ways.len() <= way {
            self.ways.resize(way + 1, None);
        }
        let of = |ahead: &Ahead| (ahead.each_ns, ahead.before_ns, ahead.service_ns);
        let reckoning = self.reckoning;
        let kept = &mut self.ways[way];
        let is_fresh = |kept: &Behind| kept.reckoning == reckoning && of(&kept.ahead) == of(ahead);
        if !kept.as_ref().is_some_and(is_fresh) {
            *kept = Some(reckon(*ahead, numbers(), reckoning));
        }
        kept.as_ref().expect("it was just reckoned")
    }
}

fn reckon(ahead: Ahead, own: Numbers, reckoning: u32) -> Behind {
    let service_ns = own.service_ns + ahead.service_ns as f64;
    // How long a standing queue should be here has nothing to do with what is behind.
    let room = Numbers { service_ns, load: 0.0, ..own }.room();
    let there = Numbers { service_ns, ..own };
    Behind { ahead, reckoning, room, room_ahead: room_ahead(ahead, there, own.service_ns) }
}

/// Most events that may be on their way to a stage that is tighter than this one: what may wait there, and what is worked on
/// until it comes there.
fn room_ahead(ahead: Ahead, own: Numbers, mean_ns: f64) -> f64 {
    let each_ns = ahead.each_ns as f64;
    if each_ns <= own.each_ns {
        return f64::INFINITY;
    }
    let there = Numbers { each_ns, spread_ns: each_ns, load: own.load * each_ns / own.each_ns, bursts: 1.0, ..own };
    there.room() + (mean_ns + ahead.before_ns as f64) / each_ns
}
