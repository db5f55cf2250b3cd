//! What the face says of a mistake: at compile time where the types can tell, else at start.

use seda::prelude::*;

/// `tests/ui/*.rs`, one mistake each, and the whole text that rustc prints for it. `cargo xtask test ui` runs it.
#[test]
#[ignore = "rustc's own words change from release to release; `cargo xtask test ui` runs this on the pinned one"]
fn a_mistake_in_the_wiring_is_told_in_our_words() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

#[test]
fn ports_that_are_open_at_start_are_named_all_at_once() {
    let mut p = Pipeline::named("orders");
    let (_, _numbers, _bad) = p.stage("decode", |text: String| text.parse::<u32>()).tried();
    let (_, _priced) = p.stage("price", |cents: u32| cents + 1);
    let findings = p.start().expect_err("three ports are open").to_string();
    for open in ["decode", "decode.err", "price"] {
        assert!(findings.contains(open), "`{open}` is not in: {findings}");
    }
}
