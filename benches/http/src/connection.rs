//! One keep-alive connection that asks for the same file again and again.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::{AsFd, BorrowedFd},
};

use crate::server::Request;

/// A well-behaved answer begins so.
const GOOD: &[u8] = b"HTTP/1.1 200 ";
/// More than an answer, so that one read takes it.
pub(crate) const READ_BYTES: usize = 16 << 10;

/// What one kind of request looks like and how long its answer is: all are alike, also in length, as the only part
/// that changes is the date.
pub(crate) struct Question {
    pub(crate) address: SocketAddr,
    request: Vec<u8>,
    answer_bytes: usize,
}

impl Question {
    /// Asks once, to learn the length of the answer; that also brings the file into the cache.
    pub(crate) fn learn(address: SocketAddr, request: Request) -> io::Result<Self> {
        let request = written(address, request);
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(&request)?;
        let mut answer = Vec::new();
        let answer_bytes = loop {
            let mut piece = [0; READ_BYTES];
            let n = stream.read(&mut piece)?;
            answer.extend_from_slice(&piece[..n]);
            match whole(&answer) {
                Some(bytes) => break bytes,
                None if n == 0 => return Err(io::Error::other("the server closed the first connection")),
                None => (),
            }
        };
        Ok(Question { address, request, answer_bytes })
    }
}

fn written(address: SocketAddr, Request { target, body }: Request) -> Vec<u8> {
    let text = match body {
        None => format!("GET {target} HTTP/1.1\r\nhost: {address}\r\n\r\n"),
        Some(body) => {
            let marks = format!("content-type: application/json\r\ncontent-length: {}", body.len());
            format!("POST {target} HTTP/1.1\r\nhost: {address}\r\n{marks}\r\n\r\n{body}")
        }
    };
    text.into_bytes()
}

/// Length of the answer with head and body, once its head is there.
fn whole(answer: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(answer).ok()?;
    let head = text.find("\r\n\r\n")? + 4;
    let length = text[..head].lines().find_map(|line| line.strip_prefix("content-length: "))?;
    Some(head + length.parse::<usize>().ok()?)
}

/// How a read ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Got {
    /// The answer is complete.
    Answer,
    /// There is more to come.
    Part,
    /// Not the answer that was expected, or none: the connection is of no use any more.
    Error,
}

pub(crate) struct Connection {
    stream: TcpStream,
    /// Bytes of the present answer that have come.
    got: usize,
    good: bool,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Connection { stream, got: 0, good: true })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// A request fits into the empty buffer of the socket, so a partial write is an error like any other.
    pub(crate) fn ask(&mut self, question: &Question) -> bool {
        self.got = 0;
        self.good = true;
        self.stream.write(&question.request).is_ok_and(|n| n == question.request.len())
    }

    /// Reads what has come into `piece`, which is nobody's in between.
    pub(crate) fn read(&mut self, question: &Question, piece: &mut [u8]) -> Got {
        match self.stream.read(piece) {
            Ok(0) => Got::Error,
            Ok(n) => self.take(&piece[..n], question.answer_bytes),
            Err(why) if why.kind() == ErrorKind::WouldBlock => Got::Part,
            Err(_) => Got::Error,
        }
    }

    fn take(&mut self, piece: &[u8], answer_bytes: usize) -> Got {
        if self.got == 0 {
            // An answer that comes in pieces of a few bytes would be taken for a bad one; servers do not write so.
            self.good = piece.starts_with(GOOD);
        }
        self.got += piece.len();
        match self.got {
            _ if !self.good => Got::Error,
            got if got > answer_bytes => Got::Error,
            got if got == answer_bytes => Got::Answer,
            _ => Got::Part,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_an_answer_is_known_with_its_head() {
        assert_eq!(whole(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n"), Some(39 + 12));
        assert_eq!(whole(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n"), None);
    }
}
