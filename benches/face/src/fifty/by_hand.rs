//! The same by hand, as one would write it with care: a named thread and a bounded channel per stage, errors to one parking
//! thread, counts per stage, and an end that waits for all.

use std::fmt::Write;

use super::common::{self, EVENTS, STAGES};

const HEAD: &str = r#"use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{Builder, JoinHandle},
};

use crossbeam_channel::{Receiver, Sender, bounded};

const BOUND: usize = 1000;

#[derive(Default)]
struct Counts {
    done: AtomicU64,
    failed: AtomicU64,
}

struct Stage {
    name: &'static str,
    counts: Arc<Counts>,
    thread: JoinHandle<()>,
}

fn stage<I: Send + 'static, O: Send + 'static>(
    name: &'static str,
    input: Receiver<I>,
    failures: &Sender<Failed>,
    handle: impl Fn(I) -> Result<O, Failed> + Send + 'static,
    stages: &mut Vec<Stage>,
) -> std::io::Result<Receiver<O>> {
    let (next, output) = bounded(BOUND);
    let failures = failures.clone();
    let counts = Arc::new(Counts::default());
    let mine = counts.clone();
    let thread = Builder::new().name(name.to_string()).spawn(move || {
        for event in input {
            match handle(event) {
                Ok(event) => {
                    mine.done.fetch_add(1, Ordering::Relaxed);
                    if next.send(event).is_err() {
                        return;
                    }
                }
                Err(failed) => {
                    mine.failed.fetch_add(1, Ordering::Relaxed);
                    if failures.send(failed).is_err() {
                        return;
                    }
                }
            }
        }
    })?;
    stages.push(Stage { name, counts, thread });
    Ok(output)
}

"#;

pub(crate) fn source() -> String {
    let mut text = HEAD.to_string() + &common::source();
    text += "
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut stages = Vec::new();
    let (failures, failed) = bounded::<Failed>(BOUND);
    let park = Builder::new().name(\"park\".to_string()).spawn(move || {
        for failed in failed {
            println!(\"event {} failed at {}\", failed.id, failed.stage);
        }
    })?;
    let (entry, out) = bounded(BOUND);
";
    for k in 0..STAGES {
        writeln!(text, "    let out = stage(\"stage-{k}\", out, &failures, stage_{k}, &mut stages)?;")
            .expect("a String takes all");
    }
    write!(
        text,
        "    drop(failures);
    let last = Builder::new().name(\"last\".to_string()).spawn(move || {{
        for event in out {{
            println!(\"event {{}}: {{:?}} {{}}\", event.id, event.amounts, event.note);
        }}
    }})?;
    for id in 0..{EVENTS} {{
        entry.send(Event0 {{ id, amounts: [id; 1], note: format!(\"note {{id}}\") }})?;
    }}
    drop(entry);
    for Stage {{ name, counts, thread }} in stages {{
        thread.join().map_err(|_| format!(\"{{name}} panicked\"))?;
        let (done, failed) = (counts.done.load(Ordering::Relaxed), counts.failed.load(Ordering::Relaxed));
        println!(\"{{name}}: {{done}} done, {{failed}} failed\");
    }}
    last.join().map_err(|_| \"last panicked\")?;
    park.join().map_err(|_| \"park panicked\")?;
    Ok(())
}}
"
    )
    .expect("a String takes all");
    text
}
