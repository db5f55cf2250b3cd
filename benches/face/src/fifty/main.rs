//! How long does the compiler take for an app of fifty stages?
//!
//! Row: fifty; beside it the sizes of the programs. Both are made here as sources, in a folder beside what cargo builds: the
//! graph on seda, and the same by hand. What they depend on is built before.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use seda_bench::{Better, Row, Table, interleave, pairs, quick};

mod by_hand;
mod common;
mod on_seda;

/// A build has no luck in it as a race of threads has: three rounds.
const ROUNDS: usize = 3;

const STAGED: &str = "staged";
const BY_HAND: &str = "by-hand";

fn main() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("it was built there");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = target.join("fifty");
    let seda = format!("seda = {{ package = \"seda-rt\", path = \"{}\" }}", root.display());
    write(&folder, STAGED, &seda, &on_seda::source());
    write(&folder, BY_HAND, "crossbeam-channel = \"0.5\"", &by_hand::source());
    let workspace = format!("[workspace]\nresolver = \"3\"\nmembers = [\"{STAGED}\", \"{BY_HAND}\"]\n");
    fs::write(folder.join("Cargo.toml"), workspace).expect("the folder was just written to");
    // The same versions as here, so that nothing need be downloaded.
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("the workspace has a lock file");

    let rounds = if quick() { 1 } else { ROUNDS };
    let samples = interleave(rounds, &mut [&mut || build(&folder, STAGED), &mut || build(&folder, BY_HAND)]);
    assert_eq!(run(&folder, STAGED), run(&folder, BY_HAND), "both are the same app");

    let ask = "release build of an app of 50 stages with 50 types of event, errors apart; what it depends on was built before";
    let peer = "threads and crossbeam-channel by hand";
    let mut table = Table::new("fifty");
    let row = Row::paired("fifty", ask, "s", peer, Better::Lower, 1.5);
    table.row(row.rounds(pairs(&samples[0], &samples[1], |built| built.seconds)));
    let row = Row::beside("fifty/size", "the same: size of the program", "KiB", peer, Better::Lower);
    table.row(row.rounds(pairs(&samples[0], &samples[1], |built| built.kib)));
    table.finish();
}

fn write(folder: &Path, name: &str, dependency: &str, source: &str) {
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependency}\n"
    );
    let package = folder.join(name);
    fs::create_dir_all(package.join("src"))
        .and_then(|()| fs::write(package.join("Cargo.toml"), manifest))
        .and_then(|()| fs::write(package.join("src/main.rs"), source))
        .unwrap_or_else(|error| panic!("cannot write {}: {error}", package.display()));
}

/// What one build gave.
struct Built {
    seconds: f64,
    kib: f64,
}

/// Of the app alone: cargo finds its source changed, and nothing else.
fn build(folder: &Path, name: &str) -> Built {
    let source = folder.join(name).join("src/main.rs");
    let text = fs::read(&source).expect("it was written");
    fs::write(&source, text).expect("it was written");
    let began = Instant::now();
    let built =
        cargo(folder, &["build", "--release", "--quiet", "--offline", "-p", name]).status().expect("cargo runs");
    let seconds = began.elapsed().as_secs_f64();
    assert!(built.success(), "{name} does not build");
    let program = fs::metadata(folder.join("target/release").join(name)).expect("it was built");
    Built { seconds, kib: program.len() as f64 / 1024.0 }
}

/// The lines that it prints of its events, sorted.
fn run(folder: &Path, name: &str) -> Vec<String> {
    let ran = cargo(folder, &["run", "--release", "--quiet", "--offline", "-p", name]).output().expect("cargo runs");
    assert!(ran.status.success(), "{name} does not run:\n{}", String::from_utf8_lossy(&ran.stderr));
    let text = String::from_utf8_lossy(&ran.stdout);
    let mut lines: Vec<String> = text.lines().filter(|line| line.starts_with("event ")).map(str::to_string).collect();
    lines.sort();
    lines
}

/// Cargo as it stands in the shell, on as many cores as the bar was set with.
fn cargo(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(arguments)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("CARGO_BUILD_JOBS", "2");
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_MAKEFLAGS", "LD_LIBRARY_PATH"] {
        command.env_remove(name);
    }
    command
}
