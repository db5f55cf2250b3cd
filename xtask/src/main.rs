//! `cargo xtask …`: how this repository is tested and measured, the same at home and in CI.
//!
//! `test` and `bench` are tables of contents; every other module is one of the checks that they name,
//! or one of three tools below them: `shell` runs a command, `repo` knows the packages, `step` runs a list.

mod advisories;
mod bench;
mod crate_tree;
mod examples;
mod features;
mod guide;
mod paste;
mod readme;
mod repo;
mod rows;
mod shell;
mod step;
mod test;
mod tidy;
mod tools;
mod ui;

use std::process::ExitCode;

use repo::Repo;

const HELP: &str = "\
cargo xtask test [--keep-going] [STEP…]   every check, or the named ones; stops at the first that fails
cargo xtask test --list                   the names of the steps
cargo xtask bench [NAME]                  every bench, or one; rows also go to target/bench/NAME.json
cargo xtask bench peers                   the peers that the default build leaves out (a longer build)
cargo xtask bench overload [--quick]      the overload lab: a table, and a page of plots (half an hour; quick: 3 minutes)
cargo xtask help                          this text";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::from(2)
        }
    }
}

/// Whether all went well; an error is a command that could not be begun.
fn run(words: &[&str]) -> Result<bool, String> {
    match words {
        ["test", rest @ ..] => test::run(&Repo::open()?, rest),
        ["bench"] => bench::run_all(&Repo::open()?),
        ["bench", "peers"] => bench::run_peers(&Repo::open()?),
        ["bench", name, "--quick"] => bench::run_one(&Repo::open()?, name, true),
        ["bench", name] => bench::run_one(&Repo::open()?, name, false),
        ["help" | "--help" | "-h"] | [] => {
            println!("{HELP}");
            Ok(true)
        }
        _ => Err(format!("I do not know `{}`; say one of\n{HELP}", words.join(" "))),
    }
}
