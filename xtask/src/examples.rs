//! Each example prints what the comment at its top says that it prints.
//!
//! The expected text stands between the lines `//! ```text` and `//! ``` `. A `…` in it matches anything within its
//! line: for numbers that differ from run to run.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::repo::Repo;
use crate::shell::Line;
use crate::step::Ended;

/// An example is over in a moment; one that is not waits for something that will not come.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn check(repo: &Repo) -> Result<Ended, String> {
    let examples = numbered(repo)?;
    Line::of("cargo build -p seda-rt --all-features --examples").run(&repo.root)?;
    for file in &examples {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let source = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        let expected = expected(&source).ok_or_else(|| format!("{name}: no ```text block says what to see"))?;
        // What was built above: `cargo run` would build again, under the limit, if a file was touched meanwhile.
        let program = repo.target.join("debug/examples").join(&*name);
        let line = Line::of(&program.display().to_string()).limit(LIMIT);
        compare(&expected, &line.output(&repo.root)?).map_err(|why| format!("{name}: {why}"))?;
        println!("{name}: as its header says");
    }
    Ok(Ended::Passed)
}

fn numbered(repo: &Repo) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(repo.root.join("examples")).map_err(|e| format!("examples: {e}"))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files.sort();
    if files.is_empty() { Err("there are no examples".to_string()) } else { Ok(files) }
}

/// The lines of the first ```text block in the header comment.
fn expected(source: &str) -> Option<Vec<&str>> {
    let header = source.lines().map_while(|line| line.strip_prefix("//!"));
    let mut lines = header.map(|line| line.strip_prefix(' ').unwrap_or(line));
    lines.find(|line| *line == "```text")?;
    Some(lines.take_while(|line| *line != "```").collect())
}

pub(crate) fn compare(expected: &[&str], printed: &str) -> Result<(), String> {
    let printed: Vec<&str> = printed.lines().collect();
    for at in 0..expected.len().max(printed.len()) {
        let (want, got) = (expected.get(at), printed.get(at));
        let same = want.zip(got).is_some_and(|(want, got)| matches(want.trim_end(), got.trim_end()));
        if !same {
            let show = |line: Option<&&str>| line.map_or("nothing".to_string(), |line| format!("`{line}`"));
            return Err(format!("line {}: its header says {}, it printed {}", at + 1, show(want), show(got)));
        }
    }
    Ok(())
}

/// Whether `line` is `pattern` with something, or nothing, in each place of a `…`.
fn matches(pattern: &str, line: &str) -> bool {
    match pattern.split_once('…') {
        None => pattern == line,
        Some((before, after)) => line.strip_prefix(before).is_some_and(|rest| {
            let ends = (0..=rest.len()).filter(|at| rest.is_char_boundary(*at));
            ends.into_iter().any(|at| matches(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_block_of_the_header_is_what_is_expected() {
        let source = "//! A stage.\n//! ```sh\n//! cargo run\n//! ```\n//! ```text\n//! one\n//!\n//!   two\n//! ```\nfn main() {}\n";
        assert_eq!(expected(source).unwrap(), ["one", "", "  two"]);
    }

    #[test]
    fn a_source_without_a_text_block_expects_nothing_at_all() {
        assert_eq!(expected("//! A stage.\nfn main() {}\n//! ```text\n"), None);
    }

    #[test]
    fn an_ellipsis_stands_for_anything_in_its_line() {
        assert!(matches("done in … ms", "done in 12 ms"));
        assert!(matches("…: … of 3", "first: 2 of 3"));
        assert!(!matches("done in … ms", "done in 12 s"));
        assert!(!matches("done", "done in 12 s"));
    }

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert!(compare(&["a", "b"], "a\nb\n").is_ok());
        assert!(compare(&["a", "b"], "a\nc\n").unwrap_err().starts_with("line 2: its header says `b`, it printed `c`"));
        assert!(compare(&["a"], "a\nb\n").unwrap_err().contains("says nothing, it printed `b`"));
        assert!(compare(&["a", "b"], "a\n").unwrap_err().contains("it printed nothing"));
    }
}
