//! Whether an experiment can be run on its system, and could prove anything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::document::{Document, steps};
use super::super::problem::{Problems, SpecError};
use super::super::system::System;
use super::super::units::{Length, Moment, format_duration};
use super::file::{ClaimFile, LoadFile, one};
use super::{Experiment, ExperimentSource, Load, Reading, TimedFault, measure};

/// Enough for queues and caches to fill at the rates of the shipped experiments.
const WARM_UP_DEFAULT: Duration = Duration::from_secs(2);
/// Longer than one retry or probe interval of the shipped services.
const SETTLE_DEFAULT: Duration = Duration::from_secs(2);
/// A client that waits longer than a second has left.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(1);
/// Intervals do not narrow noticeably beyond this.
const TRIALS_MAX: u32 = 1000;
/// The history of a run is held in memory while it is judged.
const DURATION_MAX: Duration = Duration::from_secs(6 * 3600);
/// Beyond this a single machine measures itself.
const RATE_PER_S_MAX: f64 = 200_000.0;

/// What is wrong with naming a process that the experiment does not bring up.
pub(super) const LEFT_OUT: &str = "left out by `only`; add it there";

const KEYS: &[&str] = &[
    "title",
    "system",
    "brokers",
    "only",
    "tactic",
    "suite",
    "trials",
    "duration",
    "warm_up",
    "settle",
    "environment",
    "load",
    "timeline",
    "final",
    "artifact",
    "claim",
];

pub(super) fn experiment(
    source: &ExperimentSource,
    document: &Document<'_>,
    system: Arc<System>,
    mut problems: Problems,
) -> Result<Experiment, SpecError> {
    document.check_keys(KEYS, &mut problems);
    let title = document.read_required("title", &mut problems).unwrap_or_default();
    let duration: Option<Length> = document.read_required("duration", &mut problems);
    let mut length = |key, default| {
        document.read::<Length>(key, &mut problems).map_or(default, |length| length.0)
    };
    let (warm_up, settle) = (length("warm_up", WARM_UP_DEFAULT), length("settle", SETTLE_DEFAULT));
    let trials = document.read("trials", &mut problems).unwrap_or_else(one);
    let tactic = document.read("tactic", &mut problems);
    let suite = document.read("suite", &mut problems).unwrap_or_default();
    let environment = document.read("environment", &mut problems).unwrap_or_default();
    // A duration that is wrong is reported already; what depends on it is checked against the most.
    let duration = duration.map_or(DURATION_MAX, |duration| duration.0);
    let mut check = Check {
        document,
        system: &system,
        duration,
        problems: &mut problems,
        load: Vec::new(),
        timeline: Vec::new(),
        readings: Vec::new(),
    };
    check.head(trials, tactic.as_deref(), &environment);
    check.loads();
    let edges = check.timeline(&environment);
    check.readings();
    let artifacts = check.artifacts();
    let claims = check.claims();
    let (load, timeline, readings) = (check.load, check.timeline, check.readings);
    problems.finish(Experiment {
        name: source.name.clone(),
        file: source.file.clone(),
        title,
        system,
        tactic,
        suite,
        trials,
        duration,
        warm_up,
        settle,
        environment,
        load,
        timeline,
        edges,
        readings,
        artifacts,
        claims,
    })
}

/// What the checks of one experiment share.
pub(super) struct Check<'a, 't> {
    pub(super) document: &'a Document<'t>,
    pub(super) system: &'a System,
    pub(super) duration: Duration,
    pub(super) problems: &'a mut Problems,
    pub(super) load: Vec<Load>,
    pub(super) timeline: Vec<TimedFault>,
    pub(super) readings: Vec<Reading>,
}

impl Check<'_, '_> {
    fn head(
        &mut self,
        trials: u32,
        tactic: Option<&str>,
        environment: &BTreeMap<String, BTreeMap<String, String>>,
    ) {
        if trials == 0 || trials > TRIALS_MAX {
            let text = format!("{trials} trials: there are 1 to {TRIALS_MAX}");
            self.problems.report(self.document.line(steps!["trials"]), text);
        }
        if self.duration.is_zero() || self.duration > DURATION_MAX {
            let most = format_duration(DURATION_MAX);
            let text = format!("a run lasts longer than nothing and at most {most}");
            self.problems.report(self.document.line(steps!["duration"]), text);
        }
        if let Some(tactic) = tactic.filter(|name| !self.system.tactics.contains_key(*name)) {
            let line = self.document.line(steps!["tactic"]);
            let text = format!("`{tactic}` is no tactic of {}", self.system.name);
            let known = self.system.tactics.keys().map(String::as_str);
            self.problems.report_unknown(line, text, tactic, known);
        }
        for service in environment.keys() {
            if !self.system.services.contains_key(service) {
                let line = self.document.line(steps!["environment", service]);
                let text = format!("`{service}` is no service of {}", self.system.name);
                self.unknown_service(line, text, service);
            }
        }
    }

    /// The service that a scenario asks; its own name when there is no such scenario.
    fn asked_by<'n>(&'n self, scenario: &'n str) -> &'n str {
        self.system.scenarios.get(scenario).map_or(scenario, |spec| &spec.service)
    }

    /// The first of `names` that the experiment does not bring up.
    pub(super) fn left_out<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
        names.into_iter().find(|name| self.system.leaves_out(name))
    }

    /// Reports that `name` is no service, or none that is brought up.
    pub(super) fn unknown_service(&mut self, line: usize, text: String, name: &str) {
        if self.system.leaves_out(name) {
            return self.problems.report(line, format!("`{name}` is {LEFT_OUT}"));
        }
        let known = self.system.services.keys().map(String::as_str);
        self.problems.report_unknown(line, text, name, known);
    }

    fn loads(&mut self) {
        let loads: Vec<(usize, LoadFile)> = self.document.read_list("load", self.problems);
        if !self.document.has("load") {
            self.problems
                .report(1, "`[[load]]` is missing: without load there is nothing to judge");
        }
        for (index, load) in loads {
            if !self.system.scenarios.contains_key(&load.scenario) {
                let line = self.document.line(steps!["load", index, "scenario"]);
                let text = format!("`{}` is no scenario of {}", load.scenario, self.system.name);
                let known = self.system.scenarios.keys().map(String::as_str);
                self.problems.report_unknown(line, text, &load.scenario, known);
            } else if let Some(left_out) = self.left_out([self.asked_by(&load.scenario)]) {
                let line = self.document.line(steps!["load", index, "scenario"]);
                let text = format!("`{}` asks `{left_out}`, {LEFT_OUT}", load.scenario);
                self.problems.report(line, text);
            }
            if load.rate.per_s > RATE_PER_S_MAX {
                let line = self.document.line(steps!["load", index, "rate"]);
                let text = format!("{} is more than {RATE_PER_S_MAX}/s", load.rate);
                self.problems.report(line, text);
            }
            let timeout = load.timeout.map_or(TIMEOUT_DEFAULT, |timeout| timeout.0);
            if timeout.is_zero() {
                let line = self.document.line(steps!["load", index, "timeout"]);
                self.problems.report(line, "a request without any time cannot be answered");
            }
            let (from, until) = self.window("load", index, load.from, load.length);
            self.load.push(Load {
                scenario: load.scenario,
                rate_per_s: load.rate.per_s,
                arrivals: load.arrivals,
                timeout,
                from,
                length: until.saturating_sub(from),
            });
        }
    }

    /// The start and the end of something, which must lie inside the run.
    pub(super) fn window(
        &mut self,
        section: &str,
        index: usize,
        from: Option<Moment>,
        length: Option<Moment>,
    ) -> (Duration, Duration) {
        let duration = self.duration;
        let start = from.map_or(Duration::ZERO, |from| from.within(duration));
        let key = if section == "load" { "from" } else { "at" };
        if start >= duration {
            let line = self.document.line(steps![section, index, key]);
            let (start, end) = (format_duration(start), format_duration(duration));
            self.problems.report(line, format!("{start} is not before the end of the run, {end}"));
            return (start_of_nothing(), duration);
        }
        let end = length.map_or(duration, |length| start + length.within(duration));
        let line = self.document.line(steps![section, index, "for"]);
        if end > duration {
            let (end, last) = (format_duration(end), format_duration(duration));
            self.problems.report(line, format!("ends at {end}, after the end of the run, {last}"));
        } else if end == start {
            self.problems.report(line, "`for` is no time at all");
        }
        (start, end)
    }

    fn claims(&mut self) -> Vec<super::Claim> {
        let claims: Vec<(usize, ClaimFile)> = self.document.read_list("claim", self.problems);
        if !self.document.has("claim") {
            self.problems.report(1, "`[[claim]]` is missing: without a claim there is no verdict");
        }
        claims.into_iter().filter_map(|(index, claim)| measure::claim(self, index, claim)).collect()
    }
}

/// A window that is reported as wrong must not lead to further reports.
fn start_of_nothing() -> Duration {
    Duration::ZERO
}
