//! What the face says of a mistake: at compile time where the types can tell, else at start.

use seda::prelude::*;

/// `tests/ui/*.rs`, one mistake each, and the whole text that rustc prints for it. `cargo xtask test ui` runs it.
#[test]
#[ignore = "rustc's own words change from release to release; `cargo xtask test ui` runs this on the pinned one"]
fn a_mistake_in_the_wiring_is_told_in_our_words() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

/// What a start is told, without its first line.
fn findings(p: Pipeline) -> String {
    let text = p.start().expect_err("there is a finding").to_string();
    text.split_once('\n').expect("findings stand below the first line").1.to_string()
}

#[test]
fn ports_that_are_open_at_start_are_named_all_at_once() {
    let mut p = Pipeline::named("orders");
    let (_, _numbers, _bad) = p.stage("decode", |text: String| text.parse::<u32>()).tried();
    let (_, _priced) = p.stage("price", |cents: u32| cents + 1);
    assert_eq!(
        findings(p),
        "  1. 3 open ports: decode: u32; decode.err: ParseIntError; price: u32\n     \
         cure: link each, or end it: `p.end(\"name\", outlet, drop)`"
    );
}

#[test]
fn a_name_that_two_stages_have_is_told_once() {
    let mut p = Pipeline::named("orders");
    let (_, priced) = p.stage("price", |cents: u32| cents + 1);
    p.end("price", priced, drop);
    assert_eq!(findings(p), "  1. two stages or domains are named `price`\n     cure: give each its own name");
}

#[test]
fn a_name_that_is_missing_is_told_once() {
    let mut p = Pipeline::named("orders");
    let (_, priced) = p.stage("", |cents: u32| cents + 1);
    p.end("end", priced, drop);
    assert_eq!(
        findings(p),
        "  1. stage ``: the name is empty\n     \
         cure: configuration and metrics hang on it: use words like `resize-images`"
    );
}

#[test]
fn an_option_that_is_said_twice_is_told_once() {
    let mut p = Pipeline::named("orders");
    let (_, priced) = p.stage("price", (|cents: u32| cents + 1).queue(5).threads(2).queue(6));
    p.end("end", priced, drop);
    assert_eq!(findings(p), "  1. stage `price`: `.queue(..)` is given twice\n     cure: give it once");
}
