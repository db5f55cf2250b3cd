#![doc = include_str!("guide_links.md")]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod guide;

pub use seda_core::*;
#[cfg(feature = "stages")]
pub use seda_stages as stages;

/// The code of the page on bridges is among the doc tests.
#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../docs/bridges.md")]
mod bridges {}
