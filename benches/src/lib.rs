//! The harness of the benches: contenders take turns round by round, ratios are taken within a round, and a table
//! with a bar per row comes out, on the terminal and as `target/bench/NAME.json`.
//!
//! Throughput on a small virtual machine swings by a factor of two between runs, so nothing here compares figures of
//! different runs: a round measures everybody within a second or so, and only the ratio inside a round counts.

mod alloc;
mod channels;
mod cost;
mod event;
mod pace;
mod process;
mod rounds;
mod row;
mod staged;
mod stats;
mod table;
mod tally;

pub use alloc::CountingAlloc;
pub use channels::{
    BATCH, BOUND, crossbeam_batches, crossbeam_batches_in_place, crossbeam_chain, flume_chain, kanal_chain, std_chain,
    tokio_chain, tokio_runtime,
};
pub use cost::{Sample, Stopwatch, cpu_time, thread_time};
pub use event::{Event, Sink, pass, pass_to};
pub use pace::{Latencies, LatencySink, Paced, paced_source, sleep_exactly};
pub use process::{resident_bytes, switches};
pub use rounds::{Contender, interleave, interleave_sliced, pairs, quick, rounds, scaled};
pub use row::{Better, Row};
pub use staged::{StagedChain, domain_chain, own_chain, pulled_chain};
pub use stats::{Bounds, bootstrap_median, median, percentile};
pub use table::{Table, target_dir};
pub use tally::{Counter, Tally};
