//! The `seda` command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod run;
mod story;

/// Tools for staged event-driven services.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(run::Demo),
}

fn main() -> ExitCode {
    let Command::Demo(demo) = Arguments::parse().command;
    match demo.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("seda demo: {sentence}");
            ExitCode::FAILURE
        }
    }
}
