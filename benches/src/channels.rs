//! The chain of three no-op stages over the channels that one would otherwise take: a thread (or a task) per stage.
//!
//! Each chain answers its first sender; its threads live until that is dropped, so that no round pays for a start.

use std::thread;

use tokio::{runtime::Runtime, sync::mpsc};

use crate::{Event, Sink, pass};

/// The bound of every channel, in events.
pub const BOUND: usize = 1024;
/// Events per `Vec` where a contender offers many at once.
pub const BATCH: usize = 64;
/// As many as the machine that the bars were set on has cores.
const TOKIO_WORKERS: usize = 2;

/// Starts the thread of one stage: receive, do nothing, send; until the channel before it closes.
fn stage<T: 'static>(
    mut receive: impl FnMut() -> Option<T> + Send + 'static,
    handle: fn(T) -> T,
    mut send: impl FnMut(T) + Send + 'static,
) {
    thread::spawn(move || {
        while let Some(event) = receive() {
            send(handle(event));
        }
    });
}

/// Three stages over a bounded channel type whose two ends share the usual names.
macro_rules! chain {
    ($channel:expr, $handle:expr, $last:expr) => {{
        let (first, a) = $channel;
        let (to_b, b) = $channel;
        let (to_c, c) = $channel;
        // A failed send means that the stage after has died, which the waiter at the sink reports.
        stage(move || a.recv().ok(), $handle, move |event| to_b.send(event).expect("stage b is alive"));
        stage(move || b.recv().ok(), $handle, move |event| to_c.send(event).expect("stage c is alive"));
        stage(move || c.recv().ok(), $handle, $last);
        first
    }};
}

/// Over crossbeam-channel, event by event.
pub fn crossbeam_chain(mut sink: impl Sink) -> crossbeam_channel::Sender<Event> {
    chain!(crossbeam_channel::bounded::<Event>(BOUND), pass, move |event| sink.take(event))
}

/// Over crossbeam-channel in `Vec`s of [`BATCH`], with the same bound in events. A stage gathers what it makes in a new
/// `Vec`, as one must whose events go out as another type than they came in.
pub fn crossbeam_batches(mut sink: impl Sink) -> crossbeam_channel::Sender<Vec<Event>> {
    let pass_all = |batch: Vec<Event>| {
        let mut out = Vec::with_capacity(batch.len());
        // Pushed one by one: `collect` would see that both types are one, and write into the old `Vec`.
        batch.into_iter().for_each(|event| out.push(pass(event)));
        out
    };
    let last = move |batch: Vec<Event>| batch.into_iter().for_each(|event| sink.take(event));
    chain!(crossbeam_channel::bounded::<Vec<Event>>(BOUND / BATCH), pass_all, last)
}

/// The same for stages that change each event where it is and send the `Vec` on: the least that it can cost.
pub fn crossbeam_batches_in_place(mut sink: impl Sink) -> crossbeam_channel::Sender<Vec<Event>> {
    let pass_all = |mut batch: Vec<Event>| {
        batch.iter_mut().for_each(|event| *event = pass(*event));
        batch
    };
    let last = move |batch: Vec<Event>| batch.into_iter().for_each(|event| sink.take(event));
    chain!(crossbeam_channel::bounded::<Vec<Event>>(BOUND / BATCH), pass_all, last)
}

/// Over std's `sync_channel`.
pub fn std_chain(mut sink: impl Sink) -> std::sync::mpsc::SyncSender<Event> {
    chain!(std::sync::mpsc::sync_channel::<Event>(BOUND), pass, move |event| sink.take(event))
}

/// Over flume.
pub fn flume_chain(mut sink: impl Sink) -> flume::Sender<Event> {
    chain!(flume::bounded::<Event>(BOUND), pass, move |event| sink.take(event))
}

/// Over kanal.
pub fn kanal_chain(mut sink: impl Sink) -> kanal::Sender<Event> {
    chain!(kanal::bounded::<Event>(BOUND), pass, move |event| sink.take(event))
}

/// A tokio runtime of two workers.
pub fn tokio_runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(TOKIO_WORKERS)
        .build()
        .expect("two threads can be started")
}

/// Over tokio's mpsc, a task per stage.
pub fn tokio_chain(runtime: &Runtime, mut sink: impl Sink) -> mpsc::Sender<Event> {
    let (first, mut a) = mpsc::channel(BOUND);
    let (to_b, mut b) = mpsc::channel(BOUND);
    let (to_c, mut c) = mpsc::channel(BOUND);
    runtime.spawn(async move {
        while let Some(event) = a.recv().await {
            to_b.send(pass(event)).await.expect("stage b is alive");
        }
    });
    runtime.spawn(async move {
        while let Some(event) = b.recv().await {
            to_c.send(pass(event)).await.expect("stage c is alive");
        }
    });
    runtime.spawn(async move {
        while let Some(event) = c.recv().await {
            sink.take(pass(event));
        }
    });
    first
}
