//! Random graphs, the same for the model test on virtual time and the stress test on threads.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use seda_core::{
    AdmitAll, Cx, Deadline, Defer, Degrade, Domain, Fair, Fresh, Inlet, MaxConcurrency, Open, Outlet, Pipeline,
    Priority, Quality, Settings, Slo, StageOptionsExt, StageParts, TokenBucket, WhenFull, batch, ms, parallel,
    per_worker, task, us,
};

/// SplitMix64, so that a printed seed means the same everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

pub(crate) fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: u64,
    pub(crate) key: u8,
    pub(crate) seq: u64,
    /// Stages that it may still pass: what goes round a cycle comes to an end.
    pub(crate) hops: u8,
}

/// What the handlers of one stage saw.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) calls: AtomicU64,
    pub(crate) panics: AtomicU64,
    /// Last sequence number by key; only looked at where order is promised.
    last: Mutex<HashMap<u8, u64>>,
    pub(crate) disorder: AtomicBool,
    in_flight: Mutex<HashMap<u8, u32>>,
    pub(crate) overlap: AtomicBool,
}

pub(crate) struct StagePlan {
    pub(crate) name: String,
    pub(crate) seen: Arc<Seen>,
    pub(crate) inlet: Inlet<Event>,
    /// Fed by code outside alone.
    pub(crate) entry_only: bool,
    pub(crate) keyed: bool,
    /// Handlers note what they see.
    pub(crate) noted: bool,
    pub(crate) bound: usize,
    /// Name and range of its threads, if it has any.
    pub(crate) resizable: Option<(String, usize, usize)>,
}

pub(crate) struct Plan {
    pub(crate) pipeline: Pipeline,
    pub(crate) stages: Vec<StagePlan>,
    pub(crate) sources: usize,
}

/// Longest way of an event.
const HOPS: u8 = 12;

pub(crate) fn event(id: u64, seq: u64) -> Event {
    Event { id, key: (mix(id) % 5) as u8, seq, hops: HOPS }
}

struct Shape {
    keyed: bool,
    refuses: bool,
    kind: u64,
}

/// Builds a graph of one to eight stages; on threads, handlers make way for one another now and then.
pub(crate) fn random(dice: &mut Dice, on_threads: bool) -> Plan {
    let mut p = Pipeline::named("random");
    let domains: Vec<(Domain, String, usize, usize)> = (0..dice.below(3))
        .map(|n| {
            let (min, name) = (1 + dice.below(2) as usize, format!("domain{n}"));
            let max = min + dice.below(3) as usize;
            let domain = p.domain(&name, min..=max);
            if dice.chance(50) {
                p.caller_runs(&domain);
            }
            (domain, name, min, max)
        })
        .collect();
    // Every domain needs a stage; the first stages take them in turn.
    let count = domains.len().max(1) + dice.below(6) as usize;
    let panics = dice.chance(40);
    let mut stages = Vec::new();
    let mut shapes = Vec::new();
    let mut outs: Vec<Vec<Outlet<Event>>> = Vec::new();
    for n in 0..count {
        let seen = Arc::new(Seen::default());
        let kind = dice.below(8);
        let mut shape = Shape { keyed: false, refuses: false, kind };
        let handle = handler(seen.clone(), panics, on_threads);
        let name = format!("s{n}");
        let domain = if n < domains.len() {
            Some(n)
        } else {
            (!domains.is_empty() && dice.chance(60)).then(|| dice.below(domains.len() as u64) as usize)
        };
        let (min, max) = (1 + dice.below(2) as usize, 3);
        let place = |parts: StageParts<Event, Vec<Event>>| match domain {
            Some(at) => parts.on(&domains[at].0),
            None => parts.threads(min..=max),
        };
        let bound = [1, 2, 7, 100][dice.below(4) as usize];
        let wrapper = dice.below(7);
        // Async handlers run on a runtime of the host's, or on virtual time.
        let asynchronous = wrapper == 6 && domain.is_none() && (cfg!(feature = "tokio") || !on_threads);
        let plainly = panics || !matches!(wrapper, 1 | 2);
        let parts = match wrapper {
            0 => per_worker(move || {
                let handle = handle.clone();
                move |e: Event, cx: &Cx| handle(e, cx)
            })
            .queue(bound),
            1 if !panics => batch(move |b: seda_core::Batch<Event>| b.answer(pass)).queue(bound),
            2 if !panics => parallel(|e: Event| pass(e)).queue(bound),
            _ if asynchronous => task(waiting(seen.clone(), panics)).queue(bound),
            _ => (move |e: Event, cx: &Cx| handle(e, cx)).queue(bound),
        };
        let limit = 1 + dice.below(5) as usize;
        let mut parts = if asynchronous { parts.limit(limit) } else { place(parts) };
        if dice.chance(30) {
            parts = parts.max_age(us(200 + dice.below(3000)));
        }
        parts = parts.when_full(match dice.below(6) {
            0 => WhenFull::DropNewest,
            1 => WhenFull::DropOldest,
            2 => {
                shape.refuses = true;
                WhenFull::Reject
            }
            _ => WhenFull::Block,
        });
        // Where the newest go first there is no order to keep.
        let newest_first = dice.chance(8);
        if newest_first {
            parts = parts.admission(Fresh::new(us(500 + dice.below(3000))));
            shape.refuses = true;
        } else if dice.chance(40) {
            let (with, sheds) = policy(dice, parts);
            parts = with;
            shape.refuses |= sheds;
        }
        if dice.chance(15) {
            parts = parts.kind(|e: &Event| e.id % 5).tenant(|e: &Event| e.key);
        }
        if dice.chance(25) {
            parts = parts.classes(3, |e: &Event| (e.id % 3) as u8);
        } else if plainly && !newest_first && dice.chance(40) {
            // A data-parallel handler works on one key's events at once, and batches are not noted below.
            shape.keyed = true;
        }
        if dice.chance(25) {
            parts = parts.queue_bytes(64 + dice.below(400), |e: &Event| 8 + e.id % 64);
        }
        if dice.chance(30) {
            parts = parts.batch_max(1 + dice.below(5) as usize);
        }
        let parts = if shape.keyed { parts.keyed(|e: &Event| e.key) } else { parts };
        let (inlet, out) = p.stage(&name, parts);
        outs.push(open(out, shape.kind));
        let resizable = match domain {
            _ if asynchronous => None,
            Some(at) => Some((domains[at].1.clone(), domains[at].2, domains[at].3)),
            None => Some((name.clone(), min, max)),
        };
        stages.push(StagePlan {
            name,
            seen,
            inlet,
            entry_only: true,
            keyed: shape.keyed,
            noted: plainly,
            bound,
            resizable,
        });
        shapes.push(shape);
    }
    let sources = wire(dice, &mut p, &mut stages, &shapes, outs);
    if dice.chance(20) {
        p.byte_budget(300 + dice.below(1000));
    }
    Plan { pipeline: p, stages, sources }
}

/// With an admission policy, and whether it sheds: what one in `Defer` does not admit waits.
fn policy(dice: &mut Dice, parts: StageParts<Event, Vec<Event>>) -> (StageParts<Event, Vec<Event>>, bool) {
    let bucket = TokenBucket::new(2000.0, 20);
    let places = MaxConcurrency::new(1 + dice.below(9) as usize);
    let slo = Slo::new(us(500 + dice.below(5000)));
    let parts = match dice.below(10) {
        0 => parts.admission(bucket),
        1 => parts.admission(places),
        2 | 3 => parts.admission(slo),
        4 => parts.admission(Priority::new(Fair::new(Deadline::new(places)))),
        5 => parts.admission(Degrade::new(slo, &Quality::new(0.2..=1.0))),
        6 => return (parts.admission(Defer::new(bucket)), false),
        7 => return (parts.admission(Defer::new(places)), false),
        8 => return (parts.admission(Defer::new(Fair::new(slo))), false),
        _ => return (parts.admission(Defer::new(Deadline::new(AdmitAll))), false),
    };
    (parts, true)
}

/// Links every outlet: mostly forwards, sometimes back, sometimes to an end.
fn wire(
    dice: &mut Dice,
    p: &mut Pipeline,
    stages: &mut [StagePlan],
    shapes: &[Shape],
    outs: Vec<Vec<Outlet<Event>>>,
) -> usize {
    let over = p.sink("over", drop::<Event>);
    let end = p.sink("end", drop::<Event>);
    let mut link = |p: &mut Pipeline, out: Outlet<Event>, to: usize| {
        stages[to].entry_only = false;
        if shapes[to].refuses {
            let (out, spill) = out.overflow();
            p.link(out, stages[to].inlet);
            p.link(spill, over);
        } else {
            p.link(out, stages[to].inlet);
        }
    };
    let count = shapes.len();
    for (n, outs) in outs.into_iter().enumerate() {
        for out in outs {
            if dice.chance(12) {
                link(p, out, dice.below(n as u64 + 1) as usize);
            } else if n + 1 < count && dice.chance(75) {
                link(p, out, n + 1 + dice.below((count - n - 1) as u64) as usize);
            } else {
                p.link(out, end);
            }
        }
    }
    let mut sources = 0;
    if dice.chance(30) {
        let n = dice.below(60);
        let events = (0..n).map(|n| event(1_000_000 + n, n));
        let out = p.source("source", events);
        link(p, out, dice.below(count as u64) as usize);
        sources += n as usize;
    }
    if dice.chance(15) {
        let out = p.tick("tick", ms(1), |n| event(2_000_000 + n, n));
        link(p, out, dice.below(count as u64) as usize);
    }
    sources
}

/// Opens the outlet of a stage that gives zero to two events for each.
fn open(out: Outlet<Vec<Event>>, kind: u64) -> Vec<Outlet<Event>> {
    let out = out.each();
    match kind {
        0 => out.fan::<2>().into(),
        1 => {
            let (a, b) = out.map(|e| if e.id % 3 == 0 { Err(e) } else { Ok(e) }).tried();
            vec![a, b]
        }
        2 => vec![out.filter(|e| e.id % 2 == 0)],
        3 => {
            let (some, none) = out.map(|e| (e.id % 4 != 0).then_some(e)).route();
            vec![some, none.filter(|()| false).map(|()| event(0, 0))]
        }
        _ => vec![out],
    }
}

fn pass(mut e: Event) -> Vec<Event> {
    if e.hops == 0 {
        return Vec::new();
    }
    e.hops -= 1;
    match mix(e.id ^ u64::from(e.hops)) % 9 {
        0 => Vec::new(),
        1 => vec![e.clone(), e],
        _ => vec![e],
    }
}

type Handle = Arc<dyn Fn(Event, &Cx) -> Vec<Event> + Send + Sync>;

fn handler(seen: Arc<Seen>, panics: bool, on_threads: bool) -> Handle {
    Arc::new(move |e, _| {
        seen.calls.fetch_add(1, Ordering::Relaxed);
        seen.note(&e);
        if on_threads {
            overlap(&seen, e.key);
        }
        seen.may_panic(&e, panics);
        pass(e)
    })
}

/// The same, after it was polled some times more.
fn waiting(seen: Arc<Seen>, panics: bool) -> impl Fn(Event) -> Waiting + Send + Sync {
    move |e| {
        let (seen, polls) = (seen.clone(), mix(e.id ^ 7) % 4);
        let here = Here::new(&seen, e.key);
        Box::pin(async move {
            for _ in 0..polls {
                again().await;
            }
            drop(here);
            seen.calls.fetch_add(1, Ordering::Relaxed);
            seen.note(&e);
            seen.may_panic(&e, panics);
            pass(e)
        })
    }
}

type Waiting = std::pin::Pin<Box<dyn Future<Output = Vec<Event>> + Send>>;

/// Not ready the first time, and polled again soon.
async fn again() {
    let mut polled = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut polled, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// An event in a handler, until this is dropped.
struct Here(Arc<Seen>, u8);

impl Here {
    fn new(seen: &Arc<Seen>, key: u8) -> Self {
        seen.come(key);
        Here(seen.clone(), key)
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        self.0.go(self.1);
    }
}

impl Seen {
    /// Events of one key come in their order, where that is promised.
    fn note(&self, e: &Event) {
        if let Some(before) = self.last.lock().unwrap().insert(e.key, e.seq)
            && before > e.seq
        {
            self.disorder.store(true, Ordering::Relaxed);
        }
    }

    fn may_panic(&self, e: &Event, panics: bool) {
        if panics && mix(e.id.wrapping_mul(31) + u64::from(e.hops)).is_multiple_of(29) {
            self.panics.fetch_add(1, Ordering::Relaxed);
            panic!("by the dice");
        }
    }

    fn come(&self, key: u8) {
        let mut map = self.in_flight.lock().unwrap();
        let n = map.entry(key).or_default();
        *n += 1;
        if *n > 1 {
            self.overlap.store(true, Ordering::Relaxed);
        }
    }

    fn go(&self, key: u8) {
        *self.in_flight.lock().unwrap().get_mut(&key).unwrap() -= 1;
    }
}

/// Notes whether two events of one key are in the stage's handlers at once.
fn overlap(seen: &Seen, key: u8) {
    seen.come(key);
    std::thread::yield_now();
    seen.go(key);
}

/// Panics of the dice are part of the test; others are told.
pub(crate) fn quiet_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.payload().downcast_ref::<&str>() != Some(&"by the dice") {
                told(info);
            }
        }));
    });
}

/// A change of some number; the graph may refuse it.
pub(crate) fn settings(dice: &mut Dice, stage: &str) -> Settings {
    let policies = [WhenFull::Block, WhenFull::Reject, WhenFull::DropNewest, WhenFull::DropOldest];
    match dice.below(6) {
        0 => Settings::new().metrics(dice.chance(50)),
        1 => Settings::new().byte_budget(1 + dice.below(500)),
        which => Settings::new().stage(stage, |stage| match which {
            2 => stage.max_age(dice.chance(70).then(|| us(1 + dice.below(5000)))),
            3 => stage.batch_max(1 + dice.below(70) as usize),
            4 => stage.queue_bytes(dice.chance(70).then(|| 1 + dice.below(300))).limit(1 + dice.below(3) as usize),
            _ => stage.when_full(policies[dice.below(4) as usize]),
        }),
    }
}
