//! Who waits for room at a full queue.

use std::{sync::Arc, task::Waker};

use crate::sync::{AtomicBool, Ordering, Thread, thread};

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

pub(crate) fn wake_all(waiters: Vec<Waiter>) {
    waiters.into_iter().for_each(Waiter::wake);
}

/// A blocked thread.
pub(crate) struct Blocked {
    thread: Thread,
    woken: AtomicBool,
}

impl Blocked {
    pub(crate) fn new() -> Self {
        Blocked { thread: thread::current(), woken: AtomicBool::new(false) }
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

#[cfg(all(test, loom))]
mod loom_models {
    use loom::sync::Mutex;

    use super::*;

    /// The way of `Entry::offer` and of a take: a full queue with one place, an offerer that leaves a waiter under the
    /// lock, a worker that makes room under it and wakes outside.
    #[test]
    fn loom_a_blocked_offerer_is_woken_by_the_take_that_makes_room() {
        loom::model(|| {
            let gate = loom::sync::Arc::new(Mutex::new((1, None::<Waiter>)));
            let worker = {
                let gate = gate.clone();
                loom::thread::spawn(move || {
                    let waiter = {
                        let mut gate = gate.lock().unwrap();
                        gate.0 -= 1;
                        gate.1.take()
                    };
                    waiter.into_iter().for_each(Waiter::wake);
                })
            };
            let blocked = Arc::new(Blocked::new());
            loop {
                blocked.reset();
                {
                    let mut gate = gate.lock().unwrap();
                    if gate.0 == 0 {
                        break;
                    }
                    gate.1 = Some(Waiter::Thread(blocked.clone()));
                }
                while !blocked.is_woken() {
                    thread::park();
                }
            }
            worker.join().unwrap();
        });
    }
}
