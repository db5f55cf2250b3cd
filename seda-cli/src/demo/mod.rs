//! A folder of files and pictures over HTTP, as a staged service in the line of SEDA's web server Haboob (Welsh,
//! Culler, Brewer, SOSP 2001): hyper owns socket and framing, stages begin at the parsed request.
//!
//! Read [`stages`] first; the steps that it wires know nothing of it. [`plain`] is the same service without stages.

pub mod cache;
mod draw;
pub mod http;
mod index;
pub mod page;
pub mod plain;
pub mod route;
pub mod sample;
pub mod service;
pub mod site;
pub mod staged;
pub mod stages;
pub mod thumb;
pub mod view;
