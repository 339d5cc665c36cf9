//! From the load of an experiment to plans of the generator, and back to figures.

use std::collections::BTreeMap;
use std::time::Duration;

use standfast_loadgen::{Arrivals, Load, LoadOutcome, LoadPlan, Scenario};
use tokio::time::Instant;

use super::progress::{Place, Progress, ProgressSink};
use crate::instance::Instance;
use crate::spec::{self, Experiment};
use crate::verdict::Delivery;

/// Connections per scenario. A server that freezes for a second at 200 requests/s holds 200.
const CONNECTIONS_MAX: usize = 256;

/// One plan per load. Load that begins with the run begins at `start`, with the warm-up.
pub(crate) fn load_plans(
    experiment: &Experiment,
    instance: &Instance,
    start: Duration,
    seed: u64,
) -> Result<Vec<LoadPlan>, String> {
    let plan = |(load, index): (&spec::Load, u64)| {
        let declared = &experiment.system.scenarios[&load.scenario];
        let scenario = Scenario::compile(&load.scenario, declared).map_err(|e| e.to_string())?;
        let target = instance.endpoint(&declared.service);
        let target = target.ok_or_else(|| format!("`{}` has no port", declared.service))?;
        let (start, duration) = if load.from.is_zero() {
            (start, experiment.warm_up + load.length)
        } else {
            (start + experiment.warm_up + load.from, load.length)
        };
        Ok(LoadPlan {
            scenario,
            target,
            rate_per_s: load.rate_per_s,
            arrivals: match load.arrivals {
                spec::Arrivals::Constant => Arrivals::Constant,
                spec::Arrivals::Poisson => Arrivals::Poisson,
            },
            start,
            duration,
            timeout: load.timeout,
            connections_max: CONNECTIONS_MAX,
            // Streams of different loads are unrelated; those of both arms are the same.
            seed: seed.wrapping_add(index << 32),
        })
    };
    experiment.load.iter().zip(0..).map(plan).collect()
}

/// Tells how the load goes.
pub(crate) fn tell_load(progress: &ProgressSink, place: Place, load: &Load, zero: Instant) {
    let parts = load.progress();
    let sum = |count: fn(&standfast_loadgen::Progress) -> u64| parts.iter().map(count).sum::<u64>();
    let now = Instant::now();
    let at_s = match now.checked_duration_since(zero) {
        Some(since) => since.as_secs_f64(),
        None => -zero.duration_since(now).as_secs_f64(),
    };
    progress.tell(Progress::Load {
        place,
        at_s,
        done: sum(|part| part.done),
        ok: sum(|part| part.ok),
        failed: sum(|part| part.failed),
        info: sum(|part| part.info),
        missed: sum(|part| part.missed),
        recent_p50_us: parts.iter().filter_map(|part| part.recent_p50_us).max(),
        recent_p99_us: parts.iter().filter_map(|part| part.recent_p99_us).max(),
    });
}

/// How the load of each scenario was delivered.
pub(crate) fn deliveries(loads: &[LoadOutcome]) -> BTreeMap<String, Delivery> {
    let mut deliveries: BTreeMap<String, Delivery> = BTreeMap::new();
    for load in loads {
        let delivery = deliveries.entry(load.scenario.clone()).or_default();
        let late_ms = load.lateness.value_at_quantile(0.99) as f64 / 1e3;
        delivery.intended += load.intended;
        delivery.missed += load.missed;
        delivery.lateness_p99_ms = delivery.lateness_p99_ms.max(late_ms);
        delivery.cpu_ms += load.cpu.as_secs_f64() * 1e3;
    }
    deliveries
}
