//! How an offer, or an ask, can end other than well. The event always comes back.

use std::{fmt, time::Duration};

use serde::Serialize;

/// Why an admission policy shed an offer, in a few words that travel to the caller: `rate`, `concurrency`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct Reason(&'static str);

impl Reason {
    /// A reason of your own policy. Keep the set small: each one is a counter and a label.
    #[must_use]
    pub const fn new(words: &'static str) -> Self {
        Reason(words)
    }

    /// The words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Why an offer came back.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// The queue is at its bound, in events or in bytes.
    Full,
    /// The admission policy shed it.
    Shed {
        /// Why.
        reason: Reason,
        /// When another try is likely to be admitted, if the policy can tell.
        retry_after: Option<Duration>,
    },
    /// The pipeline drains, or has stopped.
    Closed,
    /// More events at once than the queue can ever hold.
    TooMany {
        /// The bound, in events.
        bound: usize,
    },
    /// A handler offered into its own domain or to a stage upstream of it and would have waited for itself.
    WouldDeadlock {
        /// The stage whose handler offered.
        from: String,
        /// The stage that it offered to.
        to: String,
    },
}

impl Refusal {
    /// When to try again, where that is known: what a server sends as `Retry-After`.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Refusal::Shed { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Full => f.write_str("the queue is full"),
            Refusal::Shed { reason, retry_after: Some(after) } => {
                write!(f, "shed ({reason}), try again in {after:?}")
            }
            Refusal::Shed { reason, retry_after: None } => write!(f, "shed ({reason})"),
            Refusal::Closed => f.write_str("the pipeline takes no more offers"),
            Refusal::TooMany { bound } => {
                write!(f, "more events at once than the queue's bound of {bound}; offer fewer, or raise the bound")
            }
            Refusal::WouldDeadlock { from, to } => write!(
                f,
                "the handler of `{from}` would wait for room at `{to}`, which waits for it; use `try_offer`, or link the stages"
            ),
        }
    }
}

/// An offer that came back, with the event. `E` of the `Result` of every offer, so `?` works on it.
///
/// ```
/// use seda_core::{Refusal, Refused};
/// fn status(refused: &Refused<String>) -> (u16, Option<u64>) {
///     match &refused.why {
///         Refusal::Shed { .. } => (503, refused.why.retry_after().map(|after| after.as_secs().max(1))),
///         Refusal::Closed => (503, None),
///         _ => (429, Some(1)),
///     }
/// }
/// let full = Refused { event: "GET /".to_string(), why: Refusal::Full };
/// assert_eq!(status(&full), (429, Some(1)));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Refused<T> {
    /// What was offered.
    pub event: T,
    /// Why it came back.
    pub why: Refusal,
}

impl<T> fmt::Debug for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("why", &self.why).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offer refused: {}", self.why)
    }
}

impl<T> std::error::Error for Refused<T> {}

/// How an ask can end without an answer. Only [`Refused`](AskError::Refused) gives the question back: in the other cases
/// a handler had it.
///
/// ```
/// use seda_core::prelude::*;
/// let mut p = Pipeline::named("squares");
/// let (square, squared) = p.stage("square", |n: u32| n.checked_mul(n)).some(); // too large: no answer
/// let (ask, answer) = p.ask(square);
/// p.link(squared, answer);
/// let running = p.start()?;
/// for n in [12, 1 << 20] {
///     match ask.ask(n, secs(5)).wait() {
///         Ok(square) => println!("{square}"),
///         Err(AskError::Refused(refused)) => println!("{} came back: {}", refused.event, refused.why),
///         Err(AskError::Filtered) => println!("{n} has no square here"),
///         Err(other) => println!("{other}"),
///     }
/// }
/// # drop(running);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AskError<E> {
    /// The head stage refused the question; it comes back.
    Refused(Refused<E>),
    /// A stage further on refused it by its policy or its bound.
    RefusedInside(Refusal),
    /// A handler panicked on it; its message.
    Failed(String),
    /// It was filtered away: by `.filter`, or as a `None` at `.some`.
    Filtered,
    /// It went to this stage, from which no way leads to the answer: an error port, perhaps, that is not linked to it.
    Unanswered(String),
    /// It outlived its deadline, or a queue's time to live, before a handler saw it.
    Expired,
    /// A full queue dropped it, as its policy says.
    Dropped,
    /// No answer within the time given to `ask`; one that comes later is counted as late.
    Late,
    /// The pipeline stopped before the answer came.
    Cancelled,
}

impl<E> AskError<E> {
    /// The refusal, at the head or inside, if that is what it was.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            AskError::Refused(refused) => Some(&refused.why),
            AskError::RefusedInside(why) => Some(why),
            _ => None,
        }
    }
}

impl<E> fmt::Debug for AskError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AskError({self})")
    }
}

impl<E> fmt::Display for AskError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AskError::Refused(refused) => refused.why.fmt(f),
            AskError::RefusedInside(why) => write!(f, "a later stage refused it: {why}"),
            AskError::Failed(message) => write!(f, "the handler panicked: {message}"),
            AskError::Filtered => f.write_str("it was filtered away"),
            AskError::Unanswered(stage) => write!(f, "it went to `{stage}`, from which no way leads to the answer"),
            AskError::Expired => f.write_str("it expired before it was handled"),
            AskError::Dropped => f.write_str("a full queue dropped it"),
            AskError::Late => f.write_str("no answer in time"),
            AskError::Cancelled => f.write_str("the pipeline stopped"),
        }
    }
}

impl<E> std::error::Error for AskError<E> {}
