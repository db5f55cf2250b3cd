//! Workers of an async stage: tasks of the host's runtime that take its events, poll each future once, and leave those that
//! are not ready to tasks of their own. They park and wake by the same protocol as threads do.

use std::{
    cell::Cell,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
};

use super::{
    keeper::Keeper,
    threads::{DomainThreads, run_stage},
};
use crate::graph::Graph;

/// Batches after which a pump lets the runtime's other tasks go first.
const PUMP_BATCHES: u32 = 16;

pub(super) struct Pump {
    graph: Arc<Graph>,
    domain: Arc<DomainThreads>,
    keeper: Arc<Keeper>,
    worker: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Awake,
    Asleep,
    Left,
}

impl Pump {
    pub(super) fn new(graph: Arc<Graph>, domain: Arc<DomainThreads>, keeper: Arc<Keeper>, worker: usize) -> Self {
        Pump { graph, domain, keeper, worker, state: State::New }
    }

    /// False while it sleeps on.
    fn awakes(&mut self, waker: &Waker) -> bool {
        let ready = &self.domain.ready;
        match self.state {
            State::Asleep if ready.dozes_on(self.worker, waker) => return false,
            State::New => ready.enter(),
            _ => {}
        }
        if self.state != State::Awake {
            self.keeper.arm();
        }
        self.state = State::Awake;
        true
    }

    /// Runs what there is; true while there may be more.
    fn work(&self) -> bool {
        let left = Cell::new(PUMP_BATCHES);
        let spent = || {
            left.set(left.get().saturating_sub(1));
            left.get() == 0
        };
        let doing = &self.domain.doing[self.worker];
        let mut now_ns = self.graph.shared.clock.now_ns();
        while left.get() > 0 {
            // Said before it is looked at: a stop waits for it, or is seen here.
            doing.since_ns.store(now_ns, Ordering::SeqCst);
            if self.domain.is_stopping() {
                return false;
            }
            let Some(bit) = self.domain.ready.pick() else { return false };
            doing.bit.store(bit as u32, Ordering::Relaxed);
            now_ns = run_stage(&self.graph, &self.domain, bit, doing, spent, now_ns, &mut 0);
            spent();
        }
        true
    }
}

impl Future for Pump {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.awakes(cx.waker()) {
            return Poll::Pending;
        }
        loop {
            // Outside of the handlers only a `Drop` of the user's can panic.
            let more = catch_unwind(AssertUnwindSafe(|| self.work())).unwrap_or_else(|_| {
                tracing::error!(domain = %self.domain.name(), "a worker panicked outside of its handlers");
                true
            });
            self.domain.doing[self.worker].since_ns.store(0, Ordering::SeqCst);
            if self.domain.is_stopping() {
                self.domain.ready.leave();
                self.state = State::Left;
                return Poll::Ready(());
            }
            if more {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let domain = &self.domain;
            if domain.ready.doze(self.worker, cx.waker().clone(), || domain.is_stopping()) {
                self.state = State::Asleep;
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.domain.alive.fetch_sub(1, Ordering::AcqRel);
        match self.state {
            State::Asleep => self.domain.ready.leave_asleep(self.worker),
            State::Awake => self.domain.ready.leave(),
            State::New | State::Left => {}
        }
        if self.state == State::Left || self.domain.is_stopping() {
            return;
        }
        self.domain.doing[self.worker].since_ns.store(0, Ordering::SeqCst);
        if self.domain.threads() == 0 {
            tracing::error!(
                stage = %self.domain.name(),
                "its runtime was shut down: its events stay queued, and offers to it are refused as closed"
            );
            self.domain.close();
        }
    }
}
