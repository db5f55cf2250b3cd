//! Simulation: your own pipeline under load that is drawn by a seed, on virtual time. A minute of overload takes a moment,
//! and the same seed gives the same run, to the byte.
//!
//! Queues, bounds, admission, deadlines, keys, domains and the ledger are the code that runs on threads. The handlers are
//! your own, or [models](crate::Pipeline::model) in their place; what they take is said by a [`Service`] for each stage,
//! what is offered by [`Arrivals`] at each entry.
//!
//! ```
//! use seda_core::{prelude::*, sim::{Arrivals, Run, Service}};
//!
//! let mut p = Pipeline::named("orders");
//! let orders = p.sink("price", (|_: u64| ()).threads(4).queue(20).when_full(WhenFull::Reject));
//!
//! let results = Run::new(p)
//!     .entry(orders, Arrivals::poisson(2_000.0), |number| number) // twice what four threads can do
//!     .service("price", Service::exponential(ms(4)))
//!     .slo(ms(50))
//!     .seed(7)
//!     .during(secs(60))?;
//!
//! println!("{results}");
//! assert!(results.goodput() > 950.0 && results.all.refused_share() > 0.45);
//! assert!(results.all.latency.p99 < ms(50));
//! # Ok::<(), seda_core::StartError>(())
//! ```
//!
//! What it does not show: races, the cost of a hand-over between threads, and what handlers do to each other by memory
//! and locks. A batch takes the sum of its events' times, and they are handed on together, as on threads.

mod agenda;
mod arrivals;
mod board;
mod clients;
mod drive;
mod figures;
#[cfg(feature = "lab")]
pub(crate) mod judge;
mod lineage;
mod log;
mod measured;
mod results;
mod run;
mod service;
mod stage;
mod tallies;
mod tally;
#[cfg(test)]
mod tests;

pub use arrivals::Arrivals;
pub use clients::Clients;
pub use figures::Figures;
pub use measured::{Measured, MeasuredStage};
pub use results::Results;
pub use run::Run;
pub use service::Service;
pub use tallies::Window;
