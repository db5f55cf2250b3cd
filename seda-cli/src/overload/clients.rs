//! Clients of the service. The capacity is measured closed-loop: each asks again when it has its answer. The passes are open
//! loop: requests at their times, whether answers have come or not, with latencies from the time at which a request was
//! due, so that a stall of the service, or of the clients, is not forgiven ("coordinated omission", Tene 2013).
//!
//! All of them live on one thread, that of the caller, so that they take little of the processors that they share with
//! the service.

use std::{cell::RefCell, future::Future, io, net::SocketAddr, rc::Rc, sync::Arc, time::Duration};

use tokio::{
    runtime::Builder,
    task::{JoinSet, LocalSet},
    time::{Instant, sleep_until, timeout_at},
};

use super::{
    exchange::Exchange,
    seen::{Board, Fate, Seen, Target},
    targets::Targets,
    words::said,
};

/// A file is asked for with each so many thumbnails.
const THUMBNAILS_PER_FILE: usize = 4;
/// Share of the closed loop that is not counted: threads and connections find their places.
const WARM_UP: f64 = 0.25;
/// Longest that a stop is not noticed.
const LOOK_UP: Duration = Duration::from_millis(50);
/// Arrivals are the same in both passes.
const SEED: u64 = 1;

/// Loads one after the other.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Thumbnails per second that a load of 1 asks for.
    pub capacity: f64,
    /// In capacities.
    pub loads: Vec<f64>,
    /// How long each of them lasts.
    pub step: Duration,
    /// After so long a client leaves.
    pub patience: Duration,
}

impl Plan {
    /// When a step, counted from 0, begins and ends.
    pub fn during(&self, step: usize) -> std::ops::Range<Duration> {
        self.step * step as u32..self.step * (step as u32 + 1)
    }

    /// A latency in words; who left would have waited for longer.
    pub fn late(&self, late: Option<Duration>) -> String {
        match late {
            None => "-".to_string(),
            Some(late) if late >= self.patience => format!(">{}", said(self.patience)),
            Some(late) => said(late),
        }
    }

    /// How long all of it lasts.
    pub fn lasts(&self) -> Duration {
        self.step * self.loads.len() as u32
    }
}

/// Thumbnails per second that so many clients get, each asking again when it has its answer. Blocks for that time, and
/// until the last answers have come.
///
/// # Errors
/// If the system has no sockets left, or the service no answer.
pub fn capacity(address: SocketAddr, clients: usize, time: Duration, board: &Arc<Board>) -> io::Result<f64> {
    on_this_thread(async {
        let exchange = Rc::new(Exchange::with(address));
        let targets = Rc::new(RefCell::new(Targets::new(SEED)));
        let began = Instant::now();
        let mut asking = JoinSet::new();
        for _ in 0..clients {
            let (exchange, targets, board) = (exchange.clone(), targets.clone(), board.clone());
            asking.spawn_local(async move {
                while began.elapsed() < time && !board.is_stopped() {
                    let target = targets.borrow_mut().thumbnail();
                    board.offer();
                    let due = began.elapsed();
                    let status = exchange.ask(&target).await?;
                    let fate = fate(Some(Ok(status)), began.elapsed() - due);
                    board.note(Seen { due: began.elapsed(), target: Target::Thumbnail, fate });
                }
                Ok(())
            });
        }
        while let Some(ended) = asking.join_next().await {
            ended.unwrap_or_else(|why| Err(io::Error::other(why)))?;
        }
        // By the time of the answer here, as that is what a capacity is of.
        let counted = board.during(&(time.mul_f64(WARM_UP)..time), Duration::MAX).good;
        // Where one thumbnail takes longer than all of the time, the time that all of them took.
        Ok(if counted > 0.0 { counted } else { board.during(&(Duration::ZERO..began.elapsed()), Duration::MAX).good })
    })
}

/// Drives the service through the plan; blocks until it is done, or the board says stop.
///
/// # Errors
/// If the system gives no sockets at all.
pub fn pass(address: SocketAddr, plan: &Plan, board: &Arc<Board>) -> io::Result<()> {
    on_this_thread(async {
        let mut asking = Asking {
            exchange: Rc::new(Exchange::with(address)),
            board: board.clone(),
            began: Instant::now(),
            patience: plan.patience,
            open: JoinSet::new(),
        };
        let mut targets = Targets::new(SEED);
        for (step, load) in plan.loads.iter().enumerate() {
            board.begin(step);
            let (rate, during) = (load * plan.capacity, plan.during(step));
            let mut due = during.start + Duration::from_secs_f64(targets.gap(rate));
            let mut sent = 0;
            while due < during.end {
                if !asking.waited_for(due).await {
                    return Ok(());
                }
                asking.send(targets.thumbnail(), Target::Thumbnail, due);
                sent += 1;
                if sent % THUMBNAILS_PER_FILE == 0 {
                    asking.send(Targets::file().to_string(), Target::File, due);
                }
                due += Duration::from_secs_f64(targets.gap(rate));
            }
            if !asking.waited_for(during.end).await {
                return Ok(());
            }
        }
        // Each leaves within its patience.
        while asking.open.join_next().await.is_some() {}
        Ok(())
    })
}

/// Requests under way.
struct Asking {
    exchange: Rc<Exchange>,
    board: Arc<Board>,
    began: Instant,
    patience: Duration,
    open: JoinSet<()>,
}

impl Asking {
    /// Waits for that time; false if it is not to be waited for.
    async fn waited_for(&mut self, due: Duration) -> bool {
        let until = self.began + due;
        while Instant::now() < until && !self.board.is_stopped() {
            sleep_until(until.min(Instant::now() + LOOK_UP)).await;
        }
        // Those that have ended meanwhile.
        while self.open.try_join_next().is_some() {}
        !self.board.is_stopped()
    }

    fn send(&mut self, path: String, target: Target, due: Duration) {
        if target == Target::Thumbnail {
            self.board.offer();
        }
        let (exchange, board, due_at) = (self.exchange.clone(), self.board.clone(), self.began + due);
        let leaves = due_at + self.patience;
        self.open.spawn_local(async move {
            let answered = timeout_at(leaves, exchange.ask(&path)).await.ok();
            board.note(Seen { due, target, fate: fate(answered, due_at.elapsed()) });
        });
    }
}

fn fate(answered: Option<io::Result<u16>>, latency: Duration) -> Fate {
    match answered {
        Some(Ok(200)) => Fate::Good(latency),
        Some(Ok(503)) => Fate::Refused,
        // It was admitted, and has waited for too long in the service's own eyes.
        Some(Ok(504)) | None => Fate::GaveUp,
        Some(_) => Fate::Broken,
    }
}

fn on_this_thread<T>(clients: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    LocalSet::new().block_on(&runtime, clients)
}
