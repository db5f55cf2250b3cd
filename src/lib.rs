#![doc = include_str!("guide_links.md")]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod guide;

pub use seda_core::*;
#[cfg(feature = "macros")]
pub use seda_macros::{Event, Route, stage};
#[cfg(feature = "stages")]
pub use seda_stages as stages;

/// What most programs name, for one `use`.
pub mod prelude {
    pub use seda_core::prelude::*;
    #[cfg(feature = "macros")]
    pub use seda_macros::{Event, Route, stage};
}
