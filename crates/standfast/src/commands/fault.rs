//! `standfast fault`: breaks something in a system that is up, or heals it.

use std::time::Duration;

use standfast_history::Event;
use standfast_lab::control::{self, Request, Response, events_file};
use standfast_lab::fault::{Fault, FaultKind, Sides};
use standfast_lab::instance::{InstanceFolder, Role};
use standfast_lab::spec::Length;

use super::{instances, session};
use crate::cli::{DirectionArgument, FaultAction, FaultInstance, FaultTarget, InstanceArguments};
use crate::exit::{Answer, Exit, Failure};
use crate::output;

/// The events that make up the history of failures.
const FAILURES: [&str; 7] =
    ["injected", "healed", "exited", "restarted", "crash_loop", "detected", "recovered"];

/// The latency of a service that is given none: 500 to 1500 ms.
const LATENCY_DEFAULT: Duration = Duration::from_millis(1000);
const LATENCY_JITTER_DEFAULT: Duration = Duration::from_millis(500);

pub(super) async fn run(action: FaultAction) -> Answer {
    let plain = |kind| Fault::new(kind, "");
    let (fault, target) = match action {
        FaultAction::Stop(target) => (plain(FaultKind::Stop), target),
        FaultAction::Kill(target) => (plain(FaultKind::Kill), target),
        FaultAction::Crash(target) => return inject(plain(FaultKind::Kill), target, true).await,
        FaultAction::Pause(target) => (plain(FaultKind::Pause), target),
        FaultAction::Flush(target) => (plain(FaultKind::Flush), target),
        FaultAction::Restart(target) => (plain(FaultKind::Restart), target),
        FaultAction::Wipe(target) => (plain(FaultKind::Wipe), target),
        FaultAction::DiskFull(target) => (plain(FaultKind::DiskFull), target),
        FaultAction::StartByHand(target) => (plain(FaultKind::StartByHand), target),
        FaultAction::Partition(target) => (plain(FaultKind::Partition), target),
        FaultAction::Reset(target) => (plain(FaultKind::Reset), target),
        FaultAction::Isolate(target) => (plain(FaultKind::Isolate), target),
        FaultAction::Forge(target) => (plain(FaultKind::Forge), target),
        FaultAction::Equivocate(target) => (plain(FaultKind::Equivocate), target),
        FaultAction::Replay(target) => (plain(FaultKind::Replay), target),
        FaultAction::Silent(target) => (plain(FaultKind::Silent), target),
        FaultAction::Latency { delay, latency, jitter, direction, target } => {
            let is_of_service = latency.is_some() || target.instance.number().is_some();
            let fault = match (is_of_service, delay) {
                (true, delay) => slow(latency.map(|given| given.0).or(delay), jitter),
                (false, Some(_)) => {
                    let direction = direction.map(Sides::from);
                    Fault { delay, jitter, direction, ..plain(FaultKind::Latency) }
                }
                (false, None) => return Err(no_delay()),
            };
            (fault, target)
        }
        FaultAction::Slow { delay, jitter, target } => (slow(Some(delay), jitter), target),
        FaultAction::Intermittent { probability, target } => {
            let probability = Some(probability);
            (Fault { probability, ..plain(FaultKind::Intermittent) }, target)
        }
        FaultAction::Incorrect { product, target } => {
            (Fault { product, ..plain(FaultKind::Incorrect) }, target)
        }
        FaultAction::Cut { direction, target } => {
            (Fault { direction: direction.map(Sides::from), ..plain(FaultKind::Cut) }, target)
        }
        FaultAction::Bandwidth { rate, direction, target } => {
            let direction = direction.map(Sides::from);
            (Fault { rate: Some(rate), direction, ..plain(FaultKind::Bandwidth) }, target)
        }
        FaultAction::Clear { target, instance } => return clear(target, &instance).await,
        FaultAction::Status { instance } => return status(&instance).await,
        FaultAction::Failures { instance } => return failures(&instance).await,
    };
    inject(fault, target, false).await
}

fn slow(delay: Option<Length>, jitter: Option<Length>) -> Fault {
    let (delay, jitter) = match delay {
        Some(delay) => (delay, jitter),
        None => (Length(LATENCY_DEFAULT), Some(jitter.unwrap_or(Length(LATENCY_JITTER_DEFAULT)))),
    };
    Fault { delay: Some(delay), jitter, ..Fault::new(FaultKind::Slow, "") }
}

fn no_delay() -> Failure {
    Failure::usage(
        "the latency of a link needs --delay; that of a service is --latency MS, or --instance N",
    )
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

async fn inject(fault: Fault, target: FaultTarget, is_held: bool) -> Answer {
    let for_ms =
        target.duration.map(|length| u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
    let named_target = chosen(target.target, &target.instance).await?;
    let Some(target_name) = named_target else {
        return Err(Failure::usage(
            "say what to break: --target NAME, or --instance N for the service that ends in -N",
        ));
    };
    let fault = Fault { target: target_name, ..fault };
    let says = format!("{} {} is in effect", named(&fault), fault.target);
    let request = Request::InjectFault { fault, for_ms, is_held };
    let response = instances::ask(&target.instance.of_system(), request).await?;
    let Response::Done { evidence } = response else {
        return Err(Failure::new(Exit::Bug, anyhow::Error::msg("an unexpected answer")));
    };
    let seen = evidence.map_or(String::new(), |seen| format!(": {seen}"));
    output::result(format!("{says}{seen}"));
    Ok(Exit::Held)
}

async fn clear(target: Option<String>, instance: &FaultInstance) -> Answer {
    let target = chosen(target, instance).await?;
    instances::ask(&instance.of_system(), Request::ClearFaults { target }).await?;
    output::note("healed");
    Ok(Exit::Held)
}

/// The target that is meant: by its name, or by its number.
async fn chosen(
    target: Option<String>,
    instance: &FaultInstance,
) -> Result<Option<String>, Failure> {
    if !instance.is_clear() {
        let text = "--instance names one service by its number, and one instance by its name";
        return Err(Failure::usage(text));
    }
    match (target, instance.number()) {
        (target, None) => Ok(target),
        (None, Some(number)) => numbered(number, &instance.of_system()).await.map(Some),
        (Some(target), Some(number)) => {
            let text = format!("--target {target} and --instance {number} are two targets");
            Err(Failure::usage(text))
        }
    }
}

/// The service whose name ends in that number.
async fn numbered(number: &str, instance: &InstanceArguments) -> Result<String, Failure> {
    let home = session::home()?;
    let name = instances::choose(&home, instance)?;
    let status = control::ps(&home, &name).await.map_err(instances::refused)?;
    let services = status.processes.iter().filter(|process| process.role == Role::Service);
    let services: Vec<&str> = services.map(|process| process.name.as_str()).collect();
    let is_numbered =
        |service: &str| service.strip_suffix(number).is_some_and(|rest| rest.ends_with('-'));
    let meant: Vec<&str> =
        services.iter().copied().filter(|service| is_numbered(service)).collect();
    match meant.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(Failure::usage(format!(
            "no service of {} ends in -{number}; there are {}",
            status.system,
            services.join(", ")
        ))),
        several => Err(Failure::usage(format!(
            "several services end in -{number}, say which with --target: {}",
            several.join(", ")
        ))),
    }
}

/// The kind of a fault, with its parameters when it has some.
fn named(fault: &Fault) -> String {
    match fault.parameters() {
        none if none.is_empty() => fault.kind.to_string(),
        parameters => format!("{} ({parameters})", fault.kind),
    }
}

async fn status(instance: &FaultInstance) -> Answer {
    let only = chosen(None, instance).await?;
    let response = instances::ask(&instance.of_system(), Request::FaultStatus).await?;
    let Response::Faults { faults } = response else {
        return Err(Failure::new(Exit::Bug, anyhow::Error::msg("an unexpected answer")));
    };
    let is_asked = |target: &str| only.as_deref().is_none_or(|only| only == target);
    let faults: Vec<_> =
        faults.into_iter().filter(|active| is_asked(&active.fault.target)).collect();
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
async fn failures(instance: &FaultInstance) -> Answer {
    let only = chosen(None, instance).await?;
    let home = session::home()?;
    let folder = InstanceFolder::of(&home, &instances::choose(&home, &instance.of_system())?);
    let path = events_file(&folder);
    let events: Vec<Event> = match path.is_file() {
        true => {
            standfast_history::read_jsonl(&path).map_err(|error| Failure::new(Exit::Bug, error))?
        }
        false => Vec::new(),
    };
    let mut table = output::table(&["seconds", "source", "event", "target", "details"]);
    let is_asked = |event: &Event| {
        FAILURES.contains(&event.event.as_str())
            && only.as_ref().is_none_or(|only| event.target.as_ref() == Some(only))
    };
    for event in events.into_iter().filter(is_asked) {
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
