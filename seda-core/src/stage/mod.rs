//! A stage. An event's life is two files: `inlet` (offer, decide, enqueue) and `activation` (take a batch, handle, emit,
//! settle, record). Beside `inlet` stand `inner` (the same on an inner edge) and `credit` (room that is promised or waited for).

pub(crate) mod activation;
mod adapting;
pub(crate) mod ask;
pub(crate) mod async_handler;
pub(crate) mod book;
pub(crate) mod books;
pub(crate) mod budget;
pub(crate) mod core;
mod credit;
pub(crate) mod cx;
pub(crate) mod described;
mod emit;
pub(crate) mod fitting;
pub(crate) mod flight;
pub(crate) mod handler;
pub(crate) mod inbox;
pub(crate) mod inlet;
mod inner;
pub(crate) mod lane;
pub(crate) mod named;
pub(crate) mod offer;
pub(crate) mod offering;
pub(crate) mod outlet;
mod panics;
pub(crate) mod parallel;
pub(crate) mod places;
mod pulling;
pub(crate) mod route;
mod sift;
pub(crate) mod source;
pub(crate) mod stamping;
pub(crate) mod task;
pub(crate) mod tune;
pub(crate) mod waiter;
pub(crate) mod whole;
pub(crate) mod work;
