//! The one binary: reads the command line, calls a command, presents what went wrong.

mod cli;
mod commands;
mod exit;
mod logging;
mod output;

use std::process::ExitCode;

use clap::Parser;

use crate::exit::{Exit, Failure};

fn main() -> ExitCode {
    let arguments = cli::Cli::parse();
    // The guardian must be tiny: no runtime, no threads, no logging.
    if matches!(arguments.command, cli::Command::Guard) {
        return commands::guard();
    }
    logging::start(arguments.verbose);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let answer = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(arguments.command)),
        Err(error) => Err(Failure::new(Exit::Bug, error)),
    };
    match answer {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::failure(&failure);
            failure.exit.into()
        }
    }
}
