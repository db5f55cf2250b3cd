//! What the HTTP benches share: the service in a process of its own, and the clients that drive it.
//!
//! Server and client share no runtime, only the machine. Clients run on one thread over epoll, so that they take as
//! little of the processor as a client can.

mod clients;
mod connection;
mod late;
mod load;
mod price;
mod schedule;
mod server;

pub use clients::{Clients, Counts};
pub use late::{Late, late};
pub use load::{Load, Paid};
pub use schedule::{Latencies, Schedule};
pub use server::{Kind, Request, Server};
