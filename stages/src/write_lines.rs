//! Lines to a writer, as a sink.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use seda_core::{Answers, Batch, Batched, batch};

/// A sink that writes each event as a line to `writer`.
///
/// A batch is written and flushed at once, so an event that the ledger calls done has reached what is behind the
/// writer, and a slow writer is asked once per batch. If it fails, the batch ends as failed with the writer's words and
/// the next one is tried; some of a failed batch's lines may have been written. It blocks its worker for as long as the
/// writer does.
///
/// ```
/// use seda::prelude::*;
/// use seda_stages::write_lines;
///
/// let mut p = Pipeline::named("numbers");
/// let numbers = p.source("count", 1..=3);
/// p.end_with("print", numbers, write_lines(std::io::stdout()));
/// let report = p.start()?.finish();
/// assert_eq!(report.ledger().stage("print").unwrap().done, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn write_lines<W, T>(writer: W) -> Batched<impl Fn(Batch<T>) -> Answers<()> + Send + Sync + 'static>
where
    W: Write + Send + 'static,
    T: Display + 'static,
{
    let writer = Mutex::new(writer);
    batch(move |events: Batch<T>| {
        // A panic below leaves the lock poisoned and the writer as good as it was.
        let written = write_all(&mut *writer.lock().unwrap_or_else(PoisonError::into_inner), &events);
        if let Err(why) = written {
            // A panic is how a handler fails a batch.
            panic!("could not write: {why}");
        }
        events.answer(|_| ())
    })
}

fn write_all<T: Display>(writer: &mut dyn Write, events: &Batch<T>) -> io::Result<()> {
    let mut text = String::new();
    for event in events {
        text.push_str(&event.to_string());
        text.push('\n');
    }
    writer.write_all(text.as_bytes())?;
    writer.flush()
}
