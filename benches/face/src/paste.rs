//! Does the README's first program compile in a new crate without a warning, and print what the README says?
//!
//! Row: paste. The answer is that of `cargo xtask test paste`, which CI holds; it has no rounds.

use std::{env, path::PathBuf, process::Command};

use seda_bench::{Better, Row, Table};

fn main() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let ran = cargo.args(["xtask", "test", "paste"]).current_dir(root).status().expect("cargo runs");
    let mut table = Table::new("paste");
    let ask = "the README's first program in a new crate: without a warning, and prints what the README says (1: yes)";
    let yes = f64::from(u8::from(ran.success()));
    table.row(Row::single("paste", ask, "", Better::Higher, 1.0).values([yes]));
    table.finish();
}
