//! `cargo xtask test`: the list of checks, in the order in which a fault is cheapest to hear of.

use std::time::Instant;

use crate::repo::Repo;
use crate::step::{self, Step, call, line};
use crate::{advisories, crate_tree, examples, features, guide, paste, readme, tidy, tools, ui};

/// Built and linted only by `cargo xtask bench peers`: its dependencies are the slowest of the workspace.
const PEERS: &str = "seda-bench-peers";

#[rustfmt::skip] // one step, one row: this table is read more often than anything else here
fn steps(repo: &Repo) -> Vec<Step> {
    let peers = format!("--workspace --exclude {PEERS} --all-features");
    let loom_target = repo.target.join("loom");
    vec![
        call("tidy",        "sources, lock file, no paths of one machine", tidy::check),
        line("format",      "rustfmt", "cargo fmt --all --check"),
        line("clippy",      "no warning in any target", &format!("cargo clippy {peers} --all-targets -- -D warnings")),
        line("tests",       "unit and integration tests", &format!("cargo test {peers} --lib --bins --tests"))
            .env("SEDA_MODEL_CASES", "200"), // the step `model` runs them all, in release
        line("doc-tests",   "every example in the documentation, the README's too", &format!("cargo test {peers} --doc")),
        call("readme",      "the README's code is among the doc tests", readme::is_doc_tested),
        call("paste",       "the README's program in a new crate", paste::check),
        call("guide",       "each page of docs/ is doc-tested, and its programs print what it says", guide::check),
        line("docs",        "rustdoc without a warning", &format!("cargo doc {peers} --no-deps")).env("RUSTDOCFLAGS", "-D warnings"),
        call("ui",          "the texts of compile errors, on the pinned toolchain", ui::check),
        call("examples",    "each prints what its header says", examples::check),
        line("model",       "random graphs on virtual time, seed printed", "cargo test --release -p seda-core --all-features --test model -- --nocapture"),
        line("stress",      "the same graphs on threads", "cargo test --release -p seda-core --all-features --test stress -- --nocapture"),
        line("loom",        "every order of the lock-free parts", "cargo test --release -p seda-core --lib loom")
            .env("RUSTFLAGS", "--cfg loom").env("LOOM_MAX_PREEMPTIONS", "3").env("CARGO_TARGET_DIR", loom_target),
        call("features",    "each feature of each package by itself", features::check),
        call("crate-tree",  "seda-core stays small and has no async runtime", crate_tree::check),
        call("licences",    "licences, sources, bans, and advisories where they can be had", advisories::check),
    ]
}

/// Runs the steps that `words` name, or all; prints `N passed, N failed` as the last line.
pub(crate) fn run(repo: &Repo, words: &[&str]) -> Result<bool, String> {
    let (flags, names): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| word.starts_with("--"));
    if let Some(flag) = flags.iter().find(|flag| !["--keep-going", "--list"].contains(flag)) {
        return Err(format!("`cargo xtask test` has no {flag}"));
    }
    let steps = step::named(steps(repo), &names)?;
    if flags.contains(&"--list") {
        for step in &steps {
            println!("{:<11} {}", step.name, step.what);
        }
        return Ok(true);
    }
    tools::components(repo)?;
    let began = Instant::now();
    let tally = step::run(repo, steps, flags.contains(&"--keep-going"));
    println!("\n{tally}in all {:.0} s\n{}", began.elapsed().as_secs_f64(), tally.closing_line());
    Ok(tally.failed() == 0)
}
