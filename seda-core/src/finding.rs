//! What is wrong, and its cure: what a start, a change and a configuration answer with, all at once.

use std::fmt;

/// One thing that is wrong with a pipeline or its configuration, and its cure.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// What is wrong, and where.
    pub what: String,
    /// What to do.
    pub cure: String,
    /// The lines of the file that it is about, with a caret; only for what a configuration file says.
    pub excerpt: Option<String>,
}

impl Finding {
    pub(crate) fn new(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Finding { what: what.into(), cure: cure.into(), excerpt: None }
    }

    pub(crate) fn with_excerpt(self, excerpt: Option<String>) -> Self {
        Finding { excerpt, ..self }
    }
}

/// Writes a heading, with how many there are, and each of them.
pub(crate) fn list(f: &mut fmt::Formatter<'_>, heading: &str, findings: &[Finding]) -> fmt::Result {
    let n = findings.len();
    write!(f, "{heading}: {n} finding{}", if n == 1 { "" } else { "s" })?;
    for (at, Finding { what, cure, excerpt }) in findings.iter().enumerate() {
        write!(f, "\n{:>3}. {what}", at + 1)?;
        for line in excerpt.iter().flat_map(|excerpt| excerpt.lines()) {
            write!(f, "\n     {line}")?;
        }
        write!(f, "\n     cure: {cure}")?;
    }
    Ok(())
}
