//! How long does a cold release build take, and how many crates are in the tree: of the core, and of the whole with its
//! default features?
//!
//! Rows: build, crates, build-full, crates-full.

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
/// The bars were set on a machine with so many.
const CORES: &str = "2";

/// What is built: its package, its rows' tail and bars.
struct Built {
    package: &'static str,
    words: &'static str,
    tail: &'static str,
    seconds: f64,
    crates: f64,
}

const BUILT: [Built; 2] = [
    Built { package: "seda-core", words: "seda-core", tail: "", seconds: 20.0, crates: 40.0 },
    Built {
        package: "seda-rt",
        words: "seda-rt with its default features",
        tail: "-full",
        seconds: 60.0,
        crates: 90.0,
    },
];

fn main() {
    let rounds = if quick() { 1 } else { ROUNDS };
    let scratch = env::temp_dir().join(format!("seda-cold-build-{}", std::process::id()));
    let mut table = Table::new("cold_build");
    for Built { package, words, tail, seconds, crates } in BUILT {
        let took: Vec<f64> = (0..rounds).map(|_| build(package, &scratch)).collect();
        let ask = format!("cold release build of {words} on {CORES} cores, everything already downloaded");
        table.row(Row::single(format!("build{tail}"), ask, "s", Better::Lower, seconds).values(took));
        let ask = format!("crates in the tree of {words}, itself included");
        table.row(Row::single(format!("crates{tail}"), ask, "crates", Better::Lower, crates).values([count(package)]));
    }
    table.finish();
}

fn build(package: &str, scratch: &Path) -> f64 {
    let began = Instant::now();
    let built = cargo(&["build", "--release", "--quiet", "--offline", "-p", package])
        .env("CARGO_TARGET_DIR", scratch)
        .env("CARGO_BUILD_JOBS", CORES)
        .status()
        .expect("cargo runs");
    let seconds = began.elapsed().as_secs_f64();
    assert!(built.success(), "{package} does not build");
    fs::remove_dir_all(scratch).expect("the scratch folder can be removed");
    seconds
}

fn count(package: &str) -> f64 {
    let tree = cargo(&["tree", "--offline", "-p", package, "-e", "normal", "--prefix", "none", "--no-dedupe"])
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8_lossy(&tree.stdout);
    text.lines().filter(|line| !line.is_empty()).collect::<BTreeSet<_>>().len() as f64
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
