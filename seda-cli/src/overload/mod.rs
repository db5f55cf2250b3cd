//! The demo's load: clients that drive the service past saturation, and what they saw of it.
//!
//! [`clients`] sends, [`seen`] counts, [`plots`] draws; [`words`] reads what the user wants. The service knows nothing of it,
//! and is in the same process only so that its stages can be shown beside the load.

pub mod clients;
mod exchange;
pub mod plots;
pub mod seen;
mod targets;
pub mod words;
