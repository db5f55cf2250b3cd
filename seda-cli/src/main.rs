//! The `seda` command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod run;
mod run_lab;
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
    Lab(run_lab::Lab),
}

fn main() -> ExitCode {
    let (name, ended) = match Arguments::parse().command {
        Command::Demo(demo) => ("demo", demo.run()),
        Command::Lab(lab) => ("lab", lab.run()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("seda {name}: {sentence}");
            ExitCode::FAILURE
        }
    }
}
