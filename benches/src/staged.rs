//! The same chain of three no-op stages on seda.

use seda::{Domain, Entry, prelude::*};

use crate::{BOUND, Event, Sink, pass, pass_to};

/// A running chain and the way in.
pub struct StagedChain {
    /// Offer here.
    pub entry: Entry<Event>,
    /// Keeps the workers alive; dropping it joins them.
    pub running: Running,
}

/// Each stage on a thread of its own; `sink` makes one sink per worker of the last stage.
pub fn own_chain<S: Sink>(metrics: bool, sink: impl Fn() -> S + Send + Sync + 'static) -> StagedChain {
    let mut p = Pipeline::named("own");
    p.metrics(metrics);
    let (a, out) = p.stage("a", pass.threads(1).queue(BOUND));
    let out = p.then_with("b", out, pass.threads(1).queue(BOUND));
    p.end_with("c", out, per_worker(move || pass_to(sink())).threads(1).queue(BOUND));
    start(p, a)
}

/// All three stages in one domain of `threads` threads, offered from outside.
pub fn domain_chain<S: Sink>(threads: usize, sink: impl Fn() -> S + Send + Sync + 'static) -> StagedChain {
    let mut p = Pipeline::named("domain");
    let domain = p.domain("all", threads);
    let (a, out) = p.stage("a", pass.on(&domain).queue(BOUND));
    rest_in_domain(&mut p, &domain, out, sink);
    start(p, a)
}

/// The same with a finite source in the domain; not started yet.
pub fn pulled_chain<S: Sink>(events: u64, threads: usize, sink: impl Fn() -> S + Send + Sync + 'static) -> Pipeline {
    let mut p = Pipeline::named("pulled");
    let domain = p.domain("all", threads);
    let numbers = p.source_in("numbers", &domain, (0..events).map(Event::numbered));
    let out = p.then_with("a", numbers, pass.on(&domain).queue(BOUND));
    rest_in_domain(&mut p, &domain, out, sink);
    p
}

fn rest_in_domain<S: Sink>(
    p: &mut Pipeline,
    domain: &Domain,
    out: Outlet<Event>,
    sink: impl Fn() -> S + Send + Sync + 'static,
) {
    let out = p.then_with("b", out, pass.on(domain).queue(BOUND));
    p.end_with("c", out, per_worker(move || pass_to(sink())).on(domain).queue(BOUND));
}

fn start(p: Pipeline, a: Inlet<Event>) -> StagedChain {
    let running = p.start().expect("the chain passes the checks");
    StagedChain { entry: running.entry(a), running }
}
