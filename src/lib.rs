#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub use seda_core::*;
#[cfg(feature = "macros")]
pub use seda_macros::{Event, Route, stage};

/// What most programs name, for one `use`.
pub mod prelude {
    pub use seda_core::prelude::*;
    #[cfg(feature = "macros")]
    pub use seda_macros::{Event, Route, stage};
}
