//! `standfast serve SYSTEM/SERVICE`: one service of a shipped system, until it is told to stop.

use standfast_systems::{ServeError, ServeOptions, serve};

use super::signals;
use crate::cli::ServeArguments;
use crate::exit::{Answer, Exit, Failure};

pub(super) async fn run(arguments: ServeArguments) -> Answer {
    let (mut terminate, mut interrupt) = (signals::terminate()?, signals::interrupt()?);
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let ServeArguments { service, bind, port, instance, clock_scale } = arguments;
    let options = ServeOptions { bind, port, instance, clock_scale };
    match serve(&service, options, shutdown).await {
        Ok(()) => Ok(Exit::Held),
        Err(error @ ServeError::Listen { .. }) => Err(Failure::unavailable(error)),
        Err(error) => Err(Failure::new(Exit::Usage, error)),
    }
}
