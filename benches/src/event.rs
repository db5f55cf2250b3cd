//! The event that all contenders carry, and the stage that does nothing with it.

use std::hint::black_box;

/// 48 bytes: an id, a stamp and a small payload, which is what a job or a parsed record often comes to.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Counted from 0 within a round; the sink adds them up, so that a lost or doubled event is noticed.
    pub number: u64,
    /// When it was offered, in nanoseconds since a round began; 0 where nobody asks.
    pub stamp_ns: u64,
    /// Carried, never read.
    pub payload: [u64; 4],
}

const _: () = assert!(size_of::<Event>() == 48, "the question says 48 bytes");

impl Event {
    /// The event with this number.
    pub fn numbered(number: u64) -> Self {
        Self { number, stamp_ns: 0, payload: [number; 4] }
    }
}

/// The no-op stage of every chain: the event goes in and comes out, and the compiler may not see through.
pub fn pass(event: Event) -> Event {
    black_box(event)
}

/// Where a chain ends: counts, or notes how long it took. A trait and not a closure, so that a bench can hand the
/// same sink to every contender.
pub trait Sink: Send + 'static {
    /// Takes one event.
    fn take(&mut self, event: Event);
}

/// The last stage of every chain: a no-op like the others, and the sink besides.
pub fn pass_to(mut sink: impl Sink) -> impl FnMut(Event) + Send + 'static {
    move |event| sink.take(pass(event))
}
