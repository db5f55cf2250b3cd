//! The texts of compile errors are pinned, and so is the compiler whose texts they are.

use crate::repo::Repo;
use crate::shell::Line;
use crate::step::Ended;

/// The toolchain that wrote `tests/ui/*.stderr`; rustc's own words in them change from release to release.
const PINNED: &str = "1.95";

pub(crate) fn check(repo: &Repo) -> Result<Ended, String> {
    let version = Line::of("rustc --version").output(&repo.root)?;
    if !version.starts_with(&format!("rustc {PINNED}.")) {
        return Ok(Ended::Skipped(format!("the texts are those of Rust {PINNED}, this is {}", version.trim())));
    }
    // Ignored by a plain `cargo test`, which may run on any toolchain.
    Line::of("cargo test -p seda-rt --test face_errors -- --include-ignored").run(&repo.root)?;
    Ok(Ended::Passed)
}
