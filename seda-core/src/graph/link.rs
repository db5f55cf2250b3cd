//! Links between stages, and from stages to whoever asked.

use std::{
    marker::PhantomData,
    sync::{Arc, Mutex},
};

use super::pipeline::Pipeline;
use crate::{
    event::Event,
    stage::{
        inbox::Inbox,
        inlet::Inlet,
        outlet::{Outlet, Sketch},
    },
    sync::lock,
};

impl Pipeline {
    pub(super) fn inbox<T>(&self, inlet: Inlet<T>) -> Option<Arc<Inbox>> {
        if inlet.pipeline != self.shared.id {
            return None;
        }
        Some(self.stages.get(inlet.stage as usize)?.activation.inbox.clone())
    }

    /// An outlet of another pipeline, or one that is linked to another's inlet or answer.
    pub(super) fn find_foreign(&mut self, outlet: &str, to: Option<&str>) {
        let what = match to {
            Some(to) => format!("Outlet({outlet}) is linked to {to} of another pipeline"),
            None => format!("an outlet of another pipeline (Outlet({outlet})) is linked"),
        };
        self.find(what, "link stages of one pipeline");
    }
}

/// Where an outlet of `T` can be linked to.
#[diagnostic::on_unimplemented(
    message = "this edge carries `{T}`, but the inlet is `{Self}`",
    label = "wrong event for this inlet",
    note = "an `async fn` gives a future; its value is what `task(..)` around it gives",
    note = "convert on the edge with `.map(..)`; open a `Result` with `.tried()`, an enum with `.route()`, an `Option` with `.some()`, an iterable with `.each()`"
)]
pub trait LinkTo<T: Event> {
    #[doc(hidden)]
    fn take_from(self, pipeline: &mut Pipeline, from: Outlet<T>);
}

impl<T: Event> LinkTo<T> for Inlet<T> {
    fn take_from(self, pipeline: &mut Pipeline, from: Outlet<T>) {
        match pipeline.inbox(self) {
            Some(inbox) => from.link(inbox),
            None => pipeline.find_foreign(from.name(), Some("an inlet")),
        }
    }
}

/// Where replies go: made by [`Pipeline::ask`], linked like an inlet.
pub struct Answer<R> {
    pipeline: u32,
    ask: u32,
    reply: PhantomData<fn(R)>,
}

impl<R> Answer<R> {
    pub(super) fn of(pipeline: u32, ask: u32) -> Self {
        Answer { pipeline, ask, reply: PhantomData }
    }
}

impl<R> Clone for Answer<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Answer<R> {}

impl<R> std::fmt::Debug for Answer<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({} of pipeline {})", self.ask, self.pipeline)
    }
}

impl<R: Event> LinkTo<R> for Answer<R> {
    fn take_from(self, pipeline: &mut Pipeline, from: Outlet<R>) {
        if self.pipeline != pipeline.shared.id {
            pipeline.find_foreign(from.name(), Some("an answer"));
            return;
        }
        let (name, counts) = pipeline.answers[self.ask as usize].clone();
        from.answer(self.ask, &name, counts);
    }
}

/// Names of ports and their events, for the list of open ones.
pub(super) fn open_ports(sketch: &Mutex<Sketch>) -> Vec<String> {
    let sketch = lock(sketch);
    let open = sketch.ports.iter().filter(|port| !port.wired);
    open.map(|port| format!("{}: {}", port.name, short_type(port.event))).collect()
}

/// A type's name without the paths.
pub(super) fn short_type(name: &str) -> String {
    let mut short = String::new();
    let mut word = String::new();
    for c in name.chars() {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
        } else if c == ':' {
            word.clear();
        } else {
            short.push_str(&std::mem::take(&mut word));
            short.push(c);
        }
    }
    short + &word
}

#[cfg(test)]
mod tests {
    use super::short_type;

    #[test]
    fn type_names_lose_their_paths() {
        assert_eq!(short_type("core::result::Result<a::Order, b::c::Bad>"), "Result<Order, Bad>");
    }
}
