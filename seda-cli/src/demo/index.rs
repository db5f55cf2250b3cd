//! The HTML index of a folder, with a thumbnail for each picture.

use std::{fmt::Write as _, fs, io, path::Path};

use super::page::{Media, Page};

/// Most entries that are listed: an index is held in memory as a whole.
const ENTRIES_MAX: usize = 1000;
const THUMB_WIDTH: u32 = 200;
const STYLE: &str = "body{font:16px sans-serif;margin:2em}a{color:inherit}\
    ul{list-style:none;padding:0}.pictures{display:flex;flex-wrap:wrap;gap:1em}figure{margin:0}";

/// The index of the folder at `path`, whose name under the root is `name`.
///
/// # Errors
/// If the folder cannot be read.
pub(crate) fn of(path: &Path, name: &str) -> io::Result<Page> {
    let (names, more) = names_in(path)?;
    let title = if name.is_empty() { "seda demo".to_string() } else { escape(name) };
    let mut html = format!("<!doctype html><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>");
    let _ = write!(html, "<h1>{title}</h1><ul>"); // writing to a String cannot fail
    let (pictures, others): (Vec<_>, Vec<_>) = names.iter().partition(|name| Media::of_name(name).is_picture());
    for other in others {
        let _ = write!(html, "<li><a href=\"/{}\">{}</a>", encode(&format!("{name}{other}")), escape(other));
    }
    html.push_str("</ul><div class=pictures>");
    for picture in pictures {
        let (target, text) = (encode(&format!("{name}{picture}")), escape(picture));
        let _ = write!(
            html,
            "<figure><a href=\"/{target}\"><img src=\"/thumb/{target}?w={THUMB_WIDTH}\" alt=\"{text}\"></a>\
             <figcaption>{text}</figcaption></figure>"
        );
    }
    html.push_str("</div>");
    if more {
        let _ = write!(html, "<p>Only {ENTRIES_MAX} entries are listed.");
    }
    Ok(Page::found(Media::Html, html))
}

/// Sorted names, folders with a slash behind them, and whether there are more. Hidden ones, and those that are not
/// UTF-8, are not served and so not listed.
fn names_in(path: &Path) -> io::Result<(Vec<String>, bool)> {
    let mut entries = fs::read_dir(path)?;
    let mut names = Vec::new();
    for entry in entries.by_ref().take(ENTRIES_MAX) {
        let entry = entry?;
        let folder = if entry.path().is_dir() { "/" } else { "" };
        if let Some(name) = entry.file_name().to_str().filter(|name| !name.starts_with('.')) {
            names.push(format!("{name}{folder}"));
        }
    }
    names.sort_unstable();
    Ok((names, entries.next().is_some()))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// For a path in an attribute: everything but letters, digits and `-._~/` as `%xx` (RFC 3986, 2.3).
fn encode(path: &str) -> String {
    path.bytes().fold(String::with_capacity(path.len()), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_its_attribute_or_element() {
        assert_eq!(encode("a b/\"<é"), "a%20b/%22%3C%C3%A9");
        assert_eq!(escape("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    }
}
