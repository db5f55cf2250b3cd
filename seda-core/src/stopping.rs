//! A stop that a task awaits: the waiting is done by a thread of its own, as the task's may be the one that the last events
//! need.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use crate::{graph::Report, sync::lock};

/// The report of a pipeline that is stopping; made by [`Running::drain_async`](crate::Running::drain_async). The stop goes
/// on when this is dropped.
#[must_use = "the pipeline stops all the same, but nobody reads its report"]
pub struct Stopping(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    report: Option<Report>,
    waker: Option<Waker>,
}

impl fmt::Debug for Stopping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stopping")
    }
}

impl Stopping {
    /// Begins `stop` on a thread; where there is none to be had, does it at once.
    pub(crate) fn begin(pipeline: &str, stop: impl FnOnce() -> Report + Send + 'static) -> Self {
        let state = Arc::<Mutex<State>>::default();
        // Not in the closure: a thread that could not be made would take it along.
        let stop = Arc::new(Mutex::new(Some(stop)));
        let run = {
            let (state, stop) = (state.clone(), stop.clone());
            move || {
                let Some(stop) = lock(&stop).take() else { return };
                let report = stop();
                let mut state = lock(&state);
                state.report = Some(report);
                let waker = state.waker.take();
                drop(state);
                waker.into_iter().for_each(Waker::wake);
            }
        };
        let thread = std::thread::Builder::new().name(format!("{pipeline}-stop"));
        if thread.spawn(run.clone()).is_err() {
            run();
        }
        Stopping(state)
    }
}

impl Future for Stopping {
    type Output = Report;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report> {
        let mut state = lock(&self.0);
        match state.report.take() {
            Some(report) => Poll::Ready(report),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
