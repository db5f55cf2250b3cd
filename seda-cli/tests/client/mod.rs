//! A client that sends bytes as they are, so that tests can say what no library would.
#![allow(dead_code, reason = "each test binary uses some of it")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// A test that waits longer hangs, and should fail instead.
const HUNG: Duration = Duration::from_secs(60);

pub(crate) struct Client(BufReader<TcpStream>);

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    head: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the service listens");
        stream.set_read_timeout(Some(HUNG)).expect("not zero");
        Client(BufReader::new(stream))
    }

    pub(crate) fn get(&mut self, target: &str) -> Response {
        self.ask("GET", target)
    }

    pub(crate) fn ask(&mut self, method: &str, target: &str) -> Response {
        self.send(format!("{method} {target} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes());
        self.response(method != "HEAD")
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // The service may have answered and left before it has read all of a request that it refuses.
        let _ = self.0.get_mut().write_all(bytes);
    }

    pub(crate) fn response(&mut self, with_body: bool) -> Response {
        let head: Vec<String> =
            self.0.by_ref().lines().map(|line| line.expect("a line")).take_while(|line| !line.is_empty()).collect();
        let status = head.first().and_then(|line| line.get(9..12)?.parse().ok()).expect("a line with a status");
        let mut response = Response { status, head, body: Vec::new() };
        let length = response.header("content-length").map_or(0, |length| length.parse().expect("a number"));
        if with_body {
            response.body.resize(length, 0);
            self.0.read_exact(&mut response.body).expect("as many bytes as were announced");
        }
        response
    }
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named =
            |line: &'_ str| line.split_once(": ").filter(|(given, _)| given.eq_ignore_ascii_case(name)).is_some();
        self.head.iter().find(|line| named(line)).and_then(|line| Some(line.split_once(": ")?.1))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("words")
    }
}
