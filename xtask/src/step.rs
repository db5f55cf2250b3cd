//! A named check, and how a list of them is run and reported.

use std::ffi::OsString;
use std::fmt;
use std::time::{Duration, Instant};

use crate::repo::Repo;
use crate::shell::Line;

/// How a check that did not fail ended.
pub(crate) enum Ended {
    Passed,
    /// It does not apply on this machine, for the reason given.
    Skipped(String),
}

pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    work: Work,
}

enum Work {
    Line(Line),
    Call(fn(&Repo) -> Result<Ended, String>),
}

/// A step that is one command line.
pub(crate) fn line(name: &'static str, what: &'static str, line: &str) -> Step {
    Step { name, what, work: Work::Line(Line::of(line)) }
}

/// A step that is a function.
pub(crate) fn call(name: &'static str, what: &'static str, check: fn(&Repo) -> Result<Ended, String>) -> Step {
    Step { name, what, work: Work::Call(check) }
}

impl Step {
    pub(crate) fn env(mut self, key: &str, value: impl Into<OsString>) -> Step {
        if let Work::Line(line) = self.work {
            self.work = Work::Line(line.env(key, value));
        }
        self
    }

    fn run(&self, repo: &Repo) -> Result<Ended, String> {
        match &self.work {
            Work::Line(line) => line.run(&repo.root).map(|()| Ended::Passed),
            Work::Call(check) => check(repo),
        }
    }
}

/// The steps of these names in the order of the table, all of them for no name.
pub(crate) fn named(steps: Vec<Step>, names: &[&str]) -> Result<Vec<Step>, String> {
    if let Some(unknown) = names.iter().find(|name| steps.iter().all(|step| step.name != **name)) {
        return Err(format!("no step is called `{unknown}`; `cargo xtask test --list` names them"));
    }
    Ok(steps.into_iter().filter(|step| names.is_empty() || names.contains(&step.name)).collect())
}

pub(crate) fn run(repo: &Repo, steps: Vec<Step>, keep_going: bool) -> Tally {
    let mut tally = Tally::default();
    let count = steps.len();
    for (at, step) in steps.into_iter().enumerate() {
        println!("\n── {} ({} of {count}): {}", step.name, at + 1, step.what);
        let began = Instant::now();
        let result = step.run(repo);
        let took = began.elapsed();
        println!("── {} ({:.1} s): {}", step.name, took.as_secs_f64(), word(&result));
        let failed = result.is_err();
        tally.rows.push((step.name, result, took));
        if failed && !keep_going {
            tally.not_run = count - at - 1;
            break;
        }
    }
    tally
}

/// What became of each step.
#[derive(Default)]
pub(crate) struct Tally {
    rows: Vec<(&'static str, Result<Ended, String>, Duration)>,
    not_run: usize,
}

impl Tally {
    pub(crate) fn failed(&self) -> usize {
        self.rows.iter().filter(|(_, result, _)| result.is_err()).count()
    }

    fn skipped(&self) -> usize {
        self.rows.iter().filter(|(_, result, _)| matches!(result, Ok(Ended::Skipped(_)))).count()
    }

    /// `N passed, N failed`, which CI reads.
    pub(crate) fn closing_line(&self) -> String {
        let (failed, skipped) = (self.failed(), self.skipped());
        let passed = self.rows.len() - failed - skipped;
        let tail = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
        format!("{passed} passed, {failed} failed{tail}")
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, result, took) in &self.rows {
            writeln!(f, "{name:<11} {:>7.1} s  {}", took.as_secs_f64(), word(result))?;
        }
        if self.not_run > 0 {
            writeln!(f, "{} more not run after the failure; --keep-going runs them", self.not_run)?;
        }
        Ok(())
    }
}

fn word(result: &Result<Ended, String>) -> String {
    match result {
        Ok(Ended::Passed) => "passed".to_string(),
        Ok(Ended::Skipped(why)) => format!("skipped, {why}"),
        Err(why) => format!("FAILED: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(results: Vec<Result<Ended, String>>) -> Tally {
        let rows = results.into_iter().map(|result| ("step", result, Duration::ZERO)).collect();
        Tally { rows, not_run: 0 }
    }

    #[test]
    fn the_closing_line_counts_each_step_once() {
        let tally = tally(vec![Ok(Ended::Passed), Ok(Ended::Passed), Err("no".into())]);
        assert_eq!(tally.closing_line(), "2 passed, 1 failed");
    }

    #[test]
    fn a_skipped_step_is_not_called_passed() {
        let tally = tally(vec![Ok(Ended::Passed), Ok(Ended::Skipped("no network".into()))]);
        assert_eq!(tally.closing_line(), "1 passed, 0 failed, 1 skipped");
    }

    #[test]
    fn a_step_that_does_not_exist_is_named() {
        let known = vec![line("format", "", "true")];
        assert!(named(known, &["fromat"]).err().unwrap().contains("`fromat`"));
    }
}
