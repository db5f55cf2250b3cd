//! What no compiler looks at: where crates come from, and traces of one machine.

use std::fs;
use std::path::Path;

use crate::repo::Repo;
use crate::shell::Line;
use crate::step::Ended;

/// How Cargo.lock names crates.io, and the only source allowed in it.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(crate) fn check(repo: &Repo) -> Result<Ended, String> {
    // Fails if the lock file is not what the manifests ask for.
    Line::of("cargo metadata --locked --format-version 1").output(&repo.root)?;
    let mut findings = Vec::new();
    for file in tracked(repo)? {
        // Pictures and the like have no lines to look at; a file that git knows and that is gone has none either.
        let Ok(text) = fs::read_to_string(repo.root.join(&file)) else { continue };
        findings.extend(machine_paths(&text).map(|at| format!("{file}:{at}: a path of one machine")));
        if is_cargo(&file) {
            findings.extend(foreign_sources(&text).map(|at| format!("{file}:{at}: not from crates.io")));
        }
    }
    if findings.is_empty() { Ok(Ended::Passed) } else { Err(findings.join("\n  ")) }
}

/// Files that git tracks, or would if they were added now.
fn tracked(repo: &Repo) -> Result<Vec<String>, String> {
    let listed = Line::of("git ls-files --cached --others --exclude-standard").output(&repo.root)?;
    Ok(listed.lines().map(str::to_string).collect())
}

/// Cargo.lock, manifests and cargo's own configuration.
fn is_cargo(file: &str) -> bool {
    let name = Path::new(file).file_name().and_then(|name| name.to_str());
    matches!(name, Some("Cargo.lock" | "Cargo.toml")) || file == ".cargo/config.toml"
}

/// Numbers of the lines with a home or work folder of one machine in them.
fn machine_paths(text: &str) -> impl Iterator<Item = usize> {
    // Put together here, or this file would find itself.
    let paths = ["work", "root"].map(|folder| format!("/{folder}/"));
    lines_where(text, move |line| paths.iter().any(|path| line.contains(path.as_str())))
}

/// Numbers of the lines that name a source of crates other than crates.io or this workspace.
fn foreign_sources(text: &str) -> impl Iterator<Item = usize> {
    let begins = ["registry", "index", "replace-with", "[source", "[registr"];
    lines_where(text, move |line| match line.trim().strip_prefix("source = ") {
        Some(source) => source.trim_matches('"') != CRATES_IO,
        None => begins.iter().any(|begin| line.trim().starts_with(begin)) || line.contains("git = "),
    })
}

fn lines_where(text: &str, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = usize> {
    text.lines().enumerate().filter(move |(_, line)| wanted(line)).map(|(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_io_and_paths_are_no_foreign_source() {
        let text = format!("source = \"{CRATES_IO}\"\nseda = {{ path = \".\" }}\n");
        assert_eq!(foreign_sources(&text).count(), 0);
    }

    #[test]
    fn a_mirror_a_git_address_and_a_replaced_source_are_named_by_line() {
        let text = "source = \"registry+https://mirror.example/index\"\na = { git = \"x\" }\n[source.crates-io]\n";
        assert_eq!(foreign_sources(text).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn a_machine_path_is_named_by_line() {
        let text = format!("fine\nsee /{}/main/src\n", "work");
        assert_eq!(machine_paths(&text).collect::<Vec<_>>(), [2]);
    }
}
