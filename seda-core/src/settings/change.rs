//! What a change answers.

use std::fmt;

use crate::finding::{Finding, list};

/// Why nothing was changed, or nothing could be said: every finding, not the first alone.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangeError {
    /// At least one.
    pub findings: Vec<Finding>,
}

impl ChangeError {
    pub(crate) fn one(finding: Finding) -> Self {
        ChangeError { findings: vec![finding] }
    }
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.findings[..] {
            [Finding { what, cure, excerpt: None }] => write!(f, "{what}; {cure}"),
            findings => list(f, "nothing was changed", findings),
        }
    }
}

/// Reads as [`Display`](fmt::Display) does, since `main` and `unwrap` show this form.
impl fmt::Debug for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ChangeError {}

/// What a change did.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Changed {
    /// The keys whose value is another now, with what it was and what it is.
    pub keys: Vec<(String, String, String)>,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.keys.is_empty() {
            return f.write_str("nothing is different");
        }
        for (at, (key, from, to)) in self.keys.iter().enumerate() {
            write!(f, "{}{key}: {from} -> {to}", if at == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}
