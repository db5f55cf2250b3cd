#![doc = include_str!("guide_links.md")]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod guide;

pub use seda_core::*;
