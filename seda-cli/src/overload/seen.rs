//! What the clients saw: every request with its fate, and what that is in figures.

use std::{
    ops::Range,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Percentile that is shown.
const LATE_SHARE: f64 = 0.99;

/// What was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// A thumbnail to be drawn.
    Thumbnail,
    /// A file that the cache has.
    File,
}

/// What came of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// The answer came so long after the time at which the request was due.
    Good(Duration),
    /// 503: refused, and told when to come again.
    Refused,
    /// The client had waited long enough, and left.
    GaveUp,
    /// Another answer, or a broken connection.
    Broken,
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// When it was due, from the start of the pass.
    pub due: Duration,
    /// What was asked for.
    pub target: Target,
    /// What came of it.
    pub fate: Fate,
}

/// Where clients write what they see while others read it.
#[derive(Debug, Default)]
pub struct Board {
    seen: Mutex<Vec<Seen>>,
    offered: AtomicU64,
    step: AtomicUsize,
    stopped: AtomicBool,
}

/// Figures of a stretch of time. Rates are per second, of thumbnails alone.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Figures {
    /// Asked for.
    pub offered: f64,
    /// Came while the client was still waiting.
    pub good: f64,
    /// Refused.
    pub refused: f64,
    /// Admitted, and the client left before it came.
    pub gave_up: f64,
    /// Found no connection, or got an answer that is none.
    pub broken: f64,
    /// 99 in a hundred of the admitted were there after so long; who left counts with the time that it had waited. None
    /// if none was admitted.
    pub p99: Option<Duration>,
    /// The same of files.
    pub file_p99: Option<Duration>,
}

impl Board {
    /// Something is asked for.
    pub(super) fn offer(&self) {
        self.offered.fetch_add(1, Ordering::Relaxed);
    }

    /// Something came of it.
    pub(super) fn note(&self, seen: Seen) {
        self.seen().push(seen);
    }

    pub(super) fn begin(&self, step: usize) {
        self.step.store(step, Ordering::Relaxed);
    }

    /// The step that is under way, from 0.
    pub fn step(&self) -> usize {
        self.step.load(Ordering::Relaxed)
    }

    /// Clients are to leave.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Thumbnails that were asked for so far, and requests of which something came.
    pub fn mark(&self) -> (u64, usize) {
        (self.offered.load(Ordering::Relaxed), self.seen().len())
    }

    /// Figures since a mark, so long ago.
    pub fn since(&self, mark: (u64, usize), patience: Duration, ago: Duration) -> Figures {
        let offered = self.offered.load(Ordering::Relaxed) - mark.0;
        let figures = Figures::of(self.seen()[mark.1..].iter(), patience, ago);
        Figures { offered: offered as f64 / ago.as_secs_f64().max(1e-9), ..figures }
    }

    /// Figures of what was due in that time.
    pub fn during(&self, due: &Range<Duration>, patience: Duration) -> Figures {
        Figures::of(self.seen().iter().filter(|seen| due.contains(&seen.due)), patience, due.end - due.start)
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        // Nothing that panics is called under it.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Figures {
    fn of<'a>(seen: impl Iterator<Item = &'a Seen>, patience: Duration, time: Duration) -> Self {
        let (files, thumbnails): (Vec<&Seen>, Vec<&Seen>) = seen.partition(|seen| seen.target == Target::File);
        let count = |is: fn(&Fate) -> bool| {
            thumbnails.iter().filter(|seen| is(&seen.fate)).count() as f64 / time.as_secs_f64().max(1e-9)
        };
        Figures {
            offered: count(|_| true),
            good: count(|fate| matches!(fate, Fate::Good(_))),
            refused: count(|fate| *fate == Fate::Refused),
            gave_up: count(|fate| *fate == Fate::GaveUp),
            broken: count(|fate| *fate == Fate::Broken),
            p99: p99(&thumbnails, patience),
            file_p99: p99(&files, patience),
        }
    }

    /// Share of the offered that was refused.
    pub fn refused_share(&self) -> f64 {
        if self.offered > 0.0 { self.refused / self.offered } else { 0.0 }
    }
}

/// Nearest rank, over what was admitted.
fn p99(seen: &[&Seen], patience: Duration) -> Option<Duration> {
    let latency = |seen: &&Seen| match seen.fate {
        Fate::Good(latency) => Some(latency.min(patience)),
        Fate::GaveUp => Some(patience),
        Fate::Refused | Fate::Broken => None,
    };
    let mut latencies: Vec<Duration> = seen.iter().filter_map(latency).collect();
    latencies.sort_unstable();
    let rank = (latencies.len() as f64 * LATE_SHARE).ceil() as usize;
    latencies.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    fn board(fates: impl IntoIterator<Item = Fate>) -> Board {
        let board = Board::default();
        for (at, fate) in fates.into_iter().enumerate() {
            board.offer();
            board.note(Seen { due: Duration::from_millis(10 * at as u64), target: Target::Thumbnail, fate });
        }
        board
    }

    fn good(milliseconds: u64) -> Fate {
        Fate::Good(Duration::from_millis(milliseconds))
    }

    #[test]
    fn rates_are_of_what_was_due_in_the_time() {
        let board = board((0..100).map(|at| if at % 4 == 0 { good(5) } else { Fate::Refused }));
        let figures = board.during(&(Duration::ZERO..Duration::from_millis(500)), PATIENCE);
        assert_eq!((figures.offered, figures.good, figures.refused), (100.0, 26.0, 74.0));
        assert_eq!(figures.refused_share(), 0.74);
    }

    #[test]
    fn the_percentile_is_that_of_the_admitted_and_who_left_waited_as_long_as_it_did() {
        let all = Duration::ZERO..Duration::from_secs(10);
        let late = |fates: Vec<Fate>| board(fates).during(&all, PATIENCE).p99;
        assert_eq!(late((1..=100).map(good).collect()), Some(Duration::from_millis(99)));
        assert_eq!(late((1..=100).map(good).chain([Fate::GaveUp; 2]).collect()), Some(PATIENCE));
        assert_eq!(late(vec![Fate::Refused, good(7), Fate::Broken]), Some(Duration::from_millis(7)));
        assert_eq!(late(vec![Fate::Refused]), None);
    }

    #[test]
    fn a_file_counts_apart() {
        let board = board([good(7)]);
        let due = Duration::from_millis(1);
        board.note(Seen { due, target: Target::File, fate: good(3) });
        let figures = board.during(&(Duration::ZERO..PATIENCE), PATIENCE);
        assert_eq!((figures.good, figures.file_p99), (1.0, Some(Duration::from_millis(3))));
    }

    #[test]
    fn what_came_after_a_mark_is_what_is_live() {
        let board = board([good(7), good(8)]);
        let mark = board.mark();
        board.offer();
        board.note(Seen { due: PATIENCE, target: Target::Thumbnail, fate: Fate::Refused });
        let now = board.since(mark, PATIENCE, Duration::from_millis(500));
        assert_eq!((now.offered, now.good, now.refused, now.p99), (2.0, 0.0, 2.0, None));
    }
}
