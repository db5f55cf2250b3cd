//! Values of keys: what each kind takes, how it is read and shown.

use std::{fmt, time::Duration};

use super::{
    amounts::{read_bytes, read_time, show_bytes, show_time},
    near::nearest,
};
use crate::options::Threads;

/// What kind of value a key takes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Kind {
    Flag,
    /// A whole number from 1.
    Count {
        most: u64,
    },
    /// A number above 0.
    Rate,
    /// A number from 0 to 1.
    Share,
    Bytes,
    Time,
    Threads {
        most: usize,
    },
    Word(&'static [&'static str]),
    /// The name of a domain, or `own`.
    Domain,
}

/// A value of a key.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Value {
    None,
    Flag(bool),
    Count(u64),
    Rate(f64),
    Bytes(u64),
    Time(Duration),
    Threads(Threads),
    Word(String),
}

/// A value as it was written.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(not(feature = "config"), allow(dead_code, reason = "without files, all that is read is words"))]
pub(crate) enum Raw {
    Flag(bool),
    Whole(i64),
    Number(f64),
    Text(String),
    /// From where everything is text: an environment variable, a command.
    Word(String),
    /// Something that no key takes: a list, a date.
    Other(String),
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Raw::Flag(flag) => write!(f, "`{flag}`"),
            Raw::Whole(n) => write!(f, "`{n}`"),
            Raw::Number(n) => write!(f, "`{n}`"),
            Raw::Text(text) => write!(f, "`\"{text}\"`"),
            Raw::Word(text) => write!(f, "`{text}`"),
            Raw::Other(what) => f.write_str(what),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::None => f.write_str("none"),
            Value::Flag(flag) => write!(f, "{flag}"),
            Value::Count(n) => write!(f, "{n}"),
            Value::Rate(n) => write!(f, "{n}"),
            Value::Bytes(bytes) => f.write_str(&show_bytes(*bytes)),
            Value::Time(time) => f.write_str(&show_time(*time)),
            Value::Threads(threads) => write!(f, "{threads}"),
            Value::Word(word) => f.write_str(word),
        }
    }
}

impl Kind {
    /// In words.
    pub(crate) fn takes(self, unit: &str) -> String {
        match self {
            Kind::Flag => "`true` or `false`".to_string(),
            Kind::Count { most } => format!("a whole number of {unit}, 1 to {most}"),
            Kind::Rate => format!("a number of {unit} above 0"),
            Kind::Share => "a number from 0 for none to 1 for all, as in `0.01`".to_string(),
            Kind::Bytes => "a size above 0 with its unit, as in `\"64 MiB\"`".to_string(),
            Kind::Time => "a time above 0 with its unit, as in `\"250 ms\"`".to_string(),
            Kind::Threads { most } => {
                format!("a number of {unit}, 1 to {most}, or a range of them, as in `\"2..8\"`")
            }
            Kind::Word(words) => {
                let words: Vec<_> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
                format!("one of {}", words.join(", "))
            }
            Kind::Domain => "the name of a declared domain, or `\"own\"`".to_string(),
        }
    }

    /// Reads what was written; says why not where that is more than "another kind".
    pub(crate) fn read(self, raw: &Raw, optional: bool) -> Result<Value, String> {
        if let Raw::Text(text) | Raw::Word(text) = raw
            && optional
            && text.trim() == "none"
        {
            return Ok(Value::None);
        }
        let value = match raw {
            Raw::Word(word) => self.read_word(word.trim())?,
            Raw::Text(text) => self.read_text(text.trim())?,
            raw => self.read_number(raw)?,
        };
        self.check(&value).map_or(Ok(value), Err)
    }

    fn read_number(self, raw: &Raw) -> Result<Value, String> {
        match (self, raw) {
            (Kind::Flag, Raw::Flag(flag)) => Ok(Value::Flag(*flag)),
            (Kind::Count { .. }, Raw::Whole(n)) => {
                u64::try_from(*n).map(Value::Count).map_err(|_| "it is below 1".to_string())
            }
            (Kind::Threads { .. }, Raw::Whole(n)) => {
                usize::try_from(*n).map(|n| Value::Threads(n.into())).map_err(|_| "it is below 1".to_string())
            }
            (Kind::Rate | Kind::Share, Raw::Whole(n)) => Ok(Value::Rate(*n as f64)),
            (Kind::Rate | Kind::Share, Raw::Number(n)) => Ok(Value::Rate(*n)),
            (Kind::Bytes, Raw::Whole(n)) => Err(format!("it needs a unit, as in `\"{n} B\"`")),
            (Kind::Time, Raw::Whole(n)) => Err(format!("it needs a unit, as in `\"{n} ms\"`")),
            _ => Err(String::new()),
        }
    }

    /// Text in a file: numbers stand without quotes there.
    fn read_text(self, text: &str) -> Result<Value, String> {
        match self {
            Kind::Flag | Kind::Count { .. } | Kind::Rate | Kind::Share => {
                let meant = self.read_word(text).is_ok();
                Err(if meant { format!("write {text} without the quotes") } else { String::new() })
            }
            _ => self.read_word(text),
        }
    }

    fn read_word(self, word: &str) -> Result<Value, String> {
        match self {
            Kind::Flag => word.parse().map(Value::Flag).map_err(|_| String::new()),
            Kind::Count { .. } => whole(word).map(Value::Count),
            Kind::Rate | Kind::Share => word.parse().map(Value::Rate).map_err(|_| String::new()),
            Kind::Bytes => read_bytes(word).map(Value::Bytes),
            Kind::Time => read_time(word).map(Value::Time),
            Kind::Threads { .. } => read_threads(word).map(Value::Threads),
            Kind::Word(words) if words.contains(&word) => Ok(Value::Word(word.to_string())),
            Kind::Word(words) => {
                Err(nearest(word, words.iter().copied())
                    .map_or_else(String::new, |near| format!("did you mean `{near}`?")))
            }
            Kind::Domain => Ok(Value::Word(word.to_string())),
        }
    }

    /// Why a value of the right kind is out of bounds, if it is.
    pub(crate) fn check(self, value: &Value) -> Option<String> {
        match (self, value) {
            (Kind::Count { .. }, Value::Count(0)) => Some("it is below 1".to_string()),
            (Kind::Count { most }, Value::Count(n)) if *n > most => Some(format!("it is above {most}")),
            (Kind::Rate, Value::Rate(n)) if !(n.is_finite() && *n > 0.0) => Some("it is not above 0".to_string()),
            (Kind::Share, Value::Rate(n)) if !(0.0..=1.0).contains(n) => Some("it is not between 0 and 1".to_string()),
            (Kind::Bytes, Value::Bytes(0)) => Some("it is not above 0".to_string()),
            (Kind::Time, Value::Time(time)) if time.is_zero() => Some("it is not above 0".to_string()),
            (Kind::Threads { most }, Value::Threads(threads)) => of_threads(*threads, most),
            _ => None,
        }
    }
}

fn of_threads(threads: Threads, most: usize) -> Option<String> {
    if threads.min > threads.max {
        return Some("the least stands first".to_string());
    }
    if threads.min == 0 {
        return Some("it is below 1".to_string());
    }
    (threads.max > most).then(|| format!("it is above {most}"))
}

fn whole<N: std::str::FromStr>(word: &str) -> Result<N, String> {
    // As in code, a `_` may part the thousands.
    let digits: String = word.chars().filter(|c| *c != '_').collect();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(String::new());
    }
    digits.parse().map_err(|_| "it is too large".to_string())
}

/// `4`, `2..8`, or as Rust writes it, `2..=8`.
fn read_threads(word: &str) -> Result<Threads, String> {
    match word.split_once("..") {
        None => whole::<usize>(word).map(Threads::from),
        Some((min, max)) => {
            let max = max.strip_prefix('=').unwrap_or(max);
            Ok(Threads { min: whole(min.trim())?, max: whole(max.trim())? })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Kind, raw: Raw) -> String {
        match kind.read(&raw, true) {
            Ok(value) => value.to_string(),
            Err(why) => format!("! {why}"),
        }
    }

    #[test]
    fn threads_are_a_number_or_a_range() {
        let kind = Kind::Threads { most: 1024 };
        for (word, value) in [("4", "4"), ("2..8", "2..8"), ("2..=8", "2..8"), (" 3 .. 3 ", "3")] {
            assert_eq!(read(kind, Raw::Text(word.into())), value);
        }
        assert_eq!(read(kind, Raw::Whole(4)), "4");
        assert_eq!(read(kind, Raw::Whole(0)), "! it is below 1");
        assert_eq!(read(kind, Raw::Text("8..2".into())), "! the least stands first");
        assert_eq!(read(kind, Raw::Text("2..5000".into())), "! it is above 1024");
        assert_eq!(read(kind, Raw::Text("four".into())), "! ");
    }

    #[test]
    fn numbers_stand_without_quotes_in_a_file_and_always_are_text_in_a_variable() {
        let kind = Kind::Count { most: 100 };
        assert_eq!(read(kind, Raw::Text("12".into())), "! write 12 without the quotes");
        assert_eq!(read(kind, Raw::Word("12".into())), "12");
        assert_eq!(read(kind, Raw::Whole(-1)), "! it is below 1");
        assert_eq!(read(kind, Raw::Whole(101)), "! it is above 100");
        assert_eq!(read(Kind::Flag, Raw::Word("true".into())), "true");
        assert_eq!(read(Kind::Rate, Raw::Whole(0)), "! it is not above 0");
        assert_eq!(read(Kind::Share, Raw::Whole(0)), "0");
        assert_eq!(read(Kind::Share, Raw::Word("0.25".into())), "0.25");
        assert_eq!(read(Kind::Share, Raw::Number(1.5)), "! it is not between 0 and 1");
    }

    #[test]
    fn units_are_asked_for_and_words_are_guessed() {
        assert_eq!(read(Kind::Bytes, Raw::Whole(64)), "! it needs a unit, as in `\"64 B\"`");
        assert_eq!(read(Kind::Time, Raw::Text("none".into())), "none");
        let words = Kind::Word(&["block", "reject"]);
        assert_eq!(read(words, Raw::Text("rejekt".into())), "! did you mean `reject`?");
        assert_eq!(read(words, Raw::Flag(true)), "! ");
    }
}
