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
