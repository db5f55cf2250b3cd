#![doc = include_str!("guide_links.md")]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod guide;

pub use seda_core::*;
#[cfg(feature = "stages")]
pub use seda_stages as stages;
