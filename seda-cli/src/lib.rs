//! What the `seda` command is made of; the benches run the same service.

pub mod demo;
pub mod lab;
pub mod overload;
