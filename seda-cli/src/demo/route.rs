//! From a parsed request to what is wanted: method, path and query are judged here, and nothing on disk is touched.

use hyper::{Method, StatusCode, Uri};

use super::page::Page;

/// Longest path, in bytes as sent; longer ones are 414.
const PATH_MAX_BYTES: usize = 1024;
/// Widest thumbnail, in pixels.
pub const WIDTH_MAX: u32 = 2000;
/// Width of a thumbnail when none is asked for, in pixels.
const WIDTH_DEFAULT: u32 = 200;
const THUMB: &str = "/thumb/";

/// What hyper parsed, as far as the service looks at it: the event that is offered to the first stage.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Its target.
    pub uri: Uri,
}

/// A file of the folder, or a thumbnail of one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Wanted {
    /// Path inside the folder; empty, or with a slash at its end, for an index.
    pub name: String,
    /// Width of the thumbnail in pixels; `None` for the file itself.
    pub width: Option<u32>,
}

/// Judges a request.
///
/// # Errors
/// The page to answer with: 400, 405 or 414.
pub fn route(request: Request) -> Result<Wanted, Page> {
    if request.method != Method::GET && request.method != Method::HEAD {
        let sentence = format!("{} is not served here, only GET and HEAD", request.method);
        return Err(Page::says(StatusCode::METHOD_NOT_ALLOWED, sentence));
    }
    let path = request.uri.path();
    if path.len() > PATH_MAX_BYTES {
        let sentence = format!("the path is longer than {PATH_MAX_BYTES} bytes");
        return Err(Page::says(StatusCode::URI_TOO_LONG, sentence));
    }
    match path.strip_prefix(THUMB) {
        Some(name) => Ok(Wanted { name: name_of(name)?, width: Some(width_of(request.uri.query())?) }),
        None => Ok(Wanted { name: name_of(path.strip_prefix('/').unwrap_or(path))?, width: None }),
    }
}

/// The name inside the folder. Decoded first and judged after, so that `%2e%2e` is what it means.
fn name_of(path: &str) -> Result<String, Page> {
    let name = if path.contains('%') { decode(path) } else { Some(path.to_string()) };
    let name = name.ok_or_else(|| bad("the path is not percent-encoded UTF-8"))?;
    if name.is_empty() {
        return Ok(name);
    }
    if name.contains(['\0', '\\']) {
        return Err(bad("the path has a character that no file here has"));
    }
    let folders = name.strip_suffix('/').unwrap_or(&name);
    match folders.split('/').find(|part| matches!(*part, "" | "." | "..")) {
        Some("..") => Err(bad("the path leads outside the folder")),
        Some(_) => Err(bad("the path has an empty part")),
        None => Ok(name),
    }
}

/// Bytes for `%xx`; `None` for anything else behind a `%`, or if that is not UTF-8.
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let decoded = if byte == b'%' { hex(rest.next()?)? << 4 | hex(rest.next()?)? } else { byte };
        bytes.push(decoded);
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// `w=200` among the pairs of the query.
fn width_of(query: Option<&str>) -> Result<u32, Page> {
    let pairs = query.unwrap_or_default().split('&');
    let Some(value) = pairs.filter_map(|pair| pair.strip_prefix("w=")).next() else { return Ok(WIDTH_DEFAULT) };
    let width = value.parse().ok().filter(|width| (1..=WIDTH_MAX).contains(width));
    width.ok_or_else(|| bad(format!("w is the width in pixels, from 1 to {WIDTH_MAX}")))
}

fn bad(sentence: impl Into<String>) -> Page {
    Page::says(StatusCode::BAD_REQUEST, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(target: &str) -> Result<Wanted, u16> {
        let uri = target.parse().expect("a target that hyper would pass on");
        route(Request { method: Method::GET, uri }).map_err(|page| page.status.as_u16())
    }

    fn file(name: &str) -> Result<Wanted, u16> {
        Ok(Wanted { name: name.to_string(), width: None })
    }

    #[test]
    fn a_path_is_decoded_to_a_name() {
        assert_eq!(get("/a%20b/c.txt?x=1"), file("a b/c.txt"));
        assert_eq!(get("/"), file(""));
        assert_eq!(get("/%E2%82%AC/"), file("€/"));
    }

    #[test]
    fn a_path_that_leads_outside_is_a_bad_request_however_it_is_written() {
        for target in
            ["/../etc/passwd", "/%2e%2e/x", "/a/..%2f..%2fx", "/..", "/thumb/../x", "/thumb/%2E./x", "/a/../b"]
        {
            assert_eq!(get(target), Err(400), "{target}");
        }
    }

    #[test]
    fn what_is_no_path_is_a_bad_request() {
        for target in ["/%", "/%2", "/%zz", "/%ff", "/a%00b", "/a//b", "//etc/passwd", "/./a", "/%5c..%5cx"] {
            assert_eq!(get(target), Err(400), "{target}");
        }
    }

    #[test]
    fn a_width_is_bounded_and_has_a_default() {
        let wide = |width| Ok(Wanted { name: "a.png".into(), width: Some(width) });
        assert_eq!(get("/thumb/a.png"), wide(200));
        assert_eq!(get("/thumb/a.png?x=1&w=2000"), wide(2000));
        for target in ["/thumb/a.png?w=0", "/thumb/a.png?w=2001", "/thumb/a.png?w=-1", "/thumb/a.png?w="] {
            assert_eq!(get(target), Err(400), "{target}");
        }
    }

    #[test]
    fn a_long_path_is_refused_unread() {
        assert_eq!(get(&format!("/{}", "a".repeat(PATH_MAX_BYTES))), Err(414));
    }
}
