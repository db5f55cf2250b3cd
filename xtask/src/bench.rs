//! `cargo xtask bench`: builds in release, runs the benches one after another, and puts their rows into one table.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::repo::{Package, Repo};
use crate::rows::{self, Row};
use crate::shell::Line;
use crate::tools;

/// The packages whose benches a plain `cargo xtask bench` runs.
const FOLDERS: [&str; 3] = ["benches", FACE, HTTP];
/// Of the face: a package of its own, as its features would change what the others measure.
const FACE: &str = "benches/face";
const HTTP: &str = "benches/http";
const PEERS: &str = "benches/peers";
/// Takes half an hour: only by its name.
const OVERLOAD: &str = "benches/overload";
/// A bench that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(25 * 60);
const OVERLOAD_LIMIT: Duration = Duration::from_secs(60 * 60);

/// One bench: a binary named after its question.
struct Bench {
    package: String,
    name: String,
    needs_wrk: bool,
    quick: bool,
    limit: Duration,
}

pub(crate) fn run_all(repo: &Repo) -> Result<bool, String> {
    run(repo, &FOLDERS.iter().flat_map(|folder| in_folder(repo, folder)).collect::<Vec<_>>())
}

pub(crate) fn run_peers(repo: &Repo) -> Result<bool, String> {
    run(repo, &in_folder(repo, PEERS))
}

/// With `quick` a smoke run, whose figures mean nothing.
pub(crate) fn run_one(repo: &Repo, name: &str, quick: bool) -> Result<bool, String> {
    let folders = FOLDERS.iter().chain([&OVERLOAD]);
    let all: Vec<Bench> = folders.flat_map(|folder| in_folder(repo, folder)).collect();
    let names: Vec<&str> = all.iter().map(|bench| bench.name.as_str()).collect();
    let names = format!("no bench is called `{name}`; there are {}, peers", names.join(", "));
    let mut one: Vec<Bench> = all.into_iter().filter(|bench| bench.name == name).collect();
    one.iter_mut().for_each(|bench| bench.quick = quick);
    if one.is_empty() { Err(names) } else { run(repo, &one) }
}

fn in_folder(repo: &Repo, folder: &str) -> Vec<Bench> {
    let package = repo.package_in(folder).into_iter();
    package.flat_map(|package| package.binaries.iter().map(|name| bench(package, name, folder))).collect()
}

fn bench(package: &Package, name: &str, folder: &str) -> Bench {
    let limit = if folder == OVERLOAD { OVERLOAD_LIMIT } else { LIMIT };
    let (package, name) = (package.name.clone(), name.to_string());
    Bench { package, name, needs_wrk: folder == HTTP, quick: false, limit }
}

/// Runs each, tells which failed at the end: a bench that breaks does not take the others' rows with it.
fn run(repo: &Repo, benches: &[Bench]) -> Result<bool, String> {
    if benches.is_empty() {
        return Err("there are no benches to run".to_string());
    }
    let mut failures = Vec::new();
    let mut rows = Vec::new();
    for bench in benches {
        println!("\n── {}", bench.name);
        match bench.run(repo) {
            Ok(of_bench) => rows.extend(of_bench),
            Err(why) => failures.push(format!("{}: {why}", bench.name)),
        }
    }
    println!("\n{}", rows::table(&rows));
    for failure in &failures {
        println!("FAILED {failure}");
    }
    Ok(failures.is_empty())
}

impl Bench {
    fn run(&self, repo: &Repo) -> Result<Vec<Row>, String> {
        if self.needs_wrk {
            tools::wrk(repo);
        }
        let written = self.written(repo);
        // Rows of an earlier run must not pass for those of one that wrote none.
        let _ = fs::remove_file(&written);
        let line = format!("cargo run --release -p {} --bin {}", self.package, self.name);
        let line = Line::of(&line).limit(self.limit);
        let line = if self.quick { line.env("SEDA_BENCH_QUICK", "1") } else { line };
        line.run(&repo.root)?;
        let text = fs::read_to_string(&written).map_err(|e| format!("{}: {e}", written.display()))?;
        rows::parse(&text)
    }

    /// Where the bench leaves its rows: beside what cargo builds.
    fn written(&self, repo: &Repo) -> PathBuf {
        repo.target.join("bench").join(format!("{}.json", self.name))
    }
}
