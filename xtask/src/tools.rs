//! Programs that are not cargo's own: found, or installed.

use std::path::{Path, PathBuf};

use crate::repo::Repo;
use crate::shell::Line;

const CARGO_DENY: &str = "0.20.2";

/// The pinned cargo-deny: the one on the path if it is that version, else built once into `target/tools`.
///
/// Unoptimised: it looks at some hundred crates in a second either way, and builds in a third of the time.
pub(crate) fn cargo_deny(repo: &Repo) -> Result<PathBuf, String> {
    let own = repo.target.join("tools");
    let found = [PathBuf::from("cargo-deny"), own.join("bin/cargo-deny")];
    if let Some(program) = found.into_iter().find(|program| is_pinned(repo, program)) {
        return Ok(program);
    }
    let install = format!("cargo install cargo-deny --locked --debug --version {CARGO_DENY} --root");
    Line::of(&format!("{install} {}", own.display())).run(&repo.root)?;
    Ok(own.join("bin/cargo-deny"))
}

fn is_pinned(repo: &Repo, program: &Path) -> bool {
    let line = Line::of(&format!("{} --version", program.display()));
    line.works(&repo.root) && line.output(&repo.root).is_ok_and(|said| said.trim().ends_with(CARGO_DENY))
}

/// `wrk`, which the HTTP benches load the service with: from Debian's packages where that is possible. Without it
/// they load with clients of their own, so that is a sentence and not a failure.
pub(crate) fn wrk(repo: &Repo) {
    if Line::of("which wrk").works(&repo.root) {
        return;
    }
    let package =
        Line::of("apt-get -q install -y --no-install-recommends wrk").env("DEBIAN_FRONTEND", "noninteractive");
    let installed = Line::of("apt-get -q update").run(&repo.root).and_then(|()| package.run(&repo.root));
    if let Err(why) = installed {
        println!("wrk is not here and could not be installed ({why}); `apt-get install wrk` as root puts it in place");
    }
}

/// rustfmt and clippy belong to the toolchain, but a minimal one comes without them.
pub(crate) fn components(repo: &Repo) -> Result<(), String> {
    let there = |tool: &str| Line::of(&format!("cargo {tool} --version")).works(&repo.root);
    if there("fmt") && there("clippy") {
        Ok(())
    } else {
        Line::of("rustup component add rustfmt clippy").run(&repo.root)
    }
}
