#![doc = include_str!("guide_links.md")]
#![doc = include_str!("../docs/README.md")]

/// A page of `docs/` as a module, so that it stands in rustdoc and its code runs with the doc tests. The links come first:
/// the first definition of a name counts, so that a page's own ones, for who reads the file, give way. A page whose code
/// needs a feature is always there to be read, and tested with that feature.
macro_rules! page {
    ($name:ident, $file:literal $(, $feature:literal)?) => {
        #[cfg(any(not(doctest), all($(feature = $feature)?)))]
        #[doc = include_str!("guide_links.md")]
        #[doc = include_str!($file)]
        pub mod $name {}
    };
}

/// One service, grown chapter by chapter. Each chapter is a whole program.
pub mod tutorial {
    page!(ch01_first_stage, "../docs/tutorial/01_first_stage.md");
    page!(ch02_error_port, "../docs/tutorial/02_error_port.md");
    page!(ch03_branches, "../docs/tutorial/03_branches.md", "macros");
    page!(ch04_state_per_key, "../docs/tutorial/04_state_per_key.md");
    page!(ch05_overload, "../docs/tutorial/05_overload.md");
    page!(ch06_request_and_reply, "../docs/tutorial/06_request_and_reply.md");
    page!(ch07_async_handlers, "../docs/tutorial/07_async_handlers.md", "tokio");
    page!(ch08_http, "../docs/tutorial/08_http.md", "axum");
    page!(ch09_configuration, "../docs/tutorial/09_configuration.md", "config");
    page!(ch10_stopping, "../docs/tutorial/10_stopping.md");
    page!(ch11_testing, "../docs/tutorial/11_testing.md");
}

/// One page for each thing that one must have understood.
pub mod concepts {
    page!(stages_and_queues, "../docs/concepts/stages_and_queues.md");
    page!(domains, "../docs/concepts/domains.md");
    page!(full_queue, "../docs/concepts/full_queue.md");
    page!(controllers, "../docs/concepts/controllers.md");
    page!(stopping, "../docs/concepts/stopping.md");
    page!(ledger, "../docs/concepts/ledger.md");
    page!(configuration, "../docs/concepts/configuration.md", "config");
    page!(testing, "../docs/concepts/testing.md");
    page!(simulation, "../docs/concepts/simulation.md", "sim");
    page!(overload, "../docs/concepts/overload.md", "lab");
}

/// What you know from elsewhere, side by side with seda: what maps to what, what differs, what you lose.
pub mod coming_from {
    page!(tokio_channels, "../docs/coming_from/tokio_channels.md");
    page!(tower, "../docs/coming_from/tower.md");
    page!(broadway, "../docs/coming_from/broadway.md", "macros");
    page!(camel, "../docs/coming_from/camel.md");
}

page!(bridges, "../docs/bridges.md", "tokio");
page!(metrics, "../docs/metrics.md", "metrics");
page!(when_not_to_use_it, "../docs/when_not_to_use_it.md");
