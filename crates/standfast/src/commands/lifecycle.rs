//! `standfast stop | start | restart | down`, with the meaning that these words have in Compose.

use standfast_lab::control::{self, Request};
use standfast_lab::instance::{Data, InstanceFolder};

use super::session::{self, Session};
use super::{background, instances, status};
use crate::cli::{DownArguments, LifecycleArguments};
use crate::exit::{Answer, Exit, Failure};
use crate::output;

pub(super) async fn stop(arguments: &LifecycleArguments) -> Answer {
    let home = session::home()?;
    let instance = instances::choose(&home, &arguments.instance)?;
    match &arguments.name {
        Some(name) => {
            instances::ask(&arguments.instance, Request::Stop { name: name.clone() }).await?;
            output::note(format!("{name} is stopped"));
        }
        None => {
            control::stop_all(&home, &instance).await.map_err(instances::refused)?;
            output::note(format!("{instance} is stopped; its data is kept"));
        }
    }
    Ok(Exit::Held)
}

pub(super) async fn start(arguments: &LifecycleArguments) -> Answer {
    let home = session::home()?;
    let instance = instances::choose(&home, &arguments.instance)?;
    if !InstanceFolder::of(&home, &instance).is_supervised() {
        return start_all_again(&instance, arguments.name.as_deref()).await;
    }
    let request = Request::Start { name: arguments.name.clone() };
    instances::ask(&arguments.instance, request).await?;
    status::print(&home, &instance).await
}

pub(super) async fn restart(arguments: &LifecycleArguments) -> Answer {
    let home = session::home()?;
    let instance = instances::choose(&home, &arguments.instance)?;
    if !InstanceFolder::of(&home, &instance).is_supervised() {
        return start_all_again(&instance, arguments.name.as_deref()).await;
    }
    let request = Request::Restart { name: arguments.name.clone() };
    instances::ask(&arguments.instance, request).await?;
    status::print(&home, &instance).await
}

/// Brings up what was stopped as a whole. One process of it cannot come up alone, and the others
/// are more than was asked for.
async fn start_all_again(instance: &str, named: Option<&str>) -> Answer {
    if named.is_some() {
        return Err(Failure::usage(format!(
            "`{instance}` is stopped as a whole; `standfast start --instance {instance}` brings \
             it up"
        )));
    }
    background::start_again(&Session::start()?, instance).await
}

pub(super) async fn down(arguments: &DownArguments) -> Answer {
    let home = session::home()?;
    let instance = match arguments.data {
        true => instances::choose_with_data(&home, &arguments.instance)?,
        false => instances::choose(&home, &arguments.instance)?,
    };
    let data = if arguments.data { Data::Delete } else { Data::Keep };
    control::down(&home, &instance, data).await.map_err(instances::refused)?;
    output::note(match arguments.data {
        true => format!("{instance} is down and its data deleted"),
        false => format!("{instance} is down; the next `up` finds its data"),
    });
    Ok(Exit::Held)
}
