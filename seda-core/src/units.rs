//! Short names for the units that options take.

use std::time::Duration;

/// Microseconds.
#[must_use]
pub const fn us(n: u64) -> Duration {
    Duration::from_micros(n)
}

/// Milliseconds.
#[must_use]
pub const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Seconds.
#[must_use]
pub const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// KiB in bytes.
#[must_use]
pub const fn kib(n: u64) -> u64 {
    n * 1024
}

/// MiB in bytes.
#[must_use]
pub const fn mib(n: u64) -> u64 {
    n * 1024 * 1024
}

/// How durations are serialised: whole nanoseconds, under a key that ends in `_ns`.
pub(crate) fn as_ns<S: serde::Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}
