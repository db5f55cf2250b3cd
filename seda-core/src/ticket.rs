//! The ticket of an ask: it rides in the envelope's box, the first answer wins, and when its last copy is dropped the
//! asker hears of the loss.

use std::{
    any::Any,
    fmt,
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use crate::outcome::Refusal;
use crate::sync::{Condvar, Mutex, model_lock as lock};

/// Why no answer will come.
#[derive(Clone, Debug)]
pub(crate) enum Loss {
    Refused(Refusal),
    Failed(String),
    Filtered,
    Expired,
    Dropped,
    Cancelled,
}

/// One asker's copy on an event. Clones travel with the copies of the event.
#[derive(Clone)]
pub(crate) struct Ticket(Arc<Stub>);

struct Stub {
    ask: u32,
    cell: Arc<dyn Asker>,
    /// The first thing that went wrong with any copy; told when the last one is gone.
    loss: Mutex<Option<Loss>>,
}

/// The asker's end, with the type of the reply erased.
trait Asker: Send + Sync {
    fn lose(&self, loss: Loss);
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl Ticket {
    pub(crate) fn new<R: Send + 'static>(ask: u32, cell: Arc<ReplyCell<R>>) -> Self {
        Ticket(Arc::new(Stub { ask, cell, loss: Mutex::new(None) }))
    }

    pub(crate) fn ask(&self) -> u32 {
        self.0.ask
    }

    /// Notes why this copy ends; the first note counts.
    pub(crate) fn note(&self, loss: Loss) {
        lock(&self.0.loss).get_or_insert(loss);
    }

    /// Gives the answer; hands it back where it comes late, second, or for an ask of another type.
    pub(crate) fn answer<R: Send + 'static>(&self, reply: R) -> Result<(), R> {
        match self.0.cell.clone().as_any().downcast::<ReplyCell<R>>() {
            Ok(cell) => cell.answer(reply),
            Err(_) => Err(reply),
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket(ask {})", self.0.ask)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        let loss = lock(&self.loss).take().unwrap_or(Loss::Filtered);
        self.cell.lose(loss);
    }
}

/// Where the reply is waited for.
pub(crate) struct ReplyCell<R> {
    state: Mutex<State<R>>,
    changed: Condvar,
}

enum State<R> {
    Waiting(Option<Waker>),
    Ended(Result<R, Loss>),
    /// The asker has its answer, or has gone.
    Gone,
}

impl<R> ReplyCell<R> {
    pub(crate) fn new() -> Self {
        ReplyCell { state: Mutex::new(State::Waiting(None)), changed: Condvar::new() }
    }

    fn answer(&self, reply: R) -> Result<(), R> {
        self.end(Ok(reply)).map_err(|unheard| match unheard {
            Ok(reply) => reply,
            Err(_) => unreachable!("an answer comes back as an answer"),
        })
    }

    fn end(&self, result: Result<R, Loss>) -> Result<(), Result<R, Loss>> {
        let mut state = lock(&self.state);
        let State::Waiting(waker) = &mut *state else { return Err(result) };
        let waker = waker.take();
        *state = State::Ended(result);
        drop(state);
        self.changed.notify_one();
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Takes the end if it has come; else leaves a waker, or one wait of at most `timeout`.
    pub(crate) fn poll(&self, waker: &Waker) -> Poll<Result<R, Loss>> {
        let mut state = lock(&self.state);
        match &mut *state {
            State::Waiting(slot) => {
                if !slot.as_ref().is_some_and(|old| old.will_wake(waker)) {
                    *slot = Some(waker.clone());
                }
                Poll::Pending
            }
            _ => Poll::Ready(take_end(&mut state)),
        }
    }

    /// Blocks for at most `timeout`; `None` when it has passed.
    #[cfg(not(loom))]
    pub(crate) fn wait(&self, timeout: Duration) -> Option<Result<R, Loss>> {
        let state = lock(&self.state);
        let waiting = |state: &mut State<R>| matches!(state, State::Waiting(_));
        let (mut state, _) =
            self.changed.wait_timeout_while(state, timeout, waiting).unwrap_or_else(std::sync::PoisonError::into_inner);
        if matches!(*state, State::Waiting(_)) {
            return None;
        }
        Some(take_end(&mut state))
    }

    #[cfg(loom)]
    pub(crate) fn wait(&self, _: Duration) -> Option<Result<R, Loss>> {
        let mut state = lock(&self.state);
        while matches!(*state, State::Waiting(_)) {
            state = self.changed.wait(state).unwrap();
        }
        Some(take_end(&mut state))
    }

    /// The asker goes: what comes now is late. Gives the end if it came just before.
    pub(crate) fn leave(&self) -> Option<Result<R, Loss>> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut *state, State::Gone) {
            State::Ended(end) => Some(end),
            State::Waiting(_) | State::Gone => None,
        }
    }
}

fn take_end<R>(state: &mut State<R>) -> Result<R, Loss> {
    match std::mem::replace(state, State::Gone) {
        State::Ended(end) => end,
        // Polled again after it was ready: a bug of the caller that must not hang it.
        State::Waiting(_) | State::Gone => Err(Loss::Cancelled),
    }
}

impl<R: Send + 'static> Asker for ReplyCell<R> {
    fn lose(&self, loss: Loss) {
        // An answer that came first, or an asker that left, makes the loss of no interest.
        drop(self.end(Err(loss)));
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use super::*;

    #[test]
    fn loom_an_asker_hears_of_one_end_whoever_comes_first() {
        loom::model(|| {
            let cell = Arc::new(ReplyCell::new());
            let ticket = Ticket::new(0, cell.clone());
            let copy = ticket.clone();
            let answering = loom::thread::spawn(move || ticket.answer(7).is_ok());
            let losing = loom::thread::spawn(move || drop(copy));
            let heard = cell.wait(Duration::ZERO).unwrap();
            assert!(answering.join().unwrap(), "the first answer is heard");
            losing.join().unwrap();
            assert_eq!(heard.ok(), Some(7), "a lost copy is no loss while another can answer");
        });
    }
}
