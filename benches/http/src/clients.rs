//! Many keep-alive clients on one thread.

use std::{
    io,
    mem::MaybeUninit,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::event::{
    Timespec,
    epoll::{self, CreateFlags, Event, EventData, EventFlags},
};

use crate::{
    connection::{Connection, Got, Question, READ_BYTES},
    server::Server,
};

/// Sockets that one wait can tell of.
const EVENTS: usize = 256;
/// An answer that takes longer does not come.
const HUNG: Duration = Duration::from_secs(10);

/// What came of a round, per client.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Answers of each client.
    pub answers: Vec<u64>,
    /// Answers that were not what they should be, or did not come.
    pub errors: u64,
}

/// Connections to one server; they stay open from round to round.
pub struct Clients {
    pub(crate) question: Question,
    connections: Vec<Connection>,
    epoll: OwnedFd,
    ready: [MaybeUninit<Event>; EVENTS],
    piece: Box<[u8; READ_BYTES]>,
}

impl Clients {
    /// Opens so many connections.
    ///
    /// # Errors
    /// If the server does not answer, or there are too few file descriptors.
    pub fn connect(server: &Server, clients: usize) -> io::Result<Self> {
        let address = server.address();
        let question = Question::learn(address, server.request())?;
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut all = Clients {
            question,
            connections: Vec::new(),
            epoll,
            ready: [MaybeUninit::uninit(); EVENTS],
            piece: Box::new([0; READ_BYTES]),
        };
        for index in 0..clients {
            all.connections.push(Connection::open(address)?);
            all.watch(index)?;
        }
        Ok(all)
    }

    /// How many.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "there always are some")]
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Closed loop: each client asks again as soon as it has its answer, for so long.
    ///
    /// # Panics
    /// If a connection that broke cannot be opened again.
    pub fn closed_loop(&mut self, time: Duration) -> Counts {
        let mut counts = Counts { answers: vec![0; self.len()], errors: 0 };
        let began = Instant::now();
        let mut open = (0..self.len()).filter(|index| self.ask(*index)).count();
        while open > 0 && began.elapsed() < time + HUNG {
            for (index, got) in self.wait(HUNG) {
                match got {
                    Got::Part => continue,
                    Got::Answer => counts.answers[index] += 1,
                    Got::Error => counts.errors += 1,
                }
                // After the time, answers that are on their way are taken, so that the next round begins at rest.
                if began.elapsed() >= time || !self.ask(index) {
                    open -= 1;
                }
            }
        }
        counts.errors += open as u64;
        counts
    }

    pub(crate) fn ask(&mut self, index: usize) -> bool {
        self.connections[index].ask(&self.question)
    }

    /// Waits for answers, or for so long, and reads what has come. A connection that broke is opened anew.
    pub(crate) fn wait(&mut self, most: Duration) -> Vec<(usize, Got)> {
        let most = Timespec { tv_sec: most.as_secs() as i64, tv_nsec: most.subsec_nanos().into() };
        let ready = match epoll::wait(&self.epoll, &mut self.ready[..], Some(&most)) {
            Ok((ready, _)) => ready.iter().map(|event| event.data.u64() as usize).collect::<Vec<_>>(),
            Err(_) => Vec::new(), // interrupted by a signal
        };
        ready.into_iter().map(|index| (index, self.read(index))).collect()
    }

    fn read(&mut self, index: usize) -> Got {
        let got = self.connections[index].read(&self.question, &mut self.piece[..]);
        if got == Got::Error {
            // Closing the old one takes it out of the epoll set.
            self.connections[index] = Connection::open(self.question.address).expect("the server still listens");
            self.watch(index).expect("a new socket can be watched");
        }
        got
    }

    fn watch(&self, index: usize) -> io::Result<()> {
        let data = EventData::new_u64(index as u64);
        Ok(epoll::add(&self.epoll, self.connections[index].fd(), data, EventFlags::IN)?)
    }
}
