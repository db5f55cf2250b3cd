//! Request and reply: an offer whose answer comes back to whoever asked.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use super::{
    inbox::Inbox,
    inlet::{Attempt, Offerer},
    offer::Entry,
    offering::{InLine, timed_out},
};
use crate::{
    clock::ns,
    event::{Envelope, Event, Marks},
    outcome::{AskError, Refusal, Refused},
    ticket::{Loss, ReplyCell, Ticket},
    timer::TimerId,
};

/// Asks a pipeline: offers a question at a stage, and gets what comes to the linked answer. Cheap to clone; made before
/// the start, used after.
///
/// ```
/// use seda_core::prelude::*;
/// let mut p = Pipeline::named("squares");
/// let (square, squared) = p.stage("square", |n: u64| n * n);
/// let (ask, answer) = p.ask(square);
/// p.link(squared, answer);
/// let running = p.start().unwrap();
/// assert_eq!(ask.ask(12, secs(5)).wait().unwrap(), 144);
/// # drop(running);
/// ```
pub struct Ask<E, R> {
    pub(crate) id: u32,
    pub(crate) inbox: Arc<OnceLock<std::sync::Weak<Inbox>>>,
    pub(crate) types: std::marker::PhantomData<fn(E) -> R>,
}

impl<E, R> Clone for Ask<E, R> {
    fn clone(&self) -> Self {
        Ask { id: self.id, inbox: self.inbox.clone(), types: self.types }
    }
}

impl<E, R> fmt::Debug for Ask<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ask({})", self.id)
    }
}

impl<E: Event, R: Event> Ask<E, R> {
    /// Asks, with a deadline after which no handler begins on the question and the asker hears [`Late`](AskError::Late).
    ///
    /// The question is offered when the reply is first waited for: by [`wait`](Reply::wait) on a thread, or by `.await`
    /// in any async runtime. A full queue whose policy is to block is waited for within the deadline.
    pub fn ask(&self, event: E, deadline: Duration) -> Reply<E, R> {
        let inbox = self.inbox.get().and_then(std::sync::Weak::upgrade);
        Reply {
            ask: self.id,
            inbox,
            question: Some(event),
            deadline,
            state: State::Unasked,
            timer: None,
            line: InLine::default(),
        }
    }
}

/// A reply on its way: wait for it on a thread, or `.await` it. Dropped, it withdraws its interest: an answer that comes
/// is counted as unheard.
#[must_use = "nothing is asked before the reply is waited for"]
pub struct Reply<E: Event, R: Event> {
    ask: u32,
    inbox: Option<Arc<Inbox>>,
    question: Option<E>,
    deadline: Duration,
    state: State<E, R>,
    timer: Option<(TimerId, Waker)>,
    line: InLine,
}

/// Longer than any process runs, and short enough to be added to a time.
const FOREVER: Duration = Duration::from_secs(1 << 32);

/// What to offer, and where the reply will come.
type Begun<E, R> = (Envelope<E>, Arc<ReplyCell<R>>);

enum State<E, R> {
    Unasked,
    /// Waits for room at the head.
    Offering {
        envelope: Option<Envelope<E>>,
        cell: Arc<ReplyCell<R>>,
        until_ns: u64,
    },
    Asked {
        cell: Arc<ReplyCell<R>>,
        until_ns: u64,
    },
    Ended,
}

impl<E: Event, R: Event> fmt::Debug for Reply<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply(ask {})", self.ask)
    }
}

// The question is moved, never pinned.
impl<E: Event, R: Event> Unpin for Reply<E, R> {}

impl<E: Event, R: Event> Reply<E, R> {
    /// Blocks until the answer, a refusal or the deadline.
    ///
    /// # Errors
    /// What became of the question instead, as [`AskError`] says.
    pub fn wait(mut self) -> Result<R, AskError<E>> {
        let until = Instant::now().checked_add(self.deadline);
        let (mut envelope, cell) = self.begin()?;
        // It may block first, and the wait in the queue begins only then.
        envelope.stamp_ns = 0;
        let entry = Entry::new(self.inbox.take().expect("without an inbox no reply begins"));
        if let Some(why) = entry.deadlock() {
            withdraw(&cell);
            return Err(AskError::Refused(Refused { event: envelope.event, why }));
        }
        self.state = State::Ended;
        entry.blocking(envelope, until).map_err(|refused| {
            withdraw(&cell);
            AskError::Refused(refused)
        })?;
        match cell.wait(until.map_or(FOREVER, |until| until.saturating_duration_since(Instant::now()))) {
            Some(end) => end.map_err(lost),
            None => late(&cell),
        }
    }

    /// Makes the envelope with its ticket.
    fn begin(&mut self) -> Result<Begun<E, R>, AskError<E>> {
        let event = self.question.take().expect("a reply is begun once");
        let Some(inbox) = &self.inbox else {
            return Err(AskError::Refused(Refused { event, why: Refusal::Closed }));
        };
        let cell = Arc::new(ReplyCell::new());
        let now_ns = inbox.core.shared.clock.now_ns();
        let deadline_ns = now_ns.saturating_add(ns(self.deadline));
        let ticket = Some(Ticket::new(self.ask, cell.clone()));
        let marks = Some(Box::new(Marks { deadline_ns, ticket, trace: inbox.core.sample(), ..Marks::default() }));
        Ok((Envelope { event, stamp_ns: now_ns, marks }, cell))
    }

    /// At most one timer per reply, at its deadline, to wake the task that polled last.
    fn wake_at(&mut self, until_ns: u64, cx: &Context<'_>) {
        let Some(inbox) = &self.inbox else { return };
        let timers = &inbox.core.shared.timers;
        match &self.timer {
            Some((_, waker)) if waker.will_wake(cx.waker()) => return,
            Some((old, _)) => timers.cancel(*old),
            None => {}
        }
        let waker = cx.waker().clone();
        self.timer = Some((timers.wake_at(until_ns, waker), cx.waker().clone()));
    }

    fn forget_timer(&mut self) {
        if let (Some((id, _)), Some(inbox)) = (self.timer.take(), &self.inbox) {
            inbox.core.shared.timers.cancel(id);
        }
    }

    fn passed(&self, until_ns: u64) -> bool {
        self.inbox.as_ref().is_none_or(|inbox| inbox.core.shared.clock.now_ns() >= until_ns)
    }

    fn poll_offer(&mut self, cx: &Context<'_>) -> Option<Result<R, AskError<E>>> {
        let State::Offering { envelope, cell, until_ns } = &mut self.state else { return None };
        let (until_ns, cell) = (*until_ns, cell.clone());
        let inbox = self.inbox.as_ref()?;
        let mut question = envelope.take()?;
        let need = |question: &Envelope<E>| (1, inbox.weigh(&question.event));
        // Its wait in the queue begins with the offer that is taken, and the first one comes just after the clock was read.
        let attempt = |mut question: Envelope<E>, by: Offerer| {
            if by.waited {
                question.stamp_ns = 0;
            }
            inbox.try_one(question, by)
        };
        match self.line.poll(inbox, cx.waker(), question, need, attempt) {
            Attempt::Taken => {
                self.state = State::Asked { cell, until_ns };
                return None;
            }
            Attempt::Refused(envelope, why) => {
                withdraw(&cell);
                return Some(Err(AskError::Refused(Refused { event: envelope.event, why })));
            }
            Attempt::Full(waiting) => question = waiting,
        }
        if self.passed(until_ns) {
            let inbox = self.inbox.clone()?;
            self.line.leave(&inbox);
            withdraw(&cell);
            return Some(Err(AskError::Refused(timed_out(&inbox, question.event))));
        }
        self.state = State::Offering { envelope: Some(question), cell, until_ns };
        self.wake_at(until_ns, cx);
        None
    }
}

impl<E: Event, R: Event> Future for Reply<E, R> {
    type Output = Result<R, AskError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let me = &mut *self;
        if matches!(me.state, State::Unasked) {
            let (envelope, cell) = match me.begin() {
                Ok(begun) => begun,
                Err(error) => return me.end(Err(error)),
            };
            let until_ns = envelope.marks.as_ref().map_or(0, |marks| marks.deadline_ns);
            me.state = State::Offering { envelope: Some(envelope), cell, until_ns };
        }
        if matches!(me.state, State::Offering { .. })
            && let Some(end) = me.poll_offer(cx)
        {
            return me.end(end);
        }
        let State::Asked { cell, until_ns } = &me.state else { return Poll::Pending };
        let until_ns = *until_ns;
        if let Poll::Ready(end) = cell.poll(cx.waker()) {
            return me.end(end.map_err(lost));
        }
        if me.passed(until_ns) {
            let end = late(cell);
            return me.end(end);
        }
        me.wake_at(until_ns, cx);
        Poll::Pending
    }
}

impl<E: Event, R: Event> Reply<E, R> {
    fn end(&mut self, end: Result<R, AskError<E>>) -> Poll<Result<R, AskError<E>>> {
        self.state = State::Ended;
        self.forget_timer();
        Poll::Ready(end)
    }
}

impl<E: Event, R: Event> Drop for Reply<E, R> {
    fn drop(&mut self) {
        self.forget_timer();
        if let State::Offering { cell, .. } | State::Asked { cell, .. } = &self.state {
            withdraw(cell);
        }
        if let Some(inbox) = &self.inbox {
            self.line.leave(inbox);
        }
    }
}

/// The asker gives up; an answer that came in the same moment still counts.
fn late<E, R>(cell: &ReplyCell<R>) -> Result<R, AskError<E>> {
    cell.leave().map_or(Err(AskError::Late), |end| end.map_err(lost))
}

fn withdraw<R>(cell: &ReplyCell<R>) {
    drop(cell.leave());
}

fn lost<E>(loss: Loss) -> AskError<E> {
    match loss {
        Loss::Refused(why) => AskError::RefusedInside(why),
        Loss::Failed(message) => AskError::Failed(message),
        Loss::Filtered => AskError::Filtered,
        Loss::Unanswered(stage) => AskError::Unanswered(stage),
        Loss::Expired => AskError::Expired,
        Loss::Dropped => AskError::Dropped,
        Loss::Cancelled => AskError::Cancelled,
    }
}
