//! What each command does: one file per command.

mod background;
mod check;
mod compare;
mod doctor;
mod failover;
mod fault;
mod instances;
mod lifecycle;
mod list;
mod load;
mod logs;
mod progress;
mod proxy;
mod report;
mod result_file;
mod run;
mod schema;
mod selection;
mod serve;
mod session;
mod setup;
mod shard;
mod signals;
mod status;
mod up;
mod up_options;
mod verdicts;

use std::process::ExitCode;

use crate::cli::Command;
use crate::exit::Answer;

pub(crate) async fn run(command: Command) -> Answer {
    match command {
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Setup(arguments) => setup::run(&arguments).await,
        Command::List(arguments) => list::run(&arguments),
        Command::Up(arguments) => up::run(arguments).await,
        Command::Ps(arguments) => status::run(&arguments).await,
        Command::Logs(arguments) => logs::run(&arguments).await,
        Command::Stop(arguments) => lifecycle::stop(&arguments).await,
        Command::Start(arguments) => lifecycle::start(&arguments).await,
        Command::Restart(arguments) => lifecycle::restart(&arguments).await,
        Command::Down(arguments) => lifecycle::down(&arguments).await,
        Command::Failover(arguments) => failover::run(arguments.action).await,
        Command::Shard(arguments) => shard::run(arguments.action).await,
        Command::Fault(arguments) => fault::run(arguments.action).await,
        Command::Proxy(arguments) => proxy::run(arguments).await,
        Command::Load(arguments) => load::run(arguments).await,
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Run(arguments) => run::run(arguments).await,
        Command::Check(arguments) => check::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Guard => unreachable!("the guardian starts before any runtime does"),
    }
}

/// The body of the guardian: see `standfast_engines::process::guard`.
pub(crate) fn guard() -> ExitCode {
    let code = standfast_engines::process::guard(std::io::stdin());
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
