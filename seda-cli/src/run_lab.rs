//! `seda lab`: runs the scenarios, prints the table, writes the page.

use std::{
    io::{self, Write},
    path::PathBuf,
    time::Duration,
};

use clap::Args;
use seda::sim::Service;
use seda_cli::lab::{self, Loads, Plan, Policy};

/// Compare admission policies under overload: one stage, on virtual time, with a table and a page of plots.
///
/// For a pipeline of your own, see `seda::lab`.
#[derive(Args)]
pub(crate) struct Lab {
    /// How long the handler takes: exp:4ms, fixed:4ms, lognormal:4ms:2, pareto:4ms:1.5, or 0.95*exp:1ms+0.05*exp:61ms.
    #[arg(long, default_value = "exp:4ms", value_parser = lab::service)]
    service: Service,
    /// How many events are handled at once.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
    /// Objective, from the offer to the end.
    #[arg(long, default_value = "50ms", value_parser = lab::time)]
    slo: Duration,
    /// Steady loads, in capacities: a range, or some as 0.8x,2x.
    #[arg(long, default_value = "0.5x..10x", value_parser = lab::loads)]
    load: Loads,
    /// Scenarios: plateau, step, spike, slow-down, bursts, storm. Default: all.
    #[arg(long, value_delimiter = ',')]
    scenario: Vec<String>,
    /// Policies, the first in front: slo, none, bounded:1000, codel, codel:service, fresh, vegas, gradient, aimd,
    /// response-time, concurrency:30, rate:950.
    #[arg(long, value_delimiter = ',', default_value = "slo,bounded:1000,codel", value_parser = lab::policy)]
    policy: Vec<Policy>,
    /// Runs of each; the table shows medians.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// A fifth as long: for a look.
    #[arg(long)]
    brief: bool,
    /// Folder for the page and its pictures.
    #[arg(long, default_value = "seda-lab")]
    out: PathBuf,
}

impl Lab {
    /// Runs until all is written.
    pub(crate) fn run(self) -> Result<(), String> {
        let plan = Plan {
            service: self.service,
            threads: usize::from(self.threads),
            slo: self.slo,
            loads: self.load,
            scenarios: self.scenario,
            policies: self.policy,
            seeds: self.seeds,
            brief: self.brief,
        };
        let report = plan.run()?;
        report
            .write(&self.out)
            .map_err(|why| format!("{} cannot be written: {why}; name another folder by --out", self.out.display()))?;
        // Not `println!`, which panics when nobody reads any more.
        let _ = writeln!(io::stdout(), "{report}\nopen {}", self.out.join("index.html").display());
        Ok(())
    }
}
