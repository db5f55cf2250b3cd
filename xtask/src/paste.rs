//! The README's first program, pasted into a new crate: it compiles there without a warning and prints what the README
//! says that it prints.

use std::fs;
use std::path::Path;

use crate::repo::Repo;
use crate::shell::Line;
use crate::step::Ended;

/// What a user writes into the manifest of a new crate, besides a path in the place of a version. An own workspace, as it
/// lies inside this one's folder.
const MANIFEST: &str = r#"[package]
name = "pasted"
version = "0.0.0"
edition = "2024"

[dependencies]
seda = { package = "seda-rt", path = "ROOT" }

[workspace]
"#;

pub(crate) fn check(repo: &Repo) -> Result<Ended, String> {
    let readme = fs::read_to_string(repo.root.join("README.md")).map_err(|e| format!("README.md: {e}"))?;
    let block = |fence| block(&readme, fence).ok_or_else(|| format!("the README has no {fence} block"));
    let (program, promised) = (block("```rust")?, block("```text")?);
    let folder = repo.target.join("paste");
    write(repo, &folder, &program)?;
    let run =
        Line::of("cargo run --quiet").env("RUSTFLAGS", "-D warnings").env("CARGO_TARGET_DIR", folder.join("target"));
    compare(&promised, &run.output(&folder)?)?;
    println!("the README's program, in a new crate: as it says");
    Ok(Ended::Passed)
}

fn write(repo: &Repo, folder: &Path, program: &str) -> Result<(), String> {
    let manifest = MANIFEST.replace("ROOT", &repo.root.display().to_string());
    fs::create_dir_all(folder.join("src"))
        .and_then(|()| fs::write(folder.join("src/main.rs"), program))
        .and_then(|()| fs::write(folder.join("Cargo.toml"), manifest))
        // The same versions as here, so that nothing need be downloaded.
        .and_then(|()| fs::copy(repo.root.join("Cargo.lock"), folder.join("Cargo.lock")).map(drop))
        .map_err(|e| format!("{}: {e}", folder.display()))
}

/// The text of the first block that begins with this fence.
fn block(markdown: &str, fence: &str) -> Option<String> {
    let mut lines = markdown.lines();
    lines.find(|line| *line == fence)?;
    Some(lines.take_while(|line| *line != "```").map(|line| line.to_string() + "\n").collect())
}

/// Line by line, but for how long the stop took.
fn compare(promised: &str, printed: &str) -> Result<(), String> {
    let (promised, printed) = (settled(promised), settled(printed));
    if promised == printed {
        return Ok(());
    }
    Err(format!("the README says\n{}\nbut its program printed\n{}", promised.join("\n"), printed.join("\n")))
}

fn settled(text: &str) -> Vec<String> {
    text.lines().map(|line| without_duration(line.trim_end())).collect()
}

/// `stopped in 182 µs, ...` as `stopped in ..., ...`.
fn without_duration(line: &str) -> String {
    let ends = |rest: &str| rest.find(", ").map(|at| rest[at..].to_string());
    match line.split_once("stopped in ") {
        Some((before, rest)) => format!("{before}stopped in ...{}", ends(rest).unwrap_or_default()),
        None => line.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_block_of_a_kind_is_found() {
        let markdown = "# a\n```sh\nx\n```\n```rust\nfn main() {}\n```\n```rust\n2\n```\n";
        assert_eq!(block(markdown, "```rust").unwrap(), "fn main() {}\n");
        assert_eq!(block(markdown, "```text"), None);
    }

    #[test]
    fn the_duration_may_differ_and_nothing_else() {
        let promised = "a\nb\nstage 1\np: stopped in 182 µs, the ledger adds up\n";
        assert!(compare(promised, "a\nb\nstage 1\np: stopped in 3 ms, the ledger adds up\n").is_ok());
        assert!(compare(promised, "b\na\nstage 1\np: stopped in 3 ms, the ledger adds up\n").is_err());
        assert!(compare(promised, "a\nb\nstage 2\np: stopped in 3 ms, the ledger adds up\n").is_err());
        assert!(compare(promised, "a\nb\nstage 1\np: stopped in 3 ms, the ledger does not\n").is_err());
    }
}
