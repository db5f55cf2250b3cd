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
use crate::sync::{AtomicUsize, Condvar, Mutex, Ordering, model_lock as lock};

/// Why no answer will come.
#[derive(Clone, Debug)]
pub(crate) enum Loss {
    Refused(Refusal),
    Failed(String),
    Filtered,
    /// It went where the answer cannot be reached from: the stage.
    Unanswered(String),
    Expired,
    Dropped,
    Cancelled,
}

/// One asker's copy on an event. Clones travel with the copies of the event.
pub(crate) struct Ticket {
    ask: u32,
    cell: Arc<dyn Asker>,
}

/// The asker's end, with the type of the reply erased.
trait Asker: Send + Sync {
    /// Copies on their way.
    fn tickets(&self) -> &AtomicUsize;
    fn note(&self, loss: Loss);
    /// The last copy is gone.
    fn lose(&self);
    fn as_any(&self) -> &dyn Any;
}

impl Ticket {
    /// The first copy; the others are its clones.
    pub(crate) fn new<R: Send + 'static>(ask: u32, cell: Arc<ReplyCell<R>>) -> Self {
        cell.tickets.fetch_add(1, Ordering::Relaxed);
        Ticket { ask, cell }
    }

    pub(crate) fn ask(&self) -> u32 {
        self.ask
    }

    /// Notes why this copy ends; the first note counts.
    pub(crate) fn note(&self, loss: Loss) {
        self.cell.note(loss);
    }

    /// Gives the answer; hands it back where it comes late, second, or for an ask of another type.
    pub(crate) fn answer<R: Send + 'static>(&self, reply: R) -> Result<(), R> {
        match self.cell.as_any().downcast_ref::<ReplyCell<R>>() {
            Some(cell) => cell.answer(reply),
            None => Err(reply),
        }
    }
}

impl Clone for Ticket {
    fn clone(&self) -> Self {
        // Relaxed: whoever clones holds a copy, so the count is not zero.
        self.cell.tickets().fetch_add(1, Ordering::Relaxed);
        Ticket { ask: self.ask, cell: self.cell.clone() }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket(ask {})", self.ask)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // What the other copies did has been done before the last one tells of the loss.
        if self.cell.tickets().fetch_sub(1, Ordering::AcqRel) == 1 {
            self.cell.lose();
        }
    }
}

/// Where the reply is waited for.
pub(crate) struct ReplyCell<R> {
    tickets: AtomicUsize,
    state: Mutex<State<R>>,
    changed: Condvar,
}

enum State<R> {
    /// Nobody has answered; the first thing that went wrong with any copy, told when the last one is gone.
    Waiting(Asking, Option<Loss>),
    Ended(Result<R, Loss>),
    /// The asker has its answer, or has gone.
    Gone,
}

/// Who is to be told. A thread only if there is one: to notify a condition variable is a system call.
enum Asking {
    Nobody,
    Task(Waker),
    Thread,
}

impl<R> ReplyCell<R> {
    pub(crate) fn new() -> Self {
        let state = Mutex::new(State::Waiting(Asking::Nobody, None));
        ReplyCell { tickets: AtomicUsize::new(0), state, changed: Condvar::new() }
    }

    fn answer(&self, reply: R) -> Result<(), R> {
        self.end(Ok(reply)).map_err(|unheard| match unheard {
            Ok(reply) => reply,
            Err(_) => unreachable!("an answer comes back as an answer"),
        })
    }

    fn end(&self, result: Result<R, Loss>) -> Result<(), Result<R, Loss>> {
        let mut state = lock(&self.state);
        let State::Waiting(asking, _) = &mut *state else { return Err(result) };
        let asking = std::mem::replace(asking, Asking::Nobody);
        *state = State::Ended(result);
        drop(state);
        match asking {
            Asking::Nobody => {}
            Asking::Task(waker) => waker.wake(),
            Asking::Thread => self.changed.notify_one(),
        }
        Ok(())
    }

    /// Takes the end if it has come; else leaves a waker, or one wait of at most `timeout`.
    pub(crate) fn poll(&self, waker: &Waker) -> Poll<Result<R, Loss>> {
        let mut state = lock(&self.state);
        match &mut *state {
            State::Waiting(asking, _) => {
                if !matches!(asking, Asking::Task(old) if old.will_wake(waker)) {
                    *asking = Asking::Task(waker.clone());
                }
                Poll::Pending
            }
            _ => Poll::Ready(take_end(&mut state)),
        }
    }

    /// Blocks for at most `timeout`; `None` when it has passed.
    #[cfg(not(loom))]
    pub(crate) fn wait(&self, timeout: Duration) -> Option<Result<R, Loss>> {
        let mut state = lock(&self.state);
        if let State::Waiting(asking, _) = &mut *state {
            *asking = Asking::Thread;
        }
        let waiting = |state: &mut State<R>| matches!(state, State::Waiting(..));
        let (mut state, _) =
            self.changed.wait_timeout_while(state, timeout, waiting).unwrap_or_else(std::sync::PoisonError::into_inner);
        if matches!(*state, State::Waiting(..)) {
            return None;
        }
        Some(take_end(&mut state))
    }

    #[cfg(loom)]
    pub(crate) fn wait(&self, _: Duration) -> Option<Result<R, Loss>> {
        let mut state = lock(&self.state);
        if let State::Waiting(asking, _) = &mut *state {
            *asking = Asking::Thread;
        }
        while matches!(*state, State::Waiting(..)) {
            state = self.changed.wait(state).unwrap();
        }
        Some(take_end(&mut state))
    }

    /// The asker goes: what comes now is late. Gives the end if it came just before.
    pub(crate) fn leave(&self) -> Option<Result<R, Loss>> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut *state, State::Gone) {
            State::Ended(end) => Some(end),
            State::Waiting(..) | State::Gone => None,
        }
    }
}

fn take_end<R>(state: &mut State<R>) -> Result<R, Loss> {
    match std::mem::replace(state, State::Gone) {
        State::Ended(end) => end,
        // Polled again after it was ready: a bug of the caller that must not hang it.
        State::Waiting(..) | State::Gone => Err(Loss::Cancelled),
    }
}

impl<R: Send + 'static> Asker for ReplyCell<R> {
    fn tickets(&self) -> &AtomicUsize {
        &self.tickets
    }

    fn note(&self, loss: Loss) {
        if let State::Waiting(_, noted) = &mut *lock(&self.state) {
            // A copy that leaves the way to the answer is no reason while another one had a better.
            match noted {
                None => *noted = Some(loss),
                Some(Loss::Unanswered(_)) if !matches!(loss, Loss::Unanswered(_)) => *noted = Some(loss),
                Some(_) => {}
            }
        }
    }

    fn lose(&self) {
        let mut state = lock(&self.state);
        // An answer that came first, or an asker that left, makes the loss of no interest.
        let State::Waiting(_, loss) = &mut *state else { return };
        let loss = loss.take().unwrap_or(Loss::Filtered);
        drop(state);
        drop(self.end(Err(loss)));
    }

    fn as_any(&self) -> &dyn Any {
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
