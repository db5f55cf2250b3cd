//! `seda demo --load`: the service is driven past its capacity, without admission and with it, and shown at that.

use std::{
    env,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    thread::{self, available_parallelism},
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use seda_cli::{
    demo::{
        sample::Sample,
        service::Service,
        site::Site,
        stages::{Draw, Sizes},
        view::View,
    },
    lab::Loads,
    overload::{
        clients::{self, Plan},
        plots::Story,
        seen::Board,
        words::said,
    },
};
use tokio::runtime::Handle;

use crate::run::{News, say, tell};

/// Width and height of the pictures: some ten milliseconds of work each, so that refusals, clients and HTTP take little
/// beside it.
const PICTURES: (u32, u32) = (1000, 625);
/// Bound of the queue before the stage that draws, in both passes: what services get that never thought of it.
const QUEUE: usize = 1000;
/// So little that a thumbnail is too large a share of it to be kept: each is drawn. The file that is asked for is kept.
const CACHE_BYTES: usize = 16 << 10;
/// A client leaves after so many objectives.
const PATIENCE: u32 = 5;
/// Clients that measure the capacity, for each thread that draws.
const CLIENTS_PER_THREAD: usize = 4;
/// Longest that the capacity is measured; half a step is enough.
const MEASURED_FOR: Duration = Duration::from_secs(4);
/// Until the first picture.
const FIRST: Duration = Duration::from_millis(500);
/// Between two looks at the clients when nobody reads what is printed.
const UNSEEN: Duration = Duration::from_secs(1);
/// Sockets that 4,096 connections take, both ends being here, and some.
const FILES: u64 = 10_000;

/// What is to be shown.
pub(crate) struct Script {
    pub(crate) loads: Loads,
    pub(crate) step: Duration,
    pub(crate) objective: Duration,
    /// Where the page goes; without one, to the place for temporary files.
    pub(crate) page: Option<PathBuf>,
    pub(crate) port: u16,
    pub(crate) in_place: bool,
}

/// How a pass, or the measurement before it, has ended.
enum Ended<T> {
    Whole(T),
    Interrupted,
}

impl Script {
    /// From the measurement of the capacity to the page, or to the interrupt.
    pub(crate) fn play(&self, runtime: &Handle, news: &(SyncSender<News>, Receiver<News>)) -> Result<(), String> {
        let by_default = || env::temp_dir().join(format!("seda-demo-{}.html", process::id()));
        let page = self.page.clone().unwrap_or_else(by_default);
        can_be_written(&page)?;
        allow_sockets();
        let sample = Sample::of_size(PICTURES).map_err(|why| format!("the sample folder cannot be made: {why}"))?;
        let scene = Scene { script: self, runtime, news, sample: &sample };

        let off = scene.open(None)?;
        let Ended::Whole(capacity) = scene.measure(&off)? else { return leave(off) };
        let plan = Plan { capacity, loads: self.loads.0.clone(), step: self.step, patience: self.objective * PATIENCE };
        say(&format!("capacity: {capacity:.0} thumbnails a second\n"));
        let Ended::Whole(seen_off) = scene.pass(&off, "1/2 admission off", &plan)? else { return leave(off) };
        say(&format!("\nstopping it: {} thumbnails are still drawn, for clients who have left", queued(&off)));
        close(off)?;

        let on = scene.open(Some(self.objective))?;
        say(&format!("\nonce more, with `.slo({})` on the stage that draws\n", said(self.objective)));
        let Ended::Whole(seen_on) = scene.pass(&on, "2/2 admission on", &plan)? else { return leave(on) };
        say("");
        close(on)?;

        let story = Story { plan, objective: self.objective, off: seen_off, on: seen_on };
        say(&format!("\n{}", story.table()));
        std::fs::write(&page, story.page()).map_err(|why| not_written(&page, &why))?;
        say(&format!("plots: {}", page.display()));
        Ok(())
    }
}

/// What both passes have in common.
struct Scene<'a> {
    script: &'a Script,
    runtime: &'a Handle,
    news: &'a (SyncSender<News>, Receiver<News>),
    sample: &'a Sample,
}

impl Scene<'_> {
    fn open(&self, thumb_slo: Option<Duration>) -> Result<Service, String> {
        let site = Site::with_cache(self.sample.path(), CACHE_BYTES);
        let site = Arc::new(site.map_err(|why| format!("the sample folder cannot be served: {why}"))?);
        let drawing = site.clone();
        let draw: Draw = Arc::new(move |picture| drawing.draw(picture));
        let sizes = Sizes { thumb_queue: QUEUE, thumb_slo, ..Sizes::default() };
        Service::start_with(self.runtime, site, self.script.port, draw, sizes).map_err(|why| why.to_string())
    }

    /// Thumbnails per second, closed-loop.
    fn measure(&self, service: &Service) -> Result<Ended<f64>, String> {
        let time = MEASURED_FOR.min(self.script.step / 2);
        let cores = available_parallelism().map_or(1, usize::from);
        say(&format!("measuring for {:.1} s how many thumbnails a second the service can draw", time.as_secs_f64()));
        let (address, board) = (service.address(), Arc::new(Board::default()));
        let measured = self.while_shown(
            service,
            &board,
            |_, _| "measuring the capacity".to_string(),
            || clients::capacity(address, cores * CLIENTS_PER_THREAD, time, &board),
        )?;
        match measured {
            Ended::Whole(0.0) => Err("no thumbnail was drawn; is the folder for temporary files full?".to_string()),
            measured => Ok(measured),
        }
    }

    fn pass(&self, service: &Service, name: &str, plan: &Plan) -> Result<Ended<Arc<Board>>, String> {
        let (address, board) = (service.address(), Arc::new(Board::default()));
        let line = |mark, ago| {
            let now = board.since(mark, plan.patience, ago);
            let load = plan.loads[board.step()];
            let (offered, good, refused) = (now.offered, now.good, now.refused);
            let late = plan.late(now.p99);
            format!("{name}, {load}x: {offered:.0}/s, good {good:.0}/s, refused {refused:.0}/s, p99 {late}")
        };
        let ended = self.while_shown(service, &board, line, || clients::pass(address, plan, &board))?;
        Ok(match ended {
            Ended::Whole(()) => Ended::Whole(board),
            Ended::Interrupted => Ended::Interrupted,
        })
    }

    /// Runs the load on a thread of its own, and shows the stages meanwhile, with a line that is given a mark of the board
    /// and how long ago it was made.
    fn while_shown<T: Send>(
        &self,
        service: &Service,
        board: &Board,
        line: impl Fn((u64, usize), Duration) -> String,
        load: impl FnOnce() -> io::Result<T> + Send,
    ) -> Result<Ended<T>, String> {
        let (done, news) = self.news;
        let mut view = Some(View::new(self.script.in_place && io::stdout().is_terminal()));
        let (mut mark, mut at) = (board.mark(), Instant::now());
        let frame = || {
            let beneath = line(mark, at.elapsed());
            (mark, at) = (board.mark(), Instant::now());
            let drawn = view.as_mut().map(|view| view.draw(&mut io::stdout(), service.snapshot(), &beneath));
            // Without a reader it is not drawn any more, but the page is still made.
            view = view.take().filter(|_| matches!(drawn, Some(Ok(()))));
            view.as_ref().map_or(UNSEEN, View::every)
        };
        thread::scope(|scope| {
            let load = scope.spawn(move || {
                let ended = load();
                let _ = done.send(News::Done);
                ended
            });
            let interrupted = wait(news, board, || load.is_finished(), frame);
            let ended = load.join().unwrap_or_else(|_| Err(io::Error::other("a panic")));
            let ended = ended.map_err(|why| format!("the clients cannot reach the service: {why}"))?;
            Ok(if interrupted { Ended::Interrupted } else { Ended::Whole(ended) })
        })
    }
}

/// Until the load has been driven, with a picture every so often, and one at its end; whether it was interrupted.
fn wait(news: &Receiver<News>, board: &Board, is_over: impl Fn() -> bool, mut frame: impl FnMut() -> Duration) -> bool {
    let (mut interrupted, mut every) = (false, FIRST);
    loop {
        match news.recv_timeout(every) {
            Ok(News::Stop) => {
                board.stop();
                interrupted = true;
            }
            heard => {
                every = frame();
                // A panic sends no news.
                if heard != Err(RecvTimeoutError::Timeout) || is_over() {
                    return interrupted;
                }
            }
        }
    }
}

/// Thumbnails that wait.
fn queued(service: &Service) -> usize {
    service.snapshot().stage("thumb").map_or(0, |thumb| thumb.queue_len)
}

/// The end before the end.
fn leave(service: Service) -> Result<(), String> {
    say("\nstopping: open requests are finished (Ctrl-C again leaves at once); no page is made");
    close(service)
}

/// Stops the service, and prints its ledger.
fn close(service: Service) -> Result<(), String> {
    tell(&service.stop())
}

/// Said before a minute of load, and not after it.
fn can_be_written(page: &Path) -> Result<(), String> {
    let folder = page.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if page.is_dir() || !folder.is_dir() {
        let what = if page.is_dir() { "is a folder" } else { "would be in a folder that is not there" };
        return Err(format!("the page {} {what}; name a file with `--page`", page.display()));
    }
    Ok(())
}

fn not_written(page: &Path, why: &io::Error) -> String {
    format!("the page {} cannot be written: {why}; name another file with `--page`", page.display())
}

/// Up to what the system allows: with fewer, clients at ten times the capacity find no sockets.
fn allow_sockets() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(FILES, |most| most.min(FILES));
    if current.is_some_and(|current| current < wanted) {
        // If it is not granted, some requests fail, and count as offered and not as good.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
}
