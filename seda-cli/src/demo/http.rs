//! The front: hyper owns sockets and framing; each request that it parses is handed to an [`Answer`], with stages
//! behind it or without.

use std::{
    convert::Infallible,
    future::Future,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http_body_util::Full;
use hyper::{Response, body::Bytes, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time,
};

use super::{page::Page, route::Request};

/// Most connections at once; further ones wait in the socket's backlog.
const CONNECTIONS_MAX: usize = 4096;
/// Most bytes of a request's head, target included; more is 431. Browsers send one or two
/// thousand.
const HEAD_MAX_BYTES: usize = 16 << 10;
/// Longest that a head may take to come in, and that a connection may stay without a request.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// Longest that open requests may take once the service stops; then their connections are cut.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);
/// Until the next try after the system had no room for one more socket.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// Who answers a request. What it returns is polled on a thread of the async runtime and must not block it.
pub trait Answer: Send + Sync + 'static {
    /// The answer to one request.
    fn answer(&self, request: Request) -> impl Future<Output = Page> + Send;
}

/// Counts requests: those that hyper parsed, and that were answered or are being answered.
#[derive(Debug, Default)]
pub struct Served(AtomicU64);

impl Served {
    /// How many so far.
    pub fn requests(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What all connections share.
struct Desk<A> {
    answer: A,
    served: Arc<Served>,
}

impl<A: Answer> Desk<A> {
    async fn respond(self: Arc<Self>, request: hyper::Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        // Counted where it is asked, and not where it is parsed: a client can leave in between, and then it is neither
        // served nor offered to a stage.
        self.served.0.fetch_add(1, Ordering::Relaxed);
        let asked = {
            // Headers and body go at once, and not with the answer.
            let (head, _) = request.into_parts();
            Request { method: head.method, uri: head.uri }
        };
        Ok(self.answer.answer(asked).await.into_response())
    }
}

/// The async runtime that the front runs on.
///
/// # Errors
/// If the system has no thread left.
pub fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().thread_name("http").enable_io().enable_time().build()
}

/// Serves until `stop` ends; then accepts no more, lets open requests come to their answer, and returns when the last
/// connection is closed.
pub async fn serve(listener: TcpListener, answer: impl Answer, served: Arc<Served>, stop: impl Future<Output = ()>) {
    let desk = Arc::new(Desk { answer, served });
    let http = protocol();
    let ending = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, permit) = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = &mut stop => break,
        };
        // Those that have ended meanwhile; their results say nothing.
        while connections.try_join_next().is_some() {}
        let desk = desk.clone();
        let service = service_fn(move |request| desk.clone().respond(request));
        let connection = ending.watch(http.serve_connection(TokioIo::new(stream), service));
        connections.spawn(async move {
            // An error is the client's: it left, or sent what is not HTTP and has its 4xx by now.
            let _ = connection.await;
            drop(permit);
        });
    }
    drop(listener);
    let _ = time::timeout(CLOSE_WITHIN, ending.shutdown()).await;
    connections.shutdown().await;
}

/// Bounds that hyper enforces: a request beyond them is answered with its 4xx before anybody here hears of it.
fn protocol() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.max_buf_size(HEAD_MAX_BYTES).timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    // Else hyper reads from the socket while an answer is being made, only to see whether the client has left: one more
    // system call and one more buffer for each request that does not answer at once. An answer to nobody is noticed
    // when it is written.
    http.half_close(true);
    http
}

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there always is a permit in the end.
    let permit = room.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are written as a whole; waiting to fill a segment would only delay them.
                let _ = stream.set_nodelay(true);
                return (stream, permit);
            }
            // The peer has gone already, or there are no file descriptors left until a connection closes.
            Err(_) => time::sleep(ACCEPT_AGAIN).await,
        }
    }
}
