//! std or loom. Only what a loom model drives is taken from here; the rest of the crate names std.

#[cfg(loom)]
pub(crate) use loom::{
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence},
    },
    thread::{self, Thread},
};
#[cfg(not(loom))]
pub(crate) use std::{
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence},
    },
    thread::{self, Thread},
};

/// Locks, and goes on after a panic elsewhere: no code of a user runs under these locks but admission policies, and
/// what they can break is a number of their own.
pub(crate) fn lock<T: ?Sized>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Locks what many threads take for a moment each. A thread that sleeps at a lock costs every later unlock a system call
/// until it is through, so this one tries for longer before it does. A lock that only spins was tried: a little faster
/// with a processor for each thread, and four times slower where threads outnumber them.
#[inline]
pub(crate) fn lock_brief<T: ?Sized>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    match mutex.try_lock() {
        Ok(guard) => guard,
        Err(_) => lock_contended(mutex),
    }
}

/// Pauses of the processor between two tries, 2 to 3 µs: each try takes the holder's cache line away, and whoever holds the
/// lock meanwhile takes it again and again, undisturbed.
const PAUSES: u32 = 64;
const TRIES: u32 = 4;
/// Then its holder has lost its processor: make way for it, so often, before sleeping.
const YIELDS: u32 = 4;

#[cold]
fn lock_contended<T: ?Sized>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    for round in 0..TRIES + YIELDS {
        if round < TRIES {
            (0..PAUSES).for_each(|_| std::hint::spin_loop());
        } else {
            std::thread::yield_now();
        }
        if let Ok(guard) = mutex.try_lock() {
            return guard;
        }
    }
    lock(mutex)
}

/// The same for what a loom model drives.
#[cfg(not(loom))]
pub(crate) use lock as model_lock;

#[cfg(loom)]
pub(crate) fn model_lock<T>(mutex: &Mutex<T>) -> loom::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
