//! Ready-made stages for [seda](https://docs.rs/seda-rt): what most pipelines would otherwise write again.
//!
//! | stage | takes | gives |
//! |---|---|---|
//! | [`lines`] | a reader, pulled | `Result<String, LineError>` for each line |
//! | [`group`] | `T` | `Option<Vec<T>>`: a group when one is full, the rest at the drain |
//! | [`write_lines`] | what can be displayed | nothing: it is a sink |
//!
//! ```
//! use seda::prelude::*;
//! use seda_stages::{group, lines, write_lines};
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

mod group;
mod lines;
mod write_lines;

pub use group::{Group, group};
pub use lines::{LINE_BYTES, LineError, Lines, lines};
pub use write_lines::write_lines;
