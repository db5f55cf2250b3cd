//! Groups of events, as an inner stage.

use seda_core::{BoxError, Cx, HandlerMut, PerWorker, per_worker};

/// Puts `size` events into a `Vec`, in the order in which its worker took them; a drain gives the rest.
///
/// Give its outlet `.some()`: it answers `None` while a group is not full. Each worker of the stage has a group of its
/// own. A group waits for as long as it takes to fill: nothing here looks at the time. Holds at most `size` events per
/// worker; an asked event that waits in a group has ended as filtered for its asker, but for the last.
///
/// # Errors
/// A size of 0 is refused when the pipeline starts.
///
/// ```
/// use seda::prelude::*;
/// use seda_stages::group;
///
/// let mut p = Pipeline::named("numbers");
/// let numbers = p.source("count", 1..=5);
/// let groups = p.then_with("group", numbers, group(2)).some();
/// p.end("print", groups, |group: Vec<i32>| println!("{group:?}")); // [1, 2], [3, 4], [5]
/// let report = p.start()?.finish();
/// assert_eq!(report.ledger().stage("print").unwrap().done, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn group<T>(size: usize) -> PerWorker<impl Fn() -> Group<T> + Send + Sync + 'static> {
    per_worker(move || Group { size, events: Vec::new() })
}

/// The group of one worker; see [`group`](fn@group).
#[derive(Debug)]
pub struct Group<T> {
    size: usize,
    events: Vec<T>,
}

impl<T> HandlerMut for Group<T> {
    type In = T;
    type Out = Option<Vec<T>>;

    fn start(&mut self) -> Result<(), BoxError> {
        if self.size == 0 { Err("a group of 0 events is never full; give at least 1".into()) } else { Ok(()) }
    }

    fn handle(&mut self, event: T, _: &Cx) -> Option<Vec<T>> {
        self.events.push(event);
        (self.events.len() == self.size).then(|| std::mem::take(&mut self.events))
    }

    fn flush(&mut self, emit: &mut dyn FnMut(Option<Vec<T>>)) {
        if !self.events.is_empty() {
            emit(Some(std::mem::take(&mut self.events)));
        }
    }
}
