//! Threads that several pipelines of a process share.

use std::{
    fmt,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{stage::core::Shared, sync::lock};

/// Most threads that several pipelines have together: a value that the host makes and gives to each of them, by
/// [`Pipeline::thread_budget`](crate::Pipeline::thread_budget). Nothing is global: pipelines that were not given it do not
/// count.
///
/// It counts threads of domains and of stages, also those that are given as a number; not the one timer thread of each
/// pipeline, nor those of the host's async runtime or of `parallel(..)`. A pipeline takes its least at the start, which is
/// refused if that is more than there is; what its controllers add comes out of the rest, and goes back as they turn down
/// and when it stops. Where nothing is left, knobs whose stages have not needed their threads for a second give some back
/// first, those of the same pipeline and then of the others. Cheap to clone; no method blocks.
///
/// ```
/// use seda_core::{ThreadBudget, prelude::*};
/// let budget = ThreadBudget::new(8);
/// let pipeline = |name: &str| {
///     let mut p = Pipeline::named(name);
///     p.sink("work", drop::<u64>.threads(2..=8));
///     p.thread_budget(&budget);
///     p
/// };
/// let (orders, bills) = (pipeline("orders").start()?, pipeline("bills").start()?);
/// assert_eq!((budget.most(), budget.left()), (8, 4)); // two each, and up to four more for whoever needs them
/// # drop((orders, bills));
/// # assert_eq!(budget.left(), 8);
/// # Ok::<(), seda_core::StartError>(())
/// ```
#[derive(Clone)]
pub struct ThreadBudget(Arc<Pot>);

struct Pot {
    most: usize,
    taken: AtomicUsize,
    /// What somebody wanted at its last look, and did not get.
    missed: AtomicUsize,
    /// Who may give back; bounded by the pipelines that there are.
    givers: Mutex<Vec<(Weak<Shared>, Arc<AtomicUsize>)>>,
}

impl fmt::Debug for ThreadBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ThreadBudget({} of {} left)", self.left(), self.most())
    }
}

impl ThreadBudget {
    /// So many in all.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        let givers = Mutex::default();
        ThreadBudget(Arc::new(Pot { most: threads, taken: AtomicUsize::new(0), missed: AtomicUsize::new(0), givers }))
    }

    /// How many there are in all.
    #[must_use]
    pub fn most(&self) -> usize {
        self.0.most
    }

    /// How many nobody has now.
    #[must_use]
    pub fn left(&self) -> usize {
        self.0.most - self.0.taken.load(Ordering::Relaxed)
    }

    /// As many as there are, up to `n`.
    fn take(&self, n: usize) -> usize {
        let mut got = 0;
        // Nothing else is published by it, so no order is needed.
        let _ = self.0.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            got = n.min(self.0.most - taken);
            Some(taken + got)
        });
        got
    }

    fn give(&self, n: usize) {
        self.0.taken.fetch_sub(n, Ordering::Relaxed);
    }
}

/// What one pipeline has of a budget; without one, all that it wants.
#[derive(Default)]
pub(crate) struct Share {
    of: Option<ThreadBudget>,
    held: AtomicUsize,
    /// Threads that its controllers could turn down to.
    spare: Arc<AtomicUsize>,
}

impl Share {
    /// With its least; how many are left where that is more.
    pub(super) fn begin(of: Option<ThreadBudget>, least: usize, shared: &Arc<Shared>) -> Result<Self, usize> {
        let share = Share { of, held: AtomicUsize::new(0), spare: Arc::default() };
        if !share.take_all(least) {
            return Err(share.of.as_ref().map_or(0, ThreadBudget::left));
        }
        if let Some(budget) = &share.of {
            let mut givers = lock(&budget.0.givers);
            givers.retain(|(shared, _)| shared.strong_count() > 0);
            givers.push((Arc::downgrade(shared), share.spare.clone()));
        }
        Ok(share)
    }

    /// The budget's size, if there is one.
    pub(crate) fn most(&self) -> Option<usize> {
        self.of.as_ref().map(ThreadBudget::most)
    }

    pub(crate) fn left(&self) -> usize {
        self.of.as_ref().map_or(usize::MAX, ThreadBudget::left)
    }

    /// As many as there are, up to `n`.
    pub(crate) fn take(&self, n: usize) -> usize {
        let got = self.of.as_ref().map_or(n, |budget| budget.take(n));
        self.held.fetch_add(got, Ordering::Relaxed);
        got
    }

    /// So many, or none.
    pub(crate) fn take_all(&self, n: usize) -> bool {
        let got = self.take(n);
        if got < n {
            self.give(got);
        }
        got == n
    }

    /// No more than it has: a stop may have given all of it back.
    pub(crate) fn give(&self, n: usize) {
        let rest = |held: usize| Some(held.saturating_sub(n));
        let (Ok(held) | Err(held)) = self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest);
        self.of.iter().for_each(|budget| budget.give(n.min(held)));
    }

    /// What its controllers could give back, if they were asked.
    pub(crate) fn could_give(&self, n: usize) {
        self.spare.store(n, Ordering::Relaxed);
    }

    /// So many are missed here: the others are asked, also those at rest, who have it looked at once.
    pub(crate) fn miss(&self, n: usize) {
        let Some(budget) = &self.of else { return };
        budget.0.missed.store(n, Ordering::Relaxed);
        for (shared, spare) in &*lock(&budget.0.givers) {
            let is_other = !Arc::ptr_eq(spare, &self.spare);
            if let Some(shared) = shared.upgrade().filter(|_| is_other && spare.load(Ordering::Relaxed) > 0) {
                shared.timers.poke();
            }
        }
    }

    /// How many others miss; not asked for again once it was told.
    pub(crate) fn missed(&self) -> usize {
        self.of.as_ref().map_or(0, |budget| budget.0.missed.swap(0, Ordering::Relaxed))
    }

    /// Its threads are gone.
    pub(crate) fn release(&self) {
        let held = self.held.swap(0, Ordering::Relaxed);
        self.of.iter().for_each(|budget| budget.give(held));
        self.could_give(0);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(budget: &ThreadBudget, least: usize) -> Result<Share, usize> {
        Share::begin(Some(budget.clone()), least, &Arc::new(Shared::new(0, "p".to_string())))
    }

    #[test]
    fn pipelines_take_their_least_and_what_is_left_and_give_it_back_at_their_end() {
        let budget = ThreadBudget::new(8);
        let (one, two) = (share(&budget, 3).unwrap(), share(&budget, 2).unwrap());
        assert_eq!((budget.left(), share(&budget, 4).err()), (3, Some(3)));
        assert_eq!((one.take(2), one.take(5), two.take(1)), (2, 1, 0));
        one.give(1);
        assert!(!two.take_all(2) && two.take_all(1));
        drop(one);
        assert_eq!(budget.left(), 5);
        two.release();
        drop(two);
        assert_eq!(budget.left(), 8);
    }

    #[test]
    fn what_one_misses_the_other_hears_once() {
        let budget = ThreadBudget::new(4);
        let (one, two) = (share(&budget, 2).unwrap(), share(&budget, 2).unwrap());
        one.miss(3);
        assert_eq!((two.missed(), two.missed()), (3, 0));
    }

    #[test]
    fn without_a_budget_there_is_no_bound() {
        let share = Share::default();
        assert_eq!((share.take(5), share.most(), share.missed()), (5, None, 0));
    }
}
