//! Channels as sources and sinks: std's bounded ones, and crossbeam's (feature `crossbeam`).

use std::{
    sync::mpsc::{self, RecvTimeoutError, TryRecvError, TrySendError},
    thread,
    time::Duration,
};

use seda_core::{Cx, Event, Pull, Pulled, ms, pull, us};

use crate::undelivered::{Obstacle, Undelivered};

/// How long a thread waits at a channel before it looks whether the pipeline stops: so long may a drain wait for it.
pub(crate) const BEAT: Duration = ms(20);
/// How often an empty channel is looked at where a wait would hold up other stages: a wake-up of some 20 µs each, so less
/// than a hundredth of a core.
const LOOK_EVERY: Duration = ms(5);
/// Tries at a full std channel, which cannot be waited for with a limit, before the worker sleeps between two: who empties
/// it may be about to run.
const YIELDS: u32 = 4;
/// The first such sleep, about what one costs; doubled up to `BEAT`.
const FIRST_PAUSE: Duration = us(50);

/// A source of what comes through a channel: a std [`Receiver`](mpsc::Receiver), or crossbeam's (feature `crossbeam`).
///
/// It ends when the last sender is gone and all is received. At a drain it stops within 20 ms; what is in the channel then
/// stays there, and goes with the receiver (crossbeam's can be cloned beforehand). To have all of it, drop the senders and
/// use [`finish`](seda_core::Running::finish).
///
/// With threads of its own, which is the default, it waits at the channel. In a shared domain, where a wait would hold up
/// other stages, it looks every 5 ms while the channel is empty.
///
/// ```
/// use std::sync::mpsc::sync_channel;
/// use seda::{prelude::*, stages::from_channel};
///
/// let (send, orders) = sync_channel(100);
/// let mut p = Pipeline::named("orders");
/// let orders = p.source("orders", from_channel(orders));
/// p.end("ship", orders, |id: u32| println!("ship {id}"));
/// let running = p.start()?;
/// send.send(7)?;
/// drop(send);
/// assert_eq!(running.finish().ledger().stage("ship").unwrap().done, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn from_channel<R: ChannelReceiver>(receiver: R) -> Pull<impl FnMut(&Cx) -> Pulled<R::Event> + Send + 'static> {
    let mut just_gave = false;
    pull(move |cx: &Cx| {
        let waits = if cx.may_block() { BEAT } else { Duration::ZERO };
        let received = receiver.receive_within(waits);
        let gave = std::mem::replace(&mut just_gave, matches!(received, Received::Event(_)));
        match received {
            Received::Event(event) => Pulled::Event(event),
            // What it just gave is handed on first; then it may wait.
            Received::Nothing if gave || !waits.is_zero() => Pulled::Wait(Duration::ZERO),
            Received::Nothing => Pulled::Wait(LOOK_EVERY),
            Received::End => Pulled::End,
        }
    })
}

/// A sink into a bounded channel: std's [`SyncSender`](mpsc::SyncSender), or crossbeam's `Sender` (feature `crossbeam`).
///
/// It gives back what the channel did not take, as [`Undelivered`], so open its outlet by `.some()`: after the receiver has
/// gone, every event; when the pipeline's time to drain passes while the channel is full, the one in hand.
///
/// While the channel is full it blocks its worker: leave it on threads of its own, which is the default. On virtual time
/// what finds the channel full comes back at once.
///
/// ```
/// use std::sync::mpsc::sync_channel;
/// use seda::{prelude::*, stages::{Undelivered, to_channel}};
///
/// let (send, shipped) = sync_channel(100);
/// let mut p = Pipeline::named("orders");
/// let ids = p.source("ids", [7, 8]);
/// let lost = p.then_with("ship", ids, to_channel(send)).some();
/// p.end("lost", lost, |lost: Undelivered<u32>| eprintln!("{} {lost}", lost.event));
/// p.start()?.finish();
/// assert_eq!(shipped.iter().collect::<Vec<u32>>(), [7, 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a sink does nothing outside of a pipeline"]
pub fn to_channel<S, T>(sender: S) -> impl Fn(T, &Cx) -> Option<Undelivered<T>> + Send + Sync + 'static
where
    S: ChannelSender<T>,
    T: Event,
{
    move |event, cx| {
        let (mut event, mut tries) = (event, 0u32);
        loop {
            event = match sender.send_again(event, tries) {
                Sent::Yes => return None,
                Sent::Gone(event) => return Some(Undelivered { event, why: Obstacle::Gone }),
                Sent::Full(event) if cx.is_virtual() => return Some(Undelivered { event, why: Obstacle::Full }),
                Sent::Full(event) => event,
            };
            if cx.is_cancelled() {
                return Some(Undelivered { event, why: Obstacle::Cancelled });
            }
            tries = tries.saturating_add(1);
        }
    }
}

/// Receivers of channels that can be a source by [`from_channel`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a receiver that `from_channel` knows",
    note = "it takes `std::sync::mpsc::Receiver`, and `crossbeam_channel::Receiver` with the feature `crossbeam`"
)]
pub trait ChannelReceiver: sealed::Receives + Send + 'static {
    /// What comes through.
    type Event: Event;

    #[doc(hidden)]
    fn receive_within(&self, most: Duration) -> Received<Self::Event>;
}

/// Senders of bounded channels that can be a sink by [`to_channel`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a sender that `to_channel` knows",
    note = "it takes `std::sync::mpsc::SyncSender`, and `crossbeam_channel::Sender` with the feature `crossbeam`",
    note = "the `Sender` of `std::sync::mpsc::channel` has no bound: use `sync_channel`"
)]
pub trait ChannelSender<T>: sealed::Sends<T> + Send + Sync + 'static {
    /// One try, after so many: at once if it is the first, else with a wait of at most 20 ms.
    #[doc(hidden)]
    fn send_again(&self, event: T, tries: u32) -> Sent<T>;
}

/// What a receiver had.
#[doc(hidden)]
#[derive(Debug)]
pub enum Received<T> {
    Event(T),
    Nothing,
    End,
}

/// What a sender did.
#[doc(hidden)]
#[derive(Debug)]
pub enum Sent<T> {
    Yes,
    Full(T),
    Gone(T),
}

pub(crate) mod sealed {
    /// Of this crate alone, so that the hidden methods may change.
    #[allow(unreachable_pub, reason = "public for the compiler alone")]
    pub trait Receives {}
    #[allow(unreachable_pub, reason = "public for the compiler alone")]
    pub trait Sends<T> {}
}

impl<T> sealed::Receives for mpsc::Receiver<T> {}

impl<T: Event> ChannelReceiver for mpsc::Receiver<T> {
    type Event = T;

    fn receive_within(&self, most: Duration) -> Received<T> {
        // First without a look at the clock.
        match self.try_recv() {
            Ok(event) => return Received::Event(event),
            Err(TryRecvError::Disconnected) => return Received::End,
            Err(TryRecvError::Empty) if most.is_zero() => return Received::Nothing,
            Err(TryRecvError::Empty) => {}
        }
        match self.recv_timeout(most) {
            Ok(event) => Received::Event(event),
            Err(RecvTimeoutError::Timeout) => Received::Nothing,
            Err(RecvTimeoutError::Disconnected) => Received::End,
        }
    }
}

impl<T> sealed::Sends<T> for mpsc::SyncSender<T> {}

impl<T: Event> ChannelSender<T> for mpsc::SyncSender<T> {
    fn send_again(&self, event: T, tries: u32) -> Sent<T> {
        match tries.checked_sub(YIELDS) {
            None if tries == 0 => {}
            None | Some(0) => thread::yield_now(),
            Some(slept) => thread::sleep(BEAT.min(FIRST_PAUSE * (1 << (slept - 1).min(10)))),
        }
        match self.try_send(event) {
            Ok(()) => Sent::Yes,
            Err(TrySendError::Full(event)) => Sent::Full(event),
            Err(TrySendError::Disconnected(event)) => Sent::Gone(event),
        }
    }
}

#[cfg(feature = "crossbeam")]
mod crossbeam {
    use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, TryRecvError, TrySendError};

    use super::{BEAT, ChannelReceiver, ChannelSender, Duration, Event, Received, Sent, sealed};

    impl<T> sealed::Receives for Receiver<T> {}

    impl<T: Event> ChannelReceiver for Receiver<T> {
        type Event = T;

        fn receive_within(&self, most: Duration) -> Received<T> {
            match self.try_recv() {
                Ok(event) => return Received::Event(event),
                Err(TryRecvError::Disconnected) => return Received::End,
                Err(TryRecvError::Empty) if most.is_zero() => return Received::Nothing,
                Err(TryRecvError::Empty) => {}
            }
            match self.recv_timeout(most) {
                Ok(event) => Received::Event(event),
                Err(RecvTimeoutError::Timeout) => Received::Nothing,
                Err(RecvTimeoutError::Disconnected) => Received::End,
            }
        }
    }

    impl<T> sealed::Sends<T> for Sender<T> {}

    impl<T: Event> ChannelSender<T> for Sender<T> {
        fn send_again(&self, event: T, tries: u32) -> Sent<T> {
            if tries == 0 {
                return match self.try_send(event) {
                    Ok(()) => Sent::Yes,
                    Err(TrySendError::Full(event)) => Sent::Full(event),
                    Err(TrySendError::Disconnected(event)) => Sent::Gone(event),
                };
            }
            match self.send_timeout(event, BEAT) {
                Ok(()) => Sent::Yes,
                Err(SendTimeoutError::Timeout(event)) => Sent::Full(event),
                Err(SendTimeoutError::Disconnected(event)) => Sent::Gone(event),
            }
        }
    }
}
