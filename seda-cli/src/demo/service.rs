//! The service from its start to its end: folder, pipeline, socket, and the order in which they stop.

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use seda::{Deadlines, Report, Running, Snapshot};
use tokio::{net::TcpListener, runtime::Handle, sync::oneshot, task::JoinHandle};

use super::{
    http::{self, Answer, Served},
    site::Site,
    staged::Staged,
    stages::{self, Draw, Sizes},
};

/// Why the service does not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum NotStarted {
    /// The folder is not there, or is none.
    Folder(PathBuf, io::Error),
    /// Somebody else listens on the port.
    PortInUse(u16),
    /// The port cannot be had.
    Port(u16, io::Error),
    /// The pipeline found something wrong with itself.
    Pipeline(String),
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotStarted::Folder(path, why) => write!(f, "the folder {} cannot be served: {why}", path.display()),
            NotStarted::PortInUse(port) => write!(
                f,
                "port {port} is in use; choose another with `--port`, or let the system choose with `--port 0`"
            ),
            NotStarted::Port(port, why) => write!(f, "port {port} cannot be had: {why}; choose another with `--port`"),
            NotStarted::Pipeline(findings) => f.write_str(findings),
        }
    }
}

impl std::error::Error for NotStarted {}

/// The staged service at work.
pub struct Service {
    running: Running,
    front: Front,
    site: Arc<Site>,
}

/// What the service did.
#[derive(Debug)]
pub struct Ended {
    /// The ledger of the stages.
    pub report: Report,
    /// Requests that hyper parsed.
    pub served: u64,
}

impl Service {
    /// Starts it on a port of the loopback address, 0 for one that is free; its tasks run on `runtime`, its stages on
    /// threads of their own.
    ///
    /// # Errors
    /// With a sentence for the user; nothing is left running.
    pub fn start(runtime: &Handle, folder: &Path, port: u16) -> Result<Self, NotStarted> {
        let site = Arc::new(open(folder)?);
        let drawing = site.clone();
        let draw: Draw = Arc::new(move |picture| drawing.draw(picture));
        Self::start_with(runtime, site, port, draw, Sizes::default())
    }

    /// Starts it with thumbnails drawn by `draw`, and sizes of one's own.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(
        runtime: &Handle,
        site: Arc<Site>,
        port: u16,
        draw: Draw,
        sizes: Sizes,
    ) -> Result<Self, NotStarted> {
        let (pipeline, ask) = stages::pipeline(site.clone(), draw, sizes);
        // The socket first: a port in use is the likelier finding, and the cheaper one.
        let listener = listen(runtime, port)?;
        let running = pipeline.start().map_err(|findings| NotStarted::Pipeline(findings.to_string()))?;
        let front = Front::start(runtime, listener, Staged::new(ask))?;
        Ok(Service { running, front, site })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.front.address
    }

    /// The stages at this moment.
    pub fn snapshot(&self) -> Snapshot {
        self.running.snapshot()
    }

    /// Requests that hyper parsed so far.
    pub fn served(&self) -> u64 {
        self.front.served.requests()
    }

    /// The folder that it serves.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Stops: no new connections, open requests to their answers, then the stages. Blocks until all of it is done, so
    /// not on a thread of the runtime.
    pub fn stop(self) -> Ended {
        let served = self.front.stop();
        // Nobody is left to answer, so what still runs are requests whose clients have gone.
        Ended { report: self.running.drain(Deadlines::default()), served: served.requests() }
    }
}

/// Opens the folder of a service.
///
/// # Errors
/// If it is not there, or is none.
pub fn open(folder: &Path) -> Result<Site, NotStarted> {
    Site::open(folder).map_err(|why| NotStarted::Folder(folder.to_path_buf(), why))
}

/// The socket and its tasks, with stages behind them or without.
pub struct Front {
    address: SocketAddr,
    served: Arc<Served>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    runtime: Handle,
}

impl Front {
    /// Serves `answer` on a socket.
    ///
    /// # Errors
    /// If the socket does not know its address.
    pub fn start(runtime: &Handle, listener: TcpListener, answer: impl Answer) -> Result<Self, NotStarted> {
        let address = listener.local_addr().map_err(|why| NotStarted::Port(0, why))?;
        let served = Arc::new(Served::default());
        let (stop, stopped) = oneshot::channel();
        let stopped = async move { drop(stopped.await) };
        let serving = runtime.spawn(http::serve(listener, answer, served.clone(), stopped));
        Ok(Front { address, served, stop, serving, runtime: runtime.clone() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops as [`serve`](http::serve) says; blocks.
    pub fn stop(self) -> Arc<Served> {
        // Dropping the sender stops it too.
        let _ = self.stop.send(());
        let _ = self.runtime.block_on(self.serving);
        self.served
    }
}

/// Listens on a port of the loopback address.
///
/// # Errors
/// If it is taken, or not for us.
pub fn listen(runtime: &Handle, port: u16) -> Result<TcpListener, NotStarted> {
    let bind = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
    bind.map_err(|why| match why.kind() {
        io::ErrorKind::AddrInUse => NotStarted::PortInUse(port),
        _ => NotStarted::Port(port, why),
    })
}
