//! Requests over HTTP/1.1 connections that stay open, all on one thread.

use std::{cell::RefCell, io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// More than a thumbnail, so that one read takes most answers.
const READ_BYTES: usize = 32 << 10;
/// Nothing here answers with more.
const ANSWER_MAX_BYTES: usize = 4 << 20;

/// Connections to one service; there are as many as requests at once.
pub(super) struct Exchange {
    address: SocketAddr,
    idle: RefCell<Vec<TcpStream>>,
}

impl Exchange {
    pub(super) fn with(address: SocketAddr) -> Self {
        Exchange { address, idle: RefCell::default() }
    }

    /// The status of the answer, once it has come as a whole. Who drops the future gives up, and its connection is closed.
    pub(super) async fn ask(&self, target: &str) -> io::Result<u16> {
        let idle = self.idle.borrow_mut().pop();
        let mut stream = match idle {
            Some(stream) => stream,
            None => self.connect().await?,
        };
        let request = format!("GET {target} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).await?;
        let status = answer(&mut stream).await?;
        self.idle.borrow_mut().push(stream);
        Ok(status)
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

async fn answer(stream: &mut TcpStream) -> io::Result<u16> {
    let mut got = Vec::with_capacity(READ_BYTES);
    loop {
        if stream.read_buf(&mut got).await? == 0 || got.len() > ANSWER_MAX_BYTES {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some((status, bytes)) = head(&got)
            && got.len() >= bytes
        {
            return Ok(status);
        }
    }
}

/// Status, and length with head and body, once the head is there.
fn head(got: &[u8]) -> Option<(u16, usize)> {
    let ends = got.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&got[..ends]).ok()?;
    let status = text.get(9..12)?.parse().ok()?;
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    Some((status, ends + length.parse::<usize>().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_length_are_known_with_the_head() {
        let answer = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 12\r\n\r\n";
        assert_eq!(head(answer), Some((503, answer.len() + 12)));
        assert_eq!(head(&answer[..answer.len() - 1]), None);
    }
}
