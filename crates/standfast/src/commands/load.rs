//! `standfast load`: open-loop load on a scenario of a system that is up, or on a plain URL.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use standfast_engines::Home;
use standfast_history::{Operation, Outcome, write_jsonl};
use standfast_lab::control::{self, ControlError, list_instances};
use standfast_lab::instance::{InstanceRecord, Metrics};
use standfast_lab::run::LATENESS_MS_MAX;
use standfast_lab::spec::{System, SystemSource, nearest};
use standfast_lab::verdict::milliseconds;
use standfast_loadgen::{Arrivals, LoadOutcome, LoadPlan, Scenario, latency, start};
use standfast_systems::CATALOGUE;
use tokio::time::Instant;

use super::{instances, result_file, session, signals};
use crate::cli::{ArrivalsArgument, LoadArguments};
use crate::exit::{Answer, Exit, Failure};
use crate::output;

pub(super) async fn run(arguments: LoadArguments) -> Answer {
    let home = session::home()?;
    let (scenario, target) = match arguments.target.contains("://") {
        true => from_url(&arguments.target)?,
        false => from_instance(&home, &arguments).await?,
    };
    let name = scenario.name().to_owned();
    arguments.history.as_deref().map_or(Ok(()), result_file::check)?;
    let before = scrape(target, arguments.metrics).await;
    let origin = Instant::now();
    let plan = LoadPlan {
        scenario,
        target,
        rate_per_s: arguments.rps,
        arrivals: match arguments.arrivals {
            ArrivalsArgument::Constant => Arrivals::Constant,
            ArrivalsArgument::Poisson => Arrivals::Poisson,
        },
        start: Duration::ZERO,
        duration: arguments.duration,
        timeout: arguments.timeout,
        connections_max: arguments.connections,
        seed: arguments.seed,
    };
    let load = start(vec![plan], origin).map_err(|error| Failure::new(Exit::Usage, error))?;
    output::note(format!("{name} at {}/s to {target} …", arguments.rps));
    let mut interrupt = signals::interrupt()?;
    let mut was_interrupted = false;
    let end = tokio::time::sleep_until(origin + arguments.duration);
    tokio::select! {
        () = end => {}
        _ = interrupt.recv() => {
            was_interrupted = true;
            load.stop();
        }
    }
    let outcomes = load.finish().await;
    let elapsed = origin.elapsed();
    let after = scrape(target, arguments.metrics).await;
    let Some(outcome) = outcomes.into_iter().next() else {
        return Err(Failure::new(Exit::Bug, anyhow::Error::msg("a load without an outcome")));
    };
    if let Some(path) = &arguments.history {
        keep(path, &outcome.operations)?;
    }
    present(&arguments, &outcome, elapsed, &changes(&before, &after));
    Ok(match (was_interrupted, is_delivered(&outcome)) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::Held,
        (false, false) => Exit::Unknown,
    })
}

fn from_url(url: &str) -> Result<(Scenario, SocketAddr), Failure> {
    let (scenario, target) =
        Scenario::from_url(url).map_err(|error| Failure::new(Exit::Usage, error))?;
    check_loopback(target)?;
    Ok((scenario, target))
}

/// A load generator that can be pointed anywhere is a weapon; this one is a laboratory instrument.
fn check_loopback(target: SocketAddr) -> Result<(), Failure> {
    let is_loopback = match target.ip() {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => address.is_loopback(),
    };
    if is_loopback {
        return Ok(());
    }
    Err(Failure::usage(format!("{target} is not on this machine; load goes to loopback only")))
}

/// `SYSTEM/SCENARIO`, where the system is up under that name or the instance is given.
async fn from_instance(
    home: &Home,
    arguments: &LoadArguments,
) -> Result<(Scenario, SocketAddr), Failure> {
    let Some((system_name, scenario_name)) = arguments.target.split_once('/') else {
        let text = format!("`{}` is neither SYSTEM/SCENARIO nor a URL", arguments.target);
        return Err(Failure::usage(text));
    };
    let record = running(home, system_name, arguments)?;
    let source = match &record.folder {
        Some(folder) => SystemSource::Folder(folder.clone()),
        None => CATALOGUE
            .iter()
            .find(|files| files.name == record.system)
            .map(session::source_of)
            .ok_or_else(|| Failure::usage(format!("`{}` is not shipped", record.system)))?,
    };
    let system = System::load(source).map_err(session::bad_file)?;
    let Some(spec) = system.scenarios.get(scenario_name) else {
        let names = system.scenarios.keys().map(String::as_str);
        let hint = nearest(scenario_name, names.clone())
            .map_or_else(|| names.collect::<Vec<_>>().join(", "), |word| format!("`{word}`?"));
        let text = format!("`{system_name}` has no scenario `{scenario_name}`; perhaps {hint}");
        return Err(Failure::usage(text));
    };
    let status = control::ps(home, &record.name).await.map_err(instances::refused)?;
    let process = status.processes.iter().find(|process| process.name == spec.service);
    let reached = process.and_then(|process| Some((process.host, process.port?)));
    let Some((host, port)) = reached else {
        return Err(Failure::usage(format!("service `{}` has no port", spec.service)));
    };
    let scenario =
        Scenario::compile(scenario_name, spec).map_err(|error| Failure::new(Exit::Usage, error))?;
    Ok((scenario, SocketAddr::from((host.unwrap_or(Ipv4Addr::LOCALHOST), port))))
}

fn running(
    home: &Home,
    system: &str,
    arguments: &LoadArguments,
) -> Result<InstanceRecord, Failure> {
    let wanted = arguments.instance.instance.as_deref();
    if let Some(name) = wanted {
        control::find(home, name).map_err(instances::refused)?;
    }
    let matches = |record: &InstanceRecord| match wanted {
        Some(name) => record.name == name,
        None => record.system == system || record.name == system,
    };
    let up = list_instances(home).into_iter().filter(|summary| summary.is_running);
    let records: Vec<_> = up.filter_map(|summary| summary.record).filter(matches).collect();
    match records.as_slice() {
        [record] => Ok(record.clone()),
        [] if let Some(name) = wanted => {
            let name = name.to_owned();
            Err(instances::refused(ControlError::NotRunning { name }))
        }
        [] => Err(Failure::unavailable(anyhow::Error::msg(format!(
            "`{system}` is not up; `standfast up {system} -d` brings it up"
        )))),
        _ => Err(Failure::usage("several instances match, say which with --instance")),
    }
}

async fn scrape(target: SocketAddr, is_wanted: bool) -> Option<Metrics> {
    if !is_wanted {
        return None;
    }
    match Metrics::scrape(target).await {
        Ok(metrics) => Some(metrics),
        Err(error) => {
            output::note(format!("no metrics: {error}"));
            None
        }
    }
}

/// What the service counted during the load.
fn changes(before: &Option<Metrics>, after: &Option<Metrics>) -> BTreeMap<String, f64> {
    let (Some(before), Some(after)) = (before, after) else { return BTreeMap::new() };
    let earlier: BTreeMap<&str, f64> = before.iter().collect();
    after
        .iter()
        .map(|(name, value)| (name.to_owned(), value - earlier.get(name).copied().unwrap_or(0.0)))
        .filter(|(_, change)| *change != 0.0)
        .collect()
}

fn keep(path: &Path, operations: &[Operation]) -> Result<(), Failure> {
    write_jsonl(path, operations).map_err(|error| Failure::new(Exit::Usage, error))
}

/// The same rule as in an experiment.
fn is_delivered(outcome: &LoadOutcome) -> bool {
    lateness_p99_ms(outcome) <= LATENESS_MS_MAX
}

#[expect(clippy::cast_precision_loss, reason = "a lateness of 2^52 µs is 142 years")]
fn lateness_p99_ms(outcome: &LoadOutcome) -> f64 {
    outcome.lateness.value_at_quantile(0.99) as f64 / 1000.0
}

fn present(
    arguments: &LoadArguments,
    outcome: &LoadOutcome,
    elapsed: Duration,
    changes: &BTreeMap<String, f64>,
) {
    let count = |wanted| outcome.operations.iter().filter(|one| one.outcome == wanted).count();
    let (ok, fail, info) = (count(Outcome::Ok), count(Outcome::Fail), count(Outcome::Info));
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for operation in &outcome.operations {
        *statuses.entry(operation.status).or_default() += 1;
    }
    let latency = latency::of(&outcome.operations);
    #[expect(clippy::cast_precision_loss, reason = "a latency of 2^52 µs is 142 years")]
    let at = |quantile| latency.value_at_quantile(quantile) as f64 / 1000.0;
    let quantiles = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)];
    if arguments.json {
        let latency: BTreeMap<_, _> =
            quantiles.iter().map(|(name, quantile)| (*name, at(*quantile))).collect();
        output::json(&json!({
            "scenario": outcome.scenario,
            "intended": outcome.intended,
            "missed": outcome.missed,
            "lateness_p99_ms": lateness_p99_ms(outcome),
            "delivered": is_delivered(outcome),
            "ok": ok, "fail": fail, "info": info,
            "statuses": statuses,
            "latency_ms": latency,
            "elapsed_ms": elapsed.as_millis(),
            "metrics": changes,
        }));
        return;
    }
    output::result(format!(
        "intended {}  ok {ok}  failed {fail}  unknown {info}  in {:.1} s",
        outcome.intended,
        elapsed.as_secs_f64()
    ));
    let statuses: Vec<String> = statuses
        .iter()
        .map(|(status, count)| match status {
            0 => format!("no answer {count}"),
            status => format!("{status}: {count}"),
        })
        .collect();
    output::result(format!("answers  {}", statuses.join("  ")));
    let figures: Vec<String> = quantiles
        .iter()
        .map(|(name, quantile)| format!("{name} {}", milliseconds(at(*quantile))))
        .collect();
    output::result(format!("latency  {}   (from the intended send time)", figures.join("  ")));
    for (name, change) in changes {
        output::result(format!("metric   {name} {change:+}"));
    }
    if outcome.missed > 0 {
        output::note(format!(
            "{} of {} requests were sent more than 1 ms late (p99 {:.1} ms); the delay counts",
            outcome.missed,
            outcome.intended,
            lateness_p99_ms(outcome)
        ));
    }
    if !is_delivered(outcome) {
        output::note("the rate was not delivered, so these figures prove nothing");
    }
}
