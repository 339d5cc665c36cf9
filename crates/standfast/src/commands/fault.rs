//! `standfast fault`: breaks something in a system that is up, or heals it.

use std::time::Duration;

use standfast_history::Event;
use standfast_lab::control::{Request, Response, events_file};
use standfast_lab::fault::{Fault, FaultKind, Sides};
use standfast_lab::instance::InstanceFolder;

use super::{instances, session};
use crate::cli::{DirectionArgument, FaultAction, FaultTarget, InstanceArguments};
use crate::exit::{Answer, Exit, Failure};
use crate::output;

/// The events that make up the history of failures.
const FAILURES: [&str; 7] =
    ["injected", "healed", "exited", "restarted", "crash_loop", "detected", "recovered"];

pub(super) async fn run(action: FaultAction) -> Answer {
    let plain = |kind, target: FaultTarget| (Fault::new(kind, &target.target), target);
    let (fault, target) = match action {
        FaultAction::Stop(target) => plain(FaultKind::Stop, target),
        FaultAction::Kill(target) => plain(FaultKind::Kill, target),
        FaultAction::Pause(target) => plain(FaultKind::Pause, target),
        FaultAction::Flush(target) => plain(FaultKind::Flush, target),
        FaultAction::Restart(target) => plain(FaultKind::Restart, target),
        FaultAction::Partition(target) => plain(FaultKind::Partition, target),
        FaultAction::Reset(target) => plain(FaultKind::Reset, target),
        FaultAction::Isolate(target) => plain(FaultKind::Isolate, target),
        FaultAction::Latency { delay, jitter, direction, target } => {
            let (fault, target) = plain(FaultKind::Latency, target);
            let direction = direction.map(Sides::from);
            (Fault { delay: Some(delay), jitter, direction, ..fault }, target)
        }
        FaultAction::Cut { direction, target } => {
            let (fault, target) = plain(FaultKind::Cut, target);
            (Fault { direction: direction.map(Sides::from), ..fault }, target)
        }
        FaultAction::Bandwidth { rate, direction, target } => {
            let (fault, target) = plain(FaultKind::Bandwidth, target);
            let direction = direction.map(Sides::from);
            (Fault { rate: Some(rate), direction, ..fault }, target)
        }
        FaultAction::Clear { target, instance } => {
            instances::ask(&instance, Request::ClearFaults { target }).await?;
            output::note("healed");
            return Ok(Exit::Held);
        }
        FaultAction::Status { instance } => return status(&instance).await,
        FaultAction::Failures { instance } => return failures(&instance),
    };
    inject(fault, target).await
}

impl From<DirectionArgument> for Sides {
    fn from(direction: DirectionArgument) -> Self {
        match direction {
            DirectionArgument::Upstream => Self::Upstream,
            DirectionArgument::Downstream => Self::Downstream,
            DirectionArgument::Both => Self::Both,
        }
    }
}

async fn inject(fault: Fault, target: FaultTarget) -> Answer {
    let for_ms =
        target.duration.map(|length| u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
    let name = named(&fault);
    let request = Request::InjectFault { fault, for_ms };
    let response = instances::ask(&target.instance, request).await?;
    let Response::Done { evidence } = response else {
        return Err(Failure::new(Exit::Bug, anyhow::Error::msg("an unexpected answer")));
    };
    let seen = evidence.map_or(String::new(), |seen| format!(": {seen}"));
    output::result(format!("{name} {} is in effect{seen}", target.target));
    Ok(Exit::Held)
}

/// The kind of a fault, with its parameters when it has some.
fn named(fault: &Fault) -> String {
    match fault.parameters() {
        none if none.is_empty() => fault.kind.to_string(),
        parameters => format!("{} ({parameters})", fault.kind),
    }
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
        table.add_row([named(&active.fault), active.fault.target, heals]);
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
