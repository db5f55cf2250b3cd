//! Does goodput stay flat past saturation, and does what is admitted keep its objective?
//!
//! Every policy and controller in every scenario on virtual time, then a few of them on threads. Rows go to `target/bench/overload.json`,
//! the page of plots to `target/bench/overload/index.html`.

mod bars;
mod controllers;
mod mixed;
mod oracle;
mod policies;
mod real;
mod single;

use seda::lab::Report;
use seda_bench::Table;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut table = Table::new("overload");
    let mut report = Report::new("The overload lab of seda");
    // One part alone, for a look: `virtual` and `threads` are the halves, and the first has three parts of its own.
    let only = std::env::var("SEDA_LAB_ONLY").unwrap_or_default();
    let is_wanted = |names: &[&str]| only.is_empty() || names.contains(&only.as_str());
    if is_wanted(&["virtual", "single"]) {
        single::run(&mut table, &mut report)?;
    }
    if is_wanted(&["virtual", "mixed"]) {
        mixed::run(&mut table, &mut report)?;
    }
    if is_wanted(&["virtual", "controllers"]) {
        controllers::run(&mut table, &mut report)?;
    }
    if is_wanted(&["threads"]) {
        real::run(&mut table, &mut report);
    }
    println!("{report}");
    let folder = seda_bench::target_dir().join("bench/overload");
    report.write(&folder)?;
    table.finish();
    println!("open {}", folder.join("index.html").display());
    Ok(())
}
