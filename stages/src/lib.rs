//! Ready-made stages for [seda](https://docs.rs/seda-rt): what most pipelines would otherwise write again.
//!
//! | stage | takes | gives |
//! |---|---|---|
//! | [`lines`] | a reader, pulled | `Result<String, LineError>` for each line |
//! | [`group`] | `T` | `Option<Vec<T>>`: a group when one is full, the rest at the drain |
//! | [`write_lines`] | what can be displayed | nothing: it is a sink |
//!
//! And bridges to what services already run, some behind a feature of this crate, which `seda-rt` has by the same name:
//!
//! | bridge | from | to | feature |
//! |---|---|---|---|
//! | [`from_channel`] | a std or crossbeam receiver | a source | `crossbeam` for the latter |
//! | [`to_channel`] | a stage's events | a bounded std or crossbeam sender | `crossbeam` for the latter |
//! | `from_stream` | a `futures` stream | a source | `futures` |
//! | `to_stream` | a stage's events | a `futures` stream | `futures` |
//! | `to_sink` | a stage's events | a `futures` sink | `futures` |
//! | `entry_sink` | a `futures` sink | an entry | `futures` |
//! | `service_of` | a tower service | an ask | `tower` |
//! | `to_service` | a stage's events | a tower service | `tower`, and `tokio` of seda-rt |
//! | `HttpError` | an ask or an offer that came to nothing | an HTTP response | `http`; `axum` for its `IntoResponse` |
//! | `HttpHealth` | the health of a pipeline | an HTTP response for a probe, 200 or 503 | likewise |
//!
//! What the other side of a bridge does not take comes back as [`Undelivered`], never in silence.
//!
//! ```
//! use seda::prelude::*;
//! use seda::stages::{group, lines, write_lines};
//!
//! let mut p = Pipeline::named("pairs");
//! let (words, bad) = p.source("read", lines(&b"one\ntwo\nthree\n"[..])).tried();
//! let pairs = p.then_with("pair", words, group(2)).some();
//! p.end_with("print", pairs.map(|pair: Vec<String>| pair.join(" ")), write_lines(std::io::stdout()));
//! p.end("complain", bad, |why| eprintln!("{why}"));
//! p.start()?.finish(); // prints `one two`, then `three`
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod channel;
#[cfg(feature = "futures")]
mod futures;
mod group;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "http")]
mod http_health;
mod lines;
#[cfg(feature = "tower")]
mod tower;
mod undelivered;
mod write_lines;

pub use channel::{ChannelReceiver, ChannelSender, from_channel, to_channel};
#[cfg(feature = "futures")]
pub use futures::{EntrySink, EventStream, ToStream, entry_sink, from_stream, to_sink, to_stream};
pub use group::{Group, group};
#[cfg(feature = "http")]
pub use http::HttpError;
#[cfg(feature = "http")]
pub use http_health::HttpHealth;
pub use lines::{LINE_BYTES, LineError, Lines, lines};
#[cfg(feature = "tower")]
pub use tower::{AskService, service_of, to_service};
pub use undelivered::{Obstacle, Undelivered};
pub use write_lines::write_lines;
