//! `standfast logs`: what the processes printed, each line with its process.

use standfast_lab::control::{LogFollower, LogLine, tail};
use standfast_lab::instance::InstanceFolder;

use super::{instances, session, signals};
use crate::cli::LogsArguments;
use crate::exit::{Answer, Exit, Failure};
use crate::output;

pub(super) async fn run(arguments: &LogsArguments) -> Answer {
    let home = session::home()?;
    let folder = InstanceFolder::of(&home, &instances::choose(&home, &arguments.instance)?);
    if let Some(name) = &arguments.name
        && !folder.log(name).is_file()
    {
        let text = format!(
            "`{}` has no log of `{name}`; `standfast ps` lists its processes",
            folder.name()
        );
        return Err(Failure::usage(text));
    }
    let name = arguments.name.as_deref();
    let follower = arguments.follow.then(|| LogFollower::new(&folder, name));
    tail(&folder, name, arguments.tail).into_iter().for_each(print);
    if let Some(follower) = follower {
        let mut interrupt = signals::interrupt()?;
        tokio::select! {
            () = follow(follower) => {}
            _ = interrupt.recv() => {}
        }
    }
    Ok(Exit::Held)
}

/// Prints what is written from now on, for ever.
pub(super) async fn follow(mut follower: LogFollower) {
    loop {
        follower.next().await.into_iter().for_each(print);
    }
}

fn print(line: LogLine) {
    output::result(format!("{:<10} | {}", line.process, line.text));
}
