//! Runs one command, and never waits for it without a bound.

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// No command here takes a third of this from a cold checkout on two cores; one that does hangs, and a hang that is
/// named is worth more than a CI run that is ended from outside.
const LIMIT: Duration = Duration::from_secs(25 * 60);

/// How often a running command is looked at.
const POLL: Duration = Duration::from_millis(20);

/// A command line: words apart by blanks (no word of ours has one inside), and what to set in its environment.
pub(crate) struct Line {
    words: Vec<String>,
    env: Vec<(String, OsString)>,
    limit: Duration,
}

impl Line {
    pub(crate) fn of(line: &str) -> Line {
        Line { words: line.split_whitespace().map(str::to_string).collect(), env: Vec::new(), limit: LIMIT }
    }

    pub(crate) fn env(mut self, key: &str, value: impl Into<OsString>) -> Line {
        self.env.push((key.to_string(), value.into()));
        self
    }

    pub(crate) fn limit(mut self, limit: Duration) -> Line {
        self.limit = limit;
        self
    }

    /// Runs it in `dir`, says how it can be typed, lets its output through.
    pub(crate) fn run(&self, dir: &Path) -> Result<(), String> {
        println!("$ {}", self.typed());
        let child = self.command(dir).spawn().map_err(|e| self.not_begun(&e))?;
        self.judge(self.wait(child)?)
    }

    /// Runs it in `dir` and gives back what it printed; its complaints are let through.
    pub(crate) fn output(&self, dir: &Path) -> Result<String, String> {
        let mut child = self.command(dir).stdout(Stdio::piped()).spawn().map_err(|e| self.not_begun(&e))?;
        let mut pipe = child.stdout.take().expect("stdout was asked for as a pipe");
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes).map(|_| bytes)
        });
        let status = self.wait(child)?;
        let bytes = reader.join().expect("reading a pipe does not panic").map_err(|e| e.to_string())?;
        self.judge(status)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether it can be run and ends well, whatever it prints.
    pub(crate) fn works(&self, dir: &Path) -> bool {
        let child = self.command(dir).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        child.is_ok_and(|child| self.wait(child).is_ok_and(|status| status.success()))
    }

    fn command(&self, dir: &Path) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).current_dir(dir).stdin(Stdio::null());
        command.envs(self.env.iter().map(|(key, value)| (key, value)));
        command
    }

    fn wait(&self, mut child: Child) -> Result<ExitStatus, String> {
        let began = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if began.elapsed() > self.limit => {
                    end_tree(&mut child);
                    return Err(format!("`{}` has not ended in {} s", self.typed(), self.limit.as_secs()));
                }
                Ok(None) => thread::sleep(POLL),
                Err(e) => return Err(format!("`{}` could not be waited for: {e}", self.typed())),
            }
        }
    }

    fn judge(&self, status: ExitStatus) -> Result<(), String> {
        if status.success() { Ok(()) } else { Err(format!("`{}` ended with {status}", self.typed())) }
    }

    fn not_begun(&self, e: &std::io::Error) -> String {
        format!("`{}` could not be run: {e}", self.words[0])
    }

    fn typed(&self) -> String {
        let set = self.env.iter().map(|(key, value)| format!("{key}='{}' ", value.display()));
        format!("{}{}", set.collect::<String>(), self.words.join(" "))
    }
}

/// Ends the child and all that it started: a `cargo` that is killed leaves the test it runs behind.
fn end_tree(child: &mut Child) {
    let mut tree = vec![child.id()];
    let listed = Command::new("ps").args(["-e", "-o", "pid=,ppid="]).output();
    let listed = listed.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
    let pairs: Vec<(u32, u32)> = listed.lines().filter_map(pid_and_parent).collect();
    let mut at = 0;
    while at < tree.len() {
        tree.extend(pairs.iter().filter(|(_, parent)| *parent == tree[at]).map(|(pid, _)| pid).collect::<Vec<_>>());
        at += 1;
    }
    // Without `ps` or `kill` the child itself is still ended; there is nothing better to do about an error here.
    let _ = Command::new("kill").arg("-KILL").args(tree.iter().map(u32::to_string)).status();
    let _ = child.kill();
    let _ = child.wait();
}

fn pid_and_parent(row: &str) -> Option<(u32, u32)> {
    let mut numbers = row.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_fails_is_named_with_its_status() {
        let why = Line::of("false").run(Path::new(".")).unwrap_err();
        assert!(why.starts_with("`false` ended with"), "{why}");
    }

    #[test]
    fn a_command_that_is_not_there_is_named() {
        let why = Line::of("no-such-command-here").output(Path::new(".")).unwrap_err();
        assert!(why.starts_with("`no-such-command-here` could not be run"), "{why}");
    }

    #[test]
    fn a_command_that_hangs_is_ended_with_all_that_it_started() {
        let began = Instant::now();
        // `timeout` starts a `sleep` of its own, which holds the pipe open: `output` returns only if both are gone.
        let line = Line::of("timeout 600 sleep 600").limit(Duration::from_millis(50));
        assert!(line.output(Path::new(".")).unwrap_err().contains("has not ended"));
        assert!(began.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn what_is_set_in_the_environment_reaches_the_command() {
        let line = Line::of("printenv XTASK_WORD").env("XTASK_WORD", "two words");
        assert_eq!(line.output(Path::new(".")).unwrap(), "two words\n");
    }
}
