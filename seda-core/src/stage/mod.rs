//! A stage. An event's life is two files: `inlet` (offer, decide, enqueue) and `activation` (take a batch, handle, emit,
//! settle, record).

pub(crate) mod activation;
mod adapting;
pub(crate) mod ask;
pub(crate) mod async_handler;
pub(crate) mod book;
pub(crate) mod books;
pub(crate) mod budget;
pub(crate) mod core;
pub(crate) mod cx;
pub(crate) mod described;
mod emit;
pub(crate) mod fitting;
pub(crate) mod flight;
pub(crate) mod handler;
pub(crate) mod inbox;
pub(crate) mod inlet;
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
