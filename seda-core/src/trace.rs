//! Spans that follow an event over queues and threads: one for the event from its entry to its last end, and in it, for each
//! stage, one for the wait and one for the work. Sampled; without the feature `tracing` nothing of it is there.

#[cfg(feature = "tracing")]
pub(crate) use on::{Trace, WorkSpan, within};

#[cfg(not(feature = "tracing"))]
pub(crate) use off::{Trace, WorkSpan, within};

#[cfg(feature = "tracing")]
mod on {
    use std::cell::Cell;

    use tracing::{Span, info_span};

    thread_local! {
        /// Offers of this thread until the next one that is followed: a count of its own, so that no two threads write one
        /// cache line for it.
        static LEFT: Cell<u32> = const { Cell::new(0) };
    }

    /// What a followed event has with it.
    #[derive(Debug)]
    pub(crate) struct Trace {
        event: Span,
        /// Since it was made, or offered, until it is taken.
        wait: Option<Span>,
    }

    impl Clone for Trace {
        /// A copy of the event begins its own waits.
        fn clone(&self) -> Self {
            Trace { event: self.event.clone(), wait: None }
        }
    }

    impl Trace {
        /// One in `every` of this thread's offers is followed, if a subscriber wants to hear of it. Its span is a child of
        /// the offerer's.
        #[inline]
        pub(crate) fn sample(every: u32, pipeline: &str) -> Option<Self> {
            if every == 0 {
                return None;
            }
            let left = LEFT.get();
            if left > 1 {
                LEFT.set(left.min(every) - 1);
                return None;
            }
            LEFT.set(every);
            let event = info_span!(target: "seda", "event", pipeline);
            (!event.is_disabled()).then_some(Trace { event, wait: None })
        }

        pub(crate) fn waits(&mut self, stage: &str) {
            self.wait = Some(info_span!(target: "seda", parent: &self.event, "wait", stage));
        }

        pub(crate) fn taken(&mut self) {
            self.wait = None;
        }

        pub(crate) fn work(&self, stage: &str) -> WorkSpan {
            WorkSpan(info_span!(target: "seda", parent: &self.event, "work", stage))
        }
    }

    /// The work of one stage on a followed event.
    #[derive(Debug)]
    pub(crate) struct WorkSpan(Span);

    /// What `f` tells of is told inside the span, if there is one.
    #[inline]
    pub(crate) fn within<R>(work: Option<&WorkSpan>, f: impl FnOnce() -> R) -> R {
        match work {
            Some(work) => work.0.in_scope(f),
            None => f(),
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    /// No event is followed: none of these is ever made.
    #[derive(Clone, Debug)]
    pub(crate) struct Trace;

    impl Trace {
        pub(crate) fn sample(_: u32, _: &str) -> Option<Self> {
            None
        }

        pub(crate) fn waits(&mut self, _: &str) {}

        pub(crate) fn taken(&mut self) {}

        pub(crate) fn work(&self, _: &str) -> WorkSpan {
            WorkSpan
        }
    }

    #[derive(Debug)]
    pub(crate) struct WorkSpan;

    #[inline]
    pub(crate) fn within<R>(_: Option<&WorkSpan>, f: impl FnOnce() -> R) -> R {
        f()
    }
}
