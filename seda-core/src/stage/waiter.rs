//! Who waits for room at a full queue.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
    thread::Thread,
};

/// Woken once, then gone: whoever still finds no room queues up again.
pub(crate) enum Waiter {
    /// An offerer outside, blocked in `offer`.
    Thread(Arc<Blocked>),
    /// A future, told apart by its number.
    Task(usize, Waker),
    /// A place of an upstream stage, set aside with what it could not hand on. `standing` is true until it is woken, so
    /// that a lane has one waiter at most.
    Place { stage: Arc<dyn Resume>, place: u32, standing: Arc<AtomicBool> },
    /// A source that waits for the byte budget.
    Source(Arc<dyn Resume>),
}

/// A stage whose places can be set aside.
pub(crate) trait Resume: Send + Sync {
    /// The place can go on: from any thread; takes the stage's lock.
    fn resume(&self, place: u32);

    /// The source can be pulled again.
    fn source_ready(&self);
}

impl Waiter {
    /// Call without holding a stage's lock.
    pub(crate) fn wake(self) {
        match self {
            Waiter::Thread(blocked) => blocked.wake(),
            Waiter::Task(_, waker) => waker.wake(),
            Waiter::Place { stage, place, standing } => {
                standing.store(false, Ordering::Release);
                stage.resume(place);
            }
            Waiter::Source(stage) => stage.source_ready(),
        }
    }
}

/// A blocked thread.
pub(crate) struct Blocked {
    thread: Thread,
    woken: AtomicBool,
}

impl Blocked {
    pub(crate) fn new() -> Self {
        Blocked { thread: std::thread::current(), woken: AtomicBool::new(false) }
    }

    fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    pub(crate) fn reset(&self) {
        self.woken.store(false, Ordering::Release);
    }
}
