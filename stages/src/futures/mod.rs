//! Streams and sinks of the `futures` crates, both ways, with no runtime behind them.

mod entry_sink;
mod from_stream;
mod to_sink;
mod to_stream;

pub use entry_sink::{EntrySink, entry_sink};
pub use from_stream::from_stream;
pub use to_sink::to_sink;
pub use to_stream::{EventStream, ToStream, to_stream};
