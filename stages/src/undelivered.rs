//! What comes back from a sink whose other side did not take it.

use std::{error::Error, fmt};

/// An event that the other side of a bridge did not take: it comes back, and has a way of its own through the pipeline.
#[derive(Clone, PartialEq, Eq)]
pub struct Undelivered<T> {
    /// What was to be delivered.
    pub event: T,
    /// Why it was not.
    pub why: Obstacle,
}

/// Why an event was not delivered.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Obstacle {
    /// The other side is gone, and takes nothing any more.
    Gone,
    /// It was full when the pipeline's time to drain had passed.
    Cancelled,
    /// It was full on virtual time, where nobody could make room meanwhile.
    Full,
    /// It failed, with these words.
    Failed(String),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Gone => f.write_str("the other side is gone"),
            Obstacle::Cancelled => f.write_str("the other side was full until the pipeline's time to drain had passed"),
            Obstacle::Full => f.write_str("the other side is full, and on virtual time nobody makes room"),
            Obstacle::Failed(words) => write!(f, "the other side failed: {words}"),
        }
    }
}

impl<T> fmt::Debug for Undelivered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undelivered").field("why", &self.why).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for Undelivered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not delivered: {}", self.why)
    }
}

impl<T> Error for Undelivered<T> {}
