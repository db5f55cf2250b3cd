//! The service as stages: this file is its architecture.
//!
//! ```text
//!  offer ──▶ route ──▶ cache ──────────────────────────▶ answer
//!              │         │                                 ▲
//!              │         └─▶ disk ──▶ page ────────────────┤
//!              │               │                           │
//!              │               └────▶ picture ─▶ thumb ────┤
//!              └─ 400 405 414                              │
//!                    no room at disk or thumb: 503 ────────┘
//! ```

use std::{sync::Arc, thread::available_parallelism, time::Duration};

use seda::{Branches, prelude::*};

use super::{
    page::Page,
    route::{Request, route},
    site::{Miss, Read, Site},
    thumb::Picture,
};

/// When a full stage that cannot tell is likely to have room again: some hundred files, or a few dozen thumbnails, later.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Most bytes of pictures that wait to be drawn: each is a whole file in memory.
const PICTURES_MAX_BYTES: u64 = mib(64);

/// What draws a thumbnail.
pub type Draw = Arc<dyn Fn(Picture) -> Page + Send + Sync>;

/// The knobs of the pipeline.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Requests that may wait at `route`; a client waits with one at a time, so this bounds clients.
    pub route_queue: usize,
    /// Requests that may wait for the disk.
    pub disk_queue: usize,
    /// Threads that read.
    pub disk_threads: usize,
    /// Pictures that may wait to be drawn.
    pub thumb_queue: usize,
    /// Threads that draw.
    pub thumb_threads: usize,
    /// Objective for a thumbnail, from its offer to its end: what would be later is refused at the door. Without one,
    /// only the bound refuses.
    pub thumb_slo: Option<Duration>,
}

impl Default for Sizes {
    /// Queues of what their stage works off in a second or so: who waits longer is better off with a 503.
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Sizes {
            route_queue: 4096,
            disk_queue: 512,
            disk_threads: 2,
            thumb_queue: 32,
            thumb_threads: cores,
            thumb_slo: None,
        }
    }
}

/// The pipeline, and the way to ask it for a page.
pub fn pipeline(site: Arc<Site>, draw: Draw, sizes: Sizes) -> (Pipeline, Ask<Request, Page>) {
    let mut p = Pipeline::named("demo");
    // What takes microseconds and never blocks is run by who asks; what blocks or computes has threads of its own.
    let front = p.domain("front", 2);
    p.caller_runs(&front);

    let judge = route.on(&front).queue(sizes.route_queue).when_full(WhenFull::Reject);
    let (route, wanted, bad) = p.stage("route", judge).tried();

    let shelf = site.clone();
    let (cache, hit, miss) = p.stage("cache", (move |wanted| shelf.look(wanted)).on(&front)).tried();

    // Behind the cache it is known that a thumbnail comes to `thumb`: what that has no room for is refused here, unread.
    let read = (move |miss: Miss| site.read(miss)).threads(sizes.disk_threads).kind(Miss::is_thumb);
    let (disk, read) = p.stage("disk", read.queue(sizes.disk_queue).when_full(WhenFull::Reject));

    let drawn = (move |picture: Picture| draw(picture)).threads(sizes.thumb_threads);
    let drawn =
        drawn.queue(sizes.thumb_queue).queue_bytes(PICTURES_MAX_BYTES, |picture: &Picture| picture.bytes.len() as u64);
    let drawn = drawn.when_full(WhenFull::Reject);
    let drawn = match sizes.thumb_slo {
        Some(objective) => drawn.slo(objective),
        None => drawn,
    };
    let (thumb, drawn) = p.stage("thumb", drawn);

    let ReadPorts { page, picture } = read.route();
    let (miss, unread) = miss.refused();
    let (picture, undrawn) = picture.refused();
    p.link(wanted, cache);
    p.link(miss, disk);
    p.link(picture, thumb);

    let (ask, answer) = p.ask(route);
    let unread = unread.map(|refused| busy("disk", &refused.why));
    let undrawn = undrawn.map(|refused| busy("thumb", &refused.why));
    for page in [bad, hit, page, drawn, unread, undrawn] {
        p.link(page, answer);
    }
    (p, ask)
}

fn busy(stage: &str, why: &Refusal) -> Page {
    let again = why.retry_after().unwrap_or(RETRY_AFTER);
    match why {
        Refusal::Shed { .. } => Page::busy("there is more to draw than can be drawn in time", again),
        _ => Page::busy(format_args!("the queue of stage `{stage}` is full"), again),
    }
}

/// One port for each variant of [`Read`].
pub struct ReadPorts {
    page: Outlet<Page>,
    picture: Outlet<Picture>,
}

impl Route for Read {
    type Ports = ReadPorts;

    fn open(outlet: Outlet<Self>) -> ReadPorts {
        let mut branches = Branches::of(outlet);
        let (to_page, page) = branches.port("page");
        let (to_picture, picture) = branches.port("picture");
        branches.split(move |read, to| match read {
            Read::Page(page) => to.give(to_page, page),
            Read::Picture(picture) => to.give(to_picture, picture),
        });
        ReadPorts { page, picture }
    }
}
