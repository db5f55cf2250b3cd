//! How long does a cold release build of the core take, and how many crates are in its tree?
//!
//! Rows: build, crates.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use seda_bench::{Better, Row, Table, quick};

/// A build has no luck in it as a race of threads has: three rounds.
const ROUNDS: usize = 3;

fn main() {
    let rounds = if quick() { 1 } else { ROUNDS };
    let scratch = env::temp_dir().join(format!("seda-cold-build-{}", std::process::id()));
    let seconds: Vec<f64> = (0..rounds).map(|_| build(&scratch)).collect();
    let mut table = Table::new("cold_build");
    let ask = "cold release build of seda-core, everything already downloaded";
    table.row(Row::single("build", ask, "s", Better::Lower, 20.0).values(seconds));
    let ask = "crates in seda-core's tree, itself included";
    table.row(Row::single("crates", ask, "crates", Better::Lower, 40.0).values([crates() as f64]));
    table.finish();
}

fn build(scratch: &Path) -> f64 {
    let began = Instant::now();
    let built = cargo(&["build", "--release", "--quiet", "--offline", "-p", "seda-core"])
        .env("CARGO_TARGET_DIR", scratch)
        .status()
        .expect("cargo runs");
    let seconds = began.elapsed().as_secs_f64();
    assert!(built.success(), "seda-core does not build");
    fs::remove_dir_all(scratch).expect("the scratch folder can be removed");
    seconds
}

fn crates() -> usize {
    let tree = cargo(&["tree", "--offline", "-p", "seda-core", "-e", "normal", "--prefix", "none", "--no-dedupe"])
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8_lossy(&tree.stdout);
    text.lines().filter(|line| !line.is_empty()).collect::<BTreeSet<_>>().len()
}

/// Cargo at the root of the workspace, as it stands in the shell: what the cargo that runs this bench has set for it
/// is not passed on.
fn cargo(arguments: &[&str]) -> Command {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root);
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_MAKEFLAGS", "LD_LIBRARY_PATH"] {
        command.env_remove(name);
    }
    command
}
