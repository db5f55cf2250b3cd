//! Lines of a reader, as a source.

use std::error::Error;
use std::fmt;
use std::io::{self, BufRead, Read};

/// Default bound of one line: room for any text that a person or a log writes, small against a machine's memory.
pub const LINE_BYTES: usize = 1 << 20;

/// A source of the lines of `reader`, without their line ends; it ends where the reader does.
///
/// Pulled: a line is read when the pipeline has room for it, on a worker of the source's stage, which waits there for
/// as long as the reader makes it wait. A line that is too long or not UTF-8 is an error in its place, and the lines
/// after it still come; an error of the reader itself is the last thing that comes. `.tried()` parts the two.
///
/// The reader moves to that worker: for standard input give `BufReader::new(std::io::stdin())`.
///
/// ```
/// use seda::prelude::*;
/// use seda_stages::lines;
///
/// let text = &b"a line\nnot \xff text\nanother\n"[..];
/// let mut p = Pipeline::named("count");
/// let (good, bad) = p.source("read", lines(text)).tried();
/// p.end("good", good, |line: String| println!("{line}"));
/// p.end("bad", bad, |why| eprintln!("{why}"));
/// let report = p.start()?.finish();
/// assert_eq!(report.ledger().stage("good").unwrap().done, 2);
/// assert_eq!(report.ledger().stage("bad").unwrap().done, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn lines<R: BufRead>(reader: R) -> Lines<R> {
    Lines { reader, bound_bytes: LINE_BYTES, number: 0, ended: false }
}

/// See [`lines`].
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    bound_bytes: usize,
    /// Of the line read last; the first is 1.
    number: u64,
    /// After an error of the reader: it would most likely give the same one for ever.
    ended: bool,
}

impl<R> Lines<R> {
    /// The longest line, in bytes without its line end. Default [`LINE_BYTES`]. No more than that is ever held.
    #[must_use]
    pub fn bound_bytes(mut self, bound_bytes: usize) -> Self {
        self.bound_bytes = bound_bytes;
        self
    }
}

impl<R: BufRead> Lines<R> {
    /// The next line's bytes without its end; `None` where there is none.
    fn read(&mut self) -> Result<Option<Vec<u8>>, LineError> {
        let number = self.number + 1;
        let mut line = Vec::new();
        // Two more than the bound: a line end is no part of the line.
        let most = (self.bound_bytes as u64).saturating_add(2);
        let read = self.reader.by_ref().take(most).read_until(b'\n', &mut line);
        if read.map_err(|source| LineError::Read { number, source })? == 0 {
            return Ok(None);
        }
        self.number = number;
        let whole = line.pop_if(|last| *last == b'\n').is_some();
        if whole {
            line.pop_if(|last| *last == b'\r');
        }
        if line.len() <= self.bound_bytes {
            return Ok(Some(line));
        }
        if !whole {
            self.reader.skip_until(b'\n').map_err(|source| LineError::Read { number, source })?;
        }
        Err(LineError::TooLong { number, bound_bytes: self.bound_bytes })
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<String, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let line = self.read().and_then(|line| {
            let text = line.map(String::from_utf8).transpose();
            text.map_err(|_| LineError::NotText { number: self.number })
        });
        self.ended = matches!(line, Err(LineError::Read { .. }));
        line.transpose()
    }
}

/// Why there is no line where one was looked for.
#[derive(Debug)]
#[non_exhaustive]
pub enum LineError {
    /// It is longer than the bound; it was skipped, and the next one comes.
    TooLong {
        /// Of the line; the first is 1.
        number: u64,
        /// The bound.
        bound_bytes: usize,
    },
    /// It is not UTF-8; the next one comes.
    NotText {
        /// Of the line; the first is 1.
        number: u64,
    },
    /// The reader failed; no further line comes.
    Read {
        /// Of the line; the first is 1.
        number: u64,
        /// What the reader said.
        source: io::Error,
    },
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineError::TooLong { number, bound_bytes } => {
                write!(
                    f,
                    "line {number} is longer than {bound_bytes} bytes; raise `bound_bytes` if such lines are meant"
                )
            }
            LineError::NotText { number } => write!(f, "line {number} is not UTF-8"),
            LineError::Read { number, source } => write!(f, "line {number} could not be read: {source}"),
        }
    }
}

impl Error for LineError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            LineError::Read { source, .. } => Some(source),
            LineError::TooLong { .. } | LineError::NotText { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], bound_bytes: usize) -> Vec<String> {
        let told = |line: Result<String, LineError>| line.unwrap_or_else(|why| why.to_string());
        lines(text).bound_bytes(bound_bytes).map(told).collect()
    }

    #[test]
    fn both_line_ends_are_taken_off_and_the_last_line_needs_none() {
        assert_eq!(read(b"a\nb\r\n\nc", 10), ["a", "b", "", "c"]);
        assert!(read(b"", 10).is_empty());
    }

    #[test]
    fn a_line_of_exactly_the_bound_is_a_line_whatever_its_end() {
        assert_eq!(read(b"abc\nabc\r\nabc", 3), ["abc", "abc", "abc"]);
    }

    #[test]
    fn a_line_over_the_bound_is_an_error_and_the_next_one_comes() {
        let too_long = "line 1 is longer than 3 bytes; raise `bound_bytes` if such lines are meant";
        for text in ["abcd\nok", "abcd\r\nok", "abcde\nok", "abcdefghij\nok"] {
            assert_eq!(read(text.as_bytes(), 3), [too_long, "ok"], "{text:?}");
        }
        assert_eq!(read(b"abcdefghij", 3), [too_long]);
    }

    #[test]
    fn a_line_that_is_not_text_is_named_by_its_number() {
        assert_eq!(read(b"a\n\xff\nb", 10), ["a", "line 2 is not UTF-8", "b"]);
    }

    /// Fails at every read, as a socket does whose peer has gone.
    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }

    #[test]
    fn an_error_of_the_reader_is_the_last_that_comes() {
        let mut broken = lines(io::BufReader::new(Broken));
        assert_eq!(broken.next().unwrap().unwrap_err().to_string(), "line 1 could not be read: gone");
        assert!(broken.next().is_none());
    }
}
