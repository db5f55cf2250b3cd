//! Which stages of a domain can run, and which of its workers sleep: the waking protocol.
//!
//! A wake-up costs the waker 1.5 µs and the sleeper 5 to 20 µs, so as few as can be: none while an awake worker will
//! look again soon ("brief"), one at a time otherwise, and the woken one wakes the next if work is left.
//!
//! The race that matters, and why nobody sleeps beside work:
//! 1. a worker announces that it sleeps (`asleep` up, `brief` down), then looks at the bits a last time;
//! 2. an offerer sets the bit of its stage, then looks at `asleep` and `brief`.
//!
//! With a full fence between the halves of each, at least one sees the other: the worker stays, or the offerer wakes
//! it. The same pair covers a worker that leaves for a long handler (`brief` down, then a look at the bits). Loom
//! checks both below.

use std::time::Duration;

use crossbeam_utils::CachePadded;

use std::task::Waker;

use crate::sync::{AtomicU64, AtomicUsize, Mutex, Ordering, Thread, fence, model_lock as lock, thread};

const WORD: usize = 64;
/// Every so many picks the search starts elsewhere, so that a stage which others keep overtaking goes next.
const ROTATE: u64 = 16;

/// Bits in order of preference, the most downstream stage first.
pub(crate) struct ReadySet {
    bits: Box<[AtomicU64]>,
    /// For each bit, the run of bits of its strongly connected component, and where to begin in it.
    spans: Box<[(u32, u32)]>,
    cursors: Box<[AtomicUsize]>,
    picks: CachePadded<AtomicU64>,
    /// Awake workers that will look at the bits again within a few microseconds.
    brief: CachePadded<AtomicUsize>,
    asleep: CachePadded<AtomicUsize>,
    /// Every change of `asleep` happens under this lock, with the list.
    sleepers: Mutex<Vec<(usize, Sleeper)>>,
}

enum Sleeper {
    Thread(Thread),
    Task(Waker),
}

impl Sleeper {
    fn wake(self) {
        match self {
            Sleeper::Thread(thread) => thread.unpark(),
            Sleeper::Task(waker) => waker.wake(),
        }
    }
}

impl ReadySet {
    /// `spans[bit]` is the half-open run of bits that share the bit's strongly connected component.
    pub(crate) fn new(spans: Vec<(u32, u32)>) -> Self {
        let words = spans.len().div_ceil(WORD).max(1);
        ReadySet {
            bits: (0..words).map(|_| AtomicU64::new(0)).collect(),
            cursors: spans.iter().map(|_| AtomicUsize::new(0)).collect(),
            spans: spans.into(),
            picks: CachePadded::new(AtomicU64::new(0)),
            brief: CachePadded::new(AtomicUsize::new(0)),
            asleep: CachePadded::new(AtomicUsize::new(0)),
            sleepers: Mutex::new(Vec::new()),
        }
    }

    /// Called under the stage's lock, so that the bit and the queue agree.
    pub(crate) fn set(&self, bit: usize) {
        self.bits[bit / WORD].fetch_or(1 << (bit % WORD), Ordering::SeqCst);
    }

    pub(crate) fn clear(&self, bit: usize) {
        self.bits[bit / WORD].fetch_and(!(1 << (bit % WORD)), Ordering::SeqCst);
    }

    pub(crate) fn any(&self) -> bool {
        self.bits.iter().any(|word| word.load(Ordering::SeqCst) != 0)
    }

    /// The stage to run next: the most downstream one that can, round-robin within its component.
    pub(crate) fn pick(&self) -> Option<usize> {
        let first = self.next(0, self.spans.len())?;
        // Only where there is a choice does the count matter; one stage alone pays nothing for it.
        if self.spans.len() == 1 {
            return Some(first);
        }
        let picks = self.picks.load(Ordering::Relaxed).wrapping_add(1);
        // A count lost between two workers only shifts the rotation.
        self.picks.store(picks, Ordering::Relaxed);
        if picks.is_multiple_of(ROTATE) {
            let from = (picks / ROTATE) as usize % self.spans.len();
            return self.next(from, self.spans.len()).or(Some(first));
        }
        let (low, high) = (self.spans[first].0 as usize, self.spans[first].1 as usize);
        if high - low == 1 {
            return Some(first);
        }
        let from = self.cursors[low].load(Ordering::Relaxed).clamp(low, high);
        let chosen = self.next(from, high).or_else(|| self.next(low, high)).unwrap_or(first);
        self.cursors[low].store(chosen + 1, Ordering::Relaxed);
        Some(chosen)
    }

    /// First set bit in `from..to`.
    fn next(&self, from: usize, to: usize) -> Option<usize> {
        let mut word = from / WORD;
        let mut mask = u64::MAX << (from % WORD);
        while word * WORD < to {
            let found = self.bits[word].load(Ordering::SeqCst) & mask;
            if found != 0 {
                let bit = word * WORD + found.trailing_zeros() as usize;
                return (bit < to).then_some(bit);
            }
            mask = u64::MAX;
            word += 1;
        }
        None
    }

    /// Work came: wakes one worker if none that is awake will look soon.
    pub(crate) fn notify(&self) {
        if self.would_wake() {
            self.wake_one(|brief| brief == 0);
        }
    }

    /// More work is left than one worker should keep: wakes the next one whoever is awake.
    pub(crate) fn wake_another(&self) {
        if self.asleep.load(Ordering::Relaxed) > 0 {
            self.wake_one(|_| true);
        }
    }

    #[cold]
    fn wake_one(&self, still_due: impl Fn(usize) -> bool) {
        let mut sleepers = lock(&self.sleepers);
        if !still_due(self.brief.load(Ordering::SeqCst)) {
            return;
        }
        let Some((_, sleeper)) = sleepers.pop() else { return };
        self.asleep.fetch_sub(1, Ordering::SeqCst);
        // Counted as awake from now on, so that nobody else wakes a second one for the same work.
        self.brief.fetch_add(1, Ordering::SeqCst);
        drop(sleepers);
        sleeper.wake();
    }

    /// Every sleeper wakes: to stop, or because their number changed.
    pub(crate) fn wake_all(&self) {
        let mut sleepers = lock(&self.sleepers);
        self.asleep.fetch_sub(sleepers.len(), Ordering::SeqCst);
        self.brief.fetch_add(sleepers.len(), Ordering::SeqCst);
        let woken = std::mem::take(&mut *sleepers);
        drop(sleepers);
        woken.into_iter().for_each(|(_, sleeper)| sleeper.wake());
    }

    /// A worker begins its life awake.
    pub(crate) fn enter(&self) {
        self.brief.fetch_add(1, Ordering::SeqCst);
    }

    /// A worker ends; if work is left, another one must see it.
    pub(crate) fn leave(&self) {
        self.brief.fetch_sub(1, Ordering::SeqCst);
        self.look_for_others();
    }

    /// Whether work that comes now would wake a worker.
    pub(crate) fn would_wake(&self) -> bool {
        fence(Ordering::SeqCst);
        self.asleep.load(Ordering::SeqCst) > 0 && self.brief.load(Ordering::SeqCst) == 0
    }

    /// A caller is awake in place of a worker that it would have woken; false if another one was quicker, who will see
    /// the work.
    pub(crate) fn enter_for_a_sleeper(&self) -> bool {
        self.brief.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// A caller leaves, unless work came that nobody else would take: then it is still awake.
    pub(crate) fn leave_unless_work(&self) -> bool {
        self.brief.fetch_sub(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        self.any() && self.enter_for_a_sleeper()
    }

    /// A worker goes into a handler for longer than a wake-up takes.
    pub(crate) fn begin_long(&self) {
        self.brief.fetch_sub(1, Ordering::SeqCst);
        self.look_for_others();
    }

    pub(crate) fn end_long(&self) {
        self.brief.fetch_add(1, Ordering::SeqCst);
    }

    fn look_for_others(&self) {
        fence(Ordering::SeqCst);
        if self.any() {
            self.notify();
        }
    }

    /// A handler that is known as brief may have turned out long: wakes a sleeper if there is work that nobody takes.
    pub(crate) fn rescue(&self) {
        if self.any() {
            self.wake_another();
        }
    }

    /// True while nobody runs or looks for work.
    pub(crate) fn all_asleep(&self, workers: usize) -> bool {
        self.asleep.load(Ordering::SeqCst) >= workers
    }

    /// Sleeps until woken, unless there is work or a reason to stay. Returns true if it slept.
    pub(crate) fn sleep(&self, worker: usize, stay: impl Fn() -> bool) -> bool {
        if !self.lie_down(worker, Sleeper::Thread(thread::current()), stay) {
            return false;
        }
        while self.is_asleep(worker) {
            thread::park();
        }
        true
    }

    /// The same for a task: true if it is to return and wait for its waker, which may have been called already.
    pub(crate) fn doze(&self, worker: usize, waker: Waker, stay: impl Fn() -> bool) -> bool {
        self.lie_down(worker, Sleeper::Task(waker), stay)
    }

    /// A task that sleeps is polled: whether it sleeps on, with its latest waker.
    pub(crate) fn dozes_on(&self, worker: usize, waker: &Waker) -> bool {
        let mut sleepers = lock(&self.sleepers);
        let Some((_, sleeper)) = sleepers.iter_mut().find(|(id, _)| *id == worker) else { return false };
        *sleeper = Sleeper::Task(waker.clone());
        true
    }

    /// A worker ends in its sleep. Where it was just woken, it must look for others.
    pub(crate) fn leave_asleep(&self, worker: usize) {
        self.take_back(worker);
        self.leave();
    }

    fn lie_down(&self, worker: usize, sleeper: Sleeper, stay: impl Fn() -> bool) -> bool {
        {
            let mut sleepers = lock(&self.sleepers);
            sleepers.push((worker, sleeper));
            self.asleep.fetch_add(1, Ordering::SeqCst);
            self.brief.fetch_sub(1, Ordering::SeqCst);
        }
        fence(Ordering::SeqCst);
        !((self.any() || stay()) && self.take_back(worker))
    }

    /// False if a waker was quicker; then it has counted this worker as awake.
    fn take_back(&self, worker: usize) -> bool {
        let mut sleepers = lock(&self.sleepers);
        let Some(at) = sleepers.iter().position(|(id, _)| *id == worker) else { return false };
        sleepers.swap_remove(at);
        self.asleep.fetch_sub(1, Ordering::SeqCst);
        self.brief.fetch_add(1, Ordering::SeqCst);
        true
    }

    fn is_asleep(&self, worker: usize) -> bool {
        lock(&self.sleepers).iter().any(|(id, _)| *id == worker)
    }
}

/// A handler expected to take longer than this counts as long: what a wake-up costs.
pub(crate) const LONG: Duration = Duration::from_micros(10);

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn line(stages: u32) -> ReadySet {
        ReadySet::new((0..stages).map(|bit| (bit, bit + 1)).collect())
    }

    #[test]
    fn the_most_downstream_stage_goes_first() {
        let set = line(130);
        set.set(129);
        set.set(70);
        assert_eq!(set.pick(), Some(70));
        set.clear(70);
        assert_eq!(set.pick(), Some(129));
        set.clear(129);
        assert_eq!(set.pick(), None);
    }

    #[test]
    fn an_overtaken_stage_goes_next_after_a_bounded_number_of_picks() {
        let set = line(5);
        set.set(0);
        set.set(4);
        let picks = (0..ROTATE * 5).filter_map(|_| set.pick());
        assert!(picks.into_iter().any(|bit| bit == 4));
    }

    #[test]
    fn stages_of_a_cycle_take_turns() {
        let set = ReadySet::new(vec![(0, 1), (1, 4), (1, 4), (1, 4)]);
        (1..4).for_each(|bit| set.set(bit));
        let picks: Vec<_> = (0..6).filter_map(|_| set.pick()).collect();
        assert_eq!(picks, [1, 2, 3, 1, 2, 3]);
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use loom::sync::Arc;

    use super::*;

    fn set() -> Arc<ReadySet> {
        Arc::new(ReadySet::new(vec![(0, 1), (1, 2)]))
    }

    /// Takes all work that there is; where two pick the same, one gets it, as under the stage's lock.
    fn take_all(set: &ReadySet, found: &AtomicUsize) {
        while let Some(bit) = set.pick() {
            if set.bits[0].fetch_and(!(1 << bit), Ordering::SeqCst) & (1 << bit) != 0 {
                found.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    /// Runs until `done` pieces of work were found, as the worker loop does.
    fn work(set: &ReadySet, me: usize, found: &AtomicUsize, done: usize) {
        set.enter();
        loop {
            take_all(set, found);
            if found.load(Ordering::SeqCst) >= done {
                break;
            }
            set.sleep(me, || found.load(Ordering::SeqCst) >= done);
        }
        set.leave();
        set.wake_all();
    }

    #[test]
    fn loom_a_worker_never_sleeps_beside_work() {
        loom::model(|| {
            let (set, found) = (set(), Arc::new(AtomicUsize::new(0)));
            let worker = {
                let (set, found) = (set.clone(), found.clone());
                loom::thread::spawn(move || work(&set, 0, &found, 1))
            };
            set.set(0);
            set.notify();
            worker.join().unwrap();
            assert_eq!(found.load(Ordering::SeqCst), 1);
        });
    }

    #[test]
    fn loom_work_that_comes_during_a_long_handler_finds_a_sleeper() {
        loom::model(|| {
            let (set, found) = (set(), Arc::new(AtomicUsize::new(0)));
            // A worker is in its loop; it will be inside a handler that returns only after the other one has found the
            // event.
            set.enter();
            let sleeper = {
                let (set, found) = (set.clone(), found.clone());
                loom::thread::spawn(move || work(&set, 1, &found, 1))
            };
            let offerer = {
                let set = set.clone();
                loom::thread::spawn(move || {
                    set.set(1);
                    set.notify();
                })
            };
            set.begin_long();
            sleeper.join().unwrap();
            set.end_long();
            offerer.join().unwrap();
            assert_eq!(found.load(Ordering::SeqCst), 1);
        });
    }

    #[test]
    fn loom_a_caller_that_leaves_strands_nothing() {
        loom::model(|| {
            let (set, found) = (set(), Arc::new(AtomicUsize::new(0)));
            let worker = {
                let (set, found) = (set.clone(), found.clone());
                loom::thread::spawn(move || work(&set, 0, &found, 2))
            };
            let offerer = {
                let set = set.clone();
                loom::thread::spawn(move || {
                    set.set(0);
                    set.notify();
                })
            };
            // A caller: its own work, and what comes while it is there.
            set.set(1);
            set.enter();
            loop {
                take_all(&set, &found);
                if !set.leave_unless_work() {
                    break;
                }
            }
            // Where the caller found the last piece, the worker still sleeps.
            if found.load(Ordering::SeqCst) == 2 {
                set.wake_all();
            }
            worker.join().unwrap();
            offerer.join().unwrap();
            assert_eq!(found.load(Ordering::SeqCst), 2);
        });
    }

    #[test]
    fn loom_two_workers_find_all_work_of_two_offerers() {
        loom::model(|| {
            let (set, found) = (set(), Arc::new(AtomicUsize::new(0)));
            let worker = {
                let (set, found) = (set.clone(), found.clone());
                loom::thread::spawn(move || work(&set, 0, &found, 2))
            };
            let offerer = {
                let set = set.clone();
                loom::thread::spawn(move || {
                    set.set(0);
                    set.notify();
                })
            };
            set.set(1);
            set.notify();
            work(&set, 1, &found, 2);
            worker.join().unwrap();
            offerer.join().unwrap();
        });
    }
}
