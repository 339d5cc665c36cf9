//! Which instance a command means when it names none, and the words of its supervisor.

use anyhow::anyhow;
use standfast_engines::Home;
use standfast_lab::control::{
    self, Connection, ControlError, Request, Response, connect, list_instances,
};

use crate::cli::InstanceArguments;
use crate::exit::{Exit, Failure};

/// The names of all instances that were brought up and not taken down.
pub(super) fn all(home: &Home) -> Vec<String> {
    let summaries = list_instances(home).into_iter();
    summaries.filter(|summary| summary.record.is_some()).map(|summary| summary.name).collect()
}

/// The named instance, or the only one there is.
pub(super) fn choose(home: &Home, arguments: &InstanceArguments) -> Result<String, Failure> {
    if let Some(name) = &arguments.instance {
        return Ok(control::find(home, name).map_err(refused)?.name().to_owned());
    }
    match all(home).as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::unavailable(anyhow!(
            "nothing is up; `standfast up SYSTEM -d` brings a system up"
        ))),
        several => Err(Failure::usage(format!(
            "there are several instances, say which with --instance: {}",
            several.join(", ")
        ))),
    }
}

/// The name of an instance whose data may be all that is left of it.
pub(super) fn choose_with_data(
    home: &Home,
    arguments: &InstanceArguments,
) -> Result<String, Failure> {
    let left: Vec<String> = list_instances(home).into_iter().map(|one| one.name).collect();
    match (arguments.instance.is_none() && all(home).is_empty(), left.as_slice()) {
        (true, [only]) => Ok(only.clone()),
        (true, [_, ..]) => Err(Failure::usage(format!(
            "there is data of several instances, say which with --instance: {}",
            left.join(", ")
        ))),
        _ => choose(home, arguments),
    }
}

/// Connects to the supervisor of the chosen instance.
pub(super) async fn reach(arguments: &InstanceArguments) -> Result<Connection, Failure> {
    let home = super::session::home()?;
    let name = choose(&home, arguments)?;
    connect(&home, &name).await.map_err(refused)
}

/// Asks the supervisor of the chosen instance for one thing.
pub(super) async fn ask(
    arguments: &InstanceArguments,
    request: Request,
) -> Result<Response, Failure> {
    reach(arguments).await?.request(&request).await.map_err(refused)
}

pub(super) fn refused(error: ControlError) -> Failure {
    let exit = if let ControlError::Refused { kind, .. } = &error {
        Exit::from(*kind)
    } else if matches!(error, ControlError::NoInstance { .. }) {
        Exit::Usage
    } else {
        Exit::Unavailable
    };
    Failure::new(exit, error)
}
