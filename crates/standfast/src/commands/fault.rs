//! `standfast fault`: breaks something in a system that is up, or heals it.

use std::time::Duration;

use standfast_history::Event;
use standfast_lab::control::{Request, Response, events_file};
use standfast_lab::fault::{Fault, FaultKind};
use standfast_lab::instance::InstanceFolder;

use super::{instances, session};
use crate::cli::{FaultAction, FaultTarget, InstanceArguments};
use crate::exit::{Answer, Exit, Failure};
use crate::output;

/// The events that make up the history of failures.
const FAILURES: [&str; 7] =
    ["injected", "healed", "exited", "restarted", "crash_loop", "detected", "recovered"];

pub(super) async fn run(action: FaultAction) -> Answer {
    match action {
        FaultAction::Stop(target) => inject(FaultKind::Stop, target).await,
        FaultAction::Kill(target) => inject(FaultKind::Kill, target).await,
        FaultAction::Pause(target) => inject(FaultKind::Pause, target).await,
        FaultAction::Flush(target) => inject(FaultKind::Flush, target).await,
        FaultAction::Restart(target) => inject(FaultKind::Restart, target).await,
        FaultAction::Clear { target, instance } => {
            instances::ask(&instance, Request::ClearFaults { target }).await?;
            output::note("healed");
            Ok(Exit::Held)
        }
        FaultAction::Status { instance } => status(&instance).await,
        FaultAction::Failures { instance } => failures(&instance),
    }
}

async fn inject(kind: FaultKind, target: FaultTarget) -> Answer {
    let for_ms =
        target.duration.map(|length| u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
    let fault = Fault { kind, target: target.target.clone() };
    let request = Request::InjectFault { fault, for_ms };
    let response = instances::ask(&target.instance, request).await?;
    let Response::Done { evidence } = response else {
        return Err(Failure::new(Exit::Bug, anyhow::Error::msg("an unexpected answer")));
    };
    let seen = evidence.map_or(String::new(), |seen| format!(": {seen}"));
    output::result(format!("{kind} {} is in effect{seen}", target.target));
    Ok(Exit::Held)
}

async fn status(instance: &InstanceArguments) -> Answer {
    let response = instances::ask(instance, Request::FaultStatus).await?;
    let Response::Faults { faults } = response else {
        return Err(Failure::new(Exit::Bug, anyhow::Error::msg("an unexpected answer")));
    };
    if faults.is_empty() {
        output::note("no fault is in effect");
        return Ok(Exit::Held);
    }
    let mut table = output::table(&["fault", "target", "heals in"]);
    for active in faults {
        let heals = active.heals_in_ms.map_or("when cleared".to_owned(), |ms| {
            format!("{:.1} s", Duration::from_millis(ms).as_secs_f64())
        });
        table.add_row([active.fault.kind.to_string(), active.fault.target, heals]);
    }
    output::result(table);
    Ok(Exit::Held)
}

/// The history comes from the instance's own journal, so it is there after a stop as well.
fn failures(instance: &InstanceArguments) -> Answer {
    let home = session::home()?;
    let folder = InstanceFolder::of(&home, &instances::choose(&home, instance)?);
    let path = events_file(&folder);
    let events: Vec<Event> = match path.is_file() {
        true => {
            standfast_history::read_jsonl(&path).map_err(|error| Failure::new(Exit::Bug, error))?
        }
        false => Vec::new(),
    };
    let mut table = output::table(&["seconds", "source", "event", "target", "details"]);
    for event in events.into_iter().filter(|event| FAILURES.contains(&event.event.as_str())) {
        let details: Vec<String> =
            event.fields.iter().map(|(key, value)| format!("{key}={value}")).collect();
        table.add_row([
            format!("{:.3}", Duration::from_micros(event.at_us).as_secs_f64()),
            event.source,
            event.event,
            event.target.unwrap_or_default(),
            details.join(" "),
        ]);
    }
    output::result(table);
    Ok(Exit::Held)
}
