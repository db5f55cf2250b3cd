//! An event that is in a function of an adapter, `.map(..)` or `.filter(..)`: if that panics, the event is gone, and what
//! stood beside it is kept, so that an asker hears why.

use std::{cell::RefCell, thread::panicking};

use crate::event::Marks;

thread_local! {
    /// Marks of events that a panic on this thread took, until it is caught.
    static LOST: RefCell<Vec<Marks>> = const { RefCell::new(Vec::new()) };
}

/// The marks of one event while the function has it.
#[derive(Debug)]
pub(super) struct Adapting(Option<Box<Marks>>);

impl Adapting {
    #[inline]
    pub(super) fn new(marks: Option<Box<Marks>>) -> Self {
        Adapting(marks)
    }

    /// The function has returned.
    #[inline]
    pub(super) fn marks(mut self) -> Option<Box<Marks>> {
        self.0.take()
    }
}

impl Drop for Adapting {
    #[inline]
    fn drop(&mut self) {
        if let Some(marks) = self.0.take()
            && panicking()
        {
            LOST.with_borrow_mut(|lost| lost.push(*marks));
        }
    }
}

/// What the panic that was caught just now had taken.
#[cold]
pub(super) fn lost() -> Vec<Marks> {
    LOST.take()
}
