//! The overload lab: policies side by side under overload, on virtual time, with a table and a page of plots at the end.
//!
//! You say how your pipeline is built with each policy; the lab plays the [scenarios](Scenario::standard) of overload to each
//! of them, with the same arrivals by seed, and reports goodput, latency of the admitted, and what was shed.
//!
//! ```
//! use seda_core::{AdmitAll, Admission, MaxConcurrency, lab::{Demand, Lab, Scenario}, prelude::*, sim::{Run, Service}};
//!
//! fn service(demand: &Demand, policy: impl Admission + 'static) -> Run {
//!     let mut p = Pipeline::named("orders");
//!     let price = (|_: u64| ()).threads(4).queue(100_000).admission(policy);
//!     let orders = p.sink("price", price);
//!     Run::new(p)
//!         .entry(orders, demand.arrivals(), |number| number)
//!         .service("price", demand.service(Service::exponential(ms(4))))
//! }
//!
//! let report = Lab::new("orders", 1_000.0, ms(50)) // it can do 1,000 a second, and 50 ms are the objective
//!     .contender("all", |demand| service(demand, AdmitAll))
//!     .contender("at most 20", |demand| service(demand, MaxConcurrency::new(20)))
//!     .scenario(Scenario::plateau(2.0))
//!     .seeds(1)
//!     .brief()
//!     .run()?;
//!
//! println!("{report}");
//! let goodput = |name: &str| report.outcome("plateau 2x", name).unwrap().goodput();
//! assert!(goodput("at most 20") > 0.95 && goodput("all") < 0.6);
//! # let folder = std::env::temp_dir().join("seda-lab-doc");
//! report.write(&folder)?; // index.html, and an SVG for each scenario
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A run of your own service on threads can stand beside: make an [`Outcome`] of what you measured.

mod axis;
mod chart;
mod contest;
mod demand;
mod outcome;
mod page;
mod played;
pub mod plot;
mod plots;
mod report;
mod scenario;
mod turns;

pub use contest::Lab;
pub use demand::Demand;
pub use outcome::{Measures, Outcome};
pub use played::{Fate, Measured, Played};
pub use report::Report;
pub use scenario::{Scenario, Step};
