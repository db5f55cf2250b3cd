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

/// Locks, and goes on after a panic elsewhere: no code of a user runs under these locks but admission policies, and
/// what they can break is a number of their own.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The same for what a loom model drives.
#[cfg(not(loom))]
pub(crate) use lock as model_lock;

#[cfg(loom)]
pub(crate) fn model_lock<T>(mutex: &Mutex<T>) -> loom::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
