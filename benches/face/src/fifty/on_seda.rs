//! The app on seda.

use std::fmt::Write;

use super::common::{self, EVENTS, STAGES};

pub(crate) fn source() -> String {
    let mut text = String::from("use seda::prelude::*;\n\n") + &common::source();
    text += "
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut p = Pipeline::named(\"fifty\");
    let park = p.sink(\"park\", |failed: Failed| println!(\"event {} failed at {}\", failed.id, failed.stage));
";
    for k in 0..STAGES {
        writeln!(text, "    let (in_{k}, out_{k}, bad_{k}) = p.stage(\"stage-{k}\", stage_{k}).tried();").expect(TAKES);
        writeln!(text, "    p.link(bad_{k}, park);").expect(TAKES);
        if let Some(before) = k.checked_sub(1) {
            writeln!(text, "    p.link(out_{before}, in_{k});").expect(TAKES);
        }
    }
    let last = STAGES - 1;
    write!(
        text,
        "    p.end(\"last\", out_{last}, |event| println!(\"event {{}}: {{:?}} {{}}\", event.id, event.amounts, event.note));
    let running = p.start()?;
    let entry = running.entry(in_0);
    for id in 0..{EVENTS} {{
        entry.offer(Event0 {{ id, amounts: [id; 1], note: format!(\"note {{id}}\") }})?;
    }}
    println!(\"{{}}\", running.drain(Deadlines::default()));
    Ok(())
}}
"
    )
    .expect(TAKES);
    text
}

const TAKES: &str = "a String takes all";
