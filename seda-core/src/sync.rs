//! std or loom. Only what a loom model drives is taken from here; the rest of the crate names std.

#[cfg(loom)]
pub(crate) use loom::{
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
    },
    thread::{self, Thread},
};
#[cfg(not(loom))]
pub(crate) use std::{
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
    },
    thread::{self, Thread},
};

use crossbeam_utils::Backoff;

/// Locks, and goes on after a panic elsewhere: no code of a user runs under these locks but admission policies, and
/// what they can break is a number of their own.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Locks what many threads take for a moment each. A thread that sleeps at a lock costs every later unlock a system call
/// until it is through, so this one tries for longer before it does. A lock that only spins was tried: a little faster
/// with a processor for each thread, and four times slower where threads outnumber them.
#[inline]
pub(crate) fn lock_brief<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    match mutex.try_lock() {
        Ok(guard) => guard,
        Err(_) => lock_contended(mutex),
    }
}

/// Each try takes the holder's cache line away, so they come at growing distances; and whoever holds the lock meanwhile
/// takes it again and again, undisturbed.
#[cold]
fn lock_contended<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    let backoff = Backoff::new();
    while !backoff.is_completed() {
        backoff.snooze();
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
