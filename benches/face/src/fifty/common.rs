//! What both apps have: the types of their events, and what their stages do.

use std::fmt::Write;

/// So many stages, each with a type of event of its own, and one for what comes out at the end.
pub(crate) const STAGES: usize = 50;
/// Events that go through when it is run.
pub(crate) const EVENTS: usize = 1000;

/// Words of an event: they differ, so that no two types look alike to the compiler.
fn words(stage: usize) -> usize {
    1 + stage % 4
}

/// Types and handlers.
pub(crate) fn source() -> String {
    let mut text =
        String::from("#[derive(Debug)]\npub struct Failed {\n    pub stage: &'static str,\n    pub id: u64,\n}\n");
    for k in 0..=STAGES {
        let words = words(k);
        write!(
            text,
            "
#[derive(Debug)]
pub struct Event{k} {{
    pub id: u64,
    pub amounts: [u64; {words}],
    pub note: String,
}}
"
        )
        .expect("a String takes all");
    }
    for k in 0..STAGES {
        let (next, words, of, failing, factor) = (k + 1, words(k + 1), k + 97, k + 3, k + 3);
        write!(
            text,
            "
fn stage_{k}(event: Event{k}) -> Result<Event{next}, Failed> {{
    if event.id % {of} == {failing} {{
        return Err(Failed {{ stage: \"stage-{k}\", id: event.id }});
    }}
    let amount = event.amounts[0].wrapping_mul({factor}).wrapping_add({k});
    Ok(Event{next} {{ id: event.id, amounts: [amount; {words}], note: event.note }})
}}
"
        )
        .expect("a String takes all");
    }
    text
}
