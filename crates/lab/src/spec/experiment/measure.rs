//! Turns a claim as it is written into one that makes sense.

use super::super::document::steps;
use super::super::quantity::{Quantity, Unit};
use super::check::Check;
use super::claim::{Claim, Measure, Operand, Percentile};
use super::file::{
    Answers, ClaimFile, MeasureFile, Phase, ScenarioOrMeasure, Subject, TextOrNumber,
};
use super::limit::Written;
use super::statuses::Statuses;

/// Reports what is wrong with the claim at `index`; `None` when anything is.
pub(super) fn claim(check: &mut Check<'_, '_>, index: usize, file: ClaimFile) -> Option<Claim> {
    let line = check.document.line(steps!["claim", index]);
    let during = file.during.unwrap_or_default();
    let written = Written {
        limits: (file.at_least, file.at_most, file.equals),
        bound_ms: file.bound.map(|bound| bound.0.as_secs_f64() * 1e3),
    };
    let (in_trials, is_objective) = (file.in_trials, file.slo);
    let mut reader = Reader { check, index, line, is_fine: true };
    let measure = reader.measure(file)?;
    reader.phase(&measure, during);
    let limit = reader.limit(&written, &measure)?;
    let in_trials = reader.in_trials(in_trials);
    if !reader.is_fine {
        return None;
    }
    let mut text = format!("{measure}{} {limit}", during.suffix());
    if let Some(bound_ms) = written.bound_ms {
        let bound = Quantity { value: bound_ms, unit: Unit::Milliseconds };
        text.push_str(&format!(" (bound {bound})"));
    }
    if let Some(share) = in_trials {
        text.push_str(&format!(" in {share} of the trials"));
    }
    let id = format!("{}-{}", index + 1, measure.word().replace('_', "-"));
    let in_trials = in_trials.map_or(1.0, |share| share.value);
    let bound_ms = written.bound_ms;
    Some(Claim { id, line, text, measure, during, limit, is_objective, bound_ms, in_trials })
}

pub(super) struct Reader<'a, 'c, 't> {
    pub(super) check: &'a mut Check<'c, 't>,
    pub(super) index: usize,
    line: usize,
    pub(super) is_fine: bool,
}

impl Reader<'_, '_, '_> {
    pub(super) fn report(&mut self, text: impl Into<String>) {
        self.is_fine = false;
        self.check.problems.report(self.line, format!("claim {}: {}", self.index + 1, text.into()));
    }

    fn measure(&mut self, mut file: ClaimFile) -> Option<Measure> {
        let stale = (file.fresh_within, file.stale_within);
        if file.that != Subject::Staleness && (stale.0.is_some() || stale.1.is_some()) {
            self.report("`fresh_within` and `stale_within` are for `that = \"staleness\"`");
        }
        self.check_accounts(&file);
        self.check_consistency(&file);
        if file.that != Subject::Ratio && file.over.is_some() {
            self.report("`over` is for `that = \"ratio\"`");
        }
        if file.that != Subject::Ratio && file.resolution.is_some() {
            self.report("`resolution` is for `that = \"ratio\"`");
        }
        if file.that == Subject::Ratio {
            let (Some(ScenarioOrMeasure::Measure(of)), Some(over)) = (file.of, file.over) else {
                self.report("a ratio needs `of = { that = … }` and `over = { that = … }`");
                return None;
            };
            let during = file.during.unwrap_or_default();
            let (of, over) = (self.operand(of, during), self.operand(over, during));
            let (of, over) = (Box::new(of?), Box::new(over?));
            let resolution = file.resolution.map(|resolution| resolution.0);
            let is_latency = |side: &Operand| matches!(side.measure, Measure::Latency { .. });
            if resolution.is_some() && !(is_latency(&of) && is_latency(&over)) {
                self.report("`resolution` is for a ratio of two latencies");
            }
            return Some(Measure::Ratio { of, over, resolution });
        }
        if file.that.is_consistency() {
            return self.consistency(file);
        }
        let of = self.of(file.of.take())?;
        if file.that == Subject::WrongAnswers {
            return self.wrong_answers(of, file);
        }
        if file.that == Subject::Ledger {
            return self.ledger(of, file);
        }
        if file.that == Subject::TwoPrimaries {
            return self.two_primaries(of.is_some());
        }
        if file.that == Subject::Staleness {
            let Some(fresh_within) = stale.0 else {
                self.report("staleness needs `fresh_within`");
                return None;
            };
            self.scenario(of.as_deref());
            let stale_within = stale.1.map(|within| within.0);
            return Some(Measure::Staleness { fresh_within: fresh_within.0, stale_within, of });
        }
        self.simple(MeasureFile {
            that: file.that,
            during: file.during,
            of,
            is: file.is,
            by: file.by,
            answers: file.answers,
            name: file.name,
            service: file.service,
            aggregate: file.aggregate,
        })
    }

    /// The only scenario that a claim is about, when it names one.
    #[expect(clippy::option_option, reason = "a mistake, which is reported, or none or one")]
    fn of(&mut self, of: Option<ScenarioOrMeasure>) -> Option<Option<String>> {
        let mistake = match of {
            Some(ScenarioOrMeasure::Scenario(scenario)) => return Some(Some(scenario)),
            None => return Some(None),
            Some(ScenarioOrMeasure::Measure(_)) => {
                "`of` is the name of a scenario, except in a ratio"
            }
            Some(ScenarioOrMeasure::Scenarios(_)) => "`of` is the name of one scenario",
        };
        self.report(mistake);
        None
    }

    fn operand(&mut self, file: MeasureFile, during: Phase) -> Option<Operand> {
        let during = file.during.unwrap_or(during);
        let measure = self.simple(file)?;
        self.phase(&measure, during);
        Some(Operand { measure, during })
    }

    fn simple(&mut self, file: MeasureFile) -> Option<Measure> {
        let latency = latency(file.that);
        self.check_parts(&file, latency.is_some());
        self.scenario(file.of.as_deref());
        let of = file.of;
        if let Some((percentile, implied)) = latency {
            let answers = file.answers.unwrap_or(implied);
            return Some(Measure::Latency { percentile, answers, of });
        }
        match file.that {
            Subject::Availability => Some(Measure::Availability { of }),
            Subject::Source => match file.is {
                Some(TextOrNumber::Text(is)) => Some(Measure::Source { is, of }),
                Some(TextOrNumber::Number(_)) | None => {
                    self.report("source needs `is`, such as `is = \"cache\"`");
                    None
                }
            },
            Subject::Status => {
                let is = file.is.and_then(Statuses::read);
                if is.is_none() {
                    self.report("status needs `is`, such as `is = 503` or `is = \"5xx\"`");
                }
                is.map(|is| Measure::Status { is, of })
            }
            Subject::Ttd if of.is_some() => {
                self.report("ttd is about the fault's target, not `of` a scenario");
                None
            }
            Subject::Ttd => Some(Measure::Ttd { by: file.by }),
            Subject::Ttr => Some(Measure::Ttr { of }),
            Subject::Outage => Some(Measure::Outage { of }),
            Subject::StaleAgeMax => Some(Measure::StaleAgeMax { of }),
            Subject::Metric => self.metric(file.name, file.service, file.aggregate),
            Subject::Missed => Some(Measure::Missed { of }),
            Subject::Staleness
            | Subject::WrongAnswers
            | Subject::Ledger
            | Subject::Linearizable
            | Subject::Serializable
            | Subject::Oversold
            | Subject::Cart
            | Subject::TwoPrimaries
            | Subject::Ratio => {
                self.report("a ratio cannot be made of a ratio, staleness or mistakes");
                None
            }
            // Read above, by `latency`.
            Subject::LatencyP50
            | Subject::LatencyP90
            | Subject::LatencyP95
            | Subject::LatencyP99
            | Subject::LatencyP999
            | Subject::LatencyMax
            | Subject::ErrorLatencyMax => None,
        }
    }

    /// Reports the parts that the subject has no use for.
    fn check_parts(&mut self, file: &MeasureFile, is_latency: bool) {
        if file.answers.is_some() && !is_latency {
            self.report("`answers` is for latencies");
        }
        if file.is.is_some() && !matches!(file.that, Subject::Source | Subject::Status) {
            self.report("`is` is for `source` and `status`");
        }
        if file.by.is_some() && file.that != Subject::Ttd {
            self.report("`by` is for `ttd`");
        }
        let metric = file.name.is_some() || file.service.is_some() || file.aggregate.is_some();
        if metric && file.that != Subject::Metric {
            self.report("`name`, `service` and `as` are for `that = \"metric\"`");
        }
        if file.of.is_some() && file.that == Subject::Metric {
            self.report("a metric is not `of` a scenario");
        }
    }

    fn metric(
        &mut self,
        name: Option<String>,
        service: Option<String>,
        aggregate: Option<super::Aggregate>,
    ) -> Option<Measure> {
        let (Some(name), Some(service), Some(aggregate)) = (name, service, aggregate) else {
            self.report(
                "metric needs `name`, `service`, and `as`: \"delta\", \"rate\", \"max\" or \
                 \"last\"",
            );
            return None;
        };
        let services = &self.check.system.services;
        if services.get(&service).is_none_or(|service| service.port.is_none()) {
            self.is_fine = false;
            let line = self.check.document.line(steps!["claim", self.index, "service"]);
            let text = format!("`{service}` is no service with a port");
            self.check.unknown_service(line, text, &service);
        }
        Some(Measure::Metric { name, service, aggregate })
    }

    /// A claim about load that the experiment does not put on is never decided.
    fn scenario(&mut self, of: Option<&str>) {
        if let Some(scenario) = of {
            self.scenario_at("of", scenario);
        }
    }

    /// The same, for a scenario that stands at `key`.
    pub(super) fn scenario_at(&mut self, key: &str, scenario: &str) {
        let loads: Vec<&str> = self.check.load.iter().map(|load| load.scenario.as_str()).collect();
        if loads.contains(&scenario) {
            return;
        }
        self.is_fine = false;
        let line = self.check.document.line(steps!["claim", self.index, key]);
        let text = format!("no `[[load]]` of this experiment has the scenario `{scenario}`");
        self.check.problems.report_unknown(line, text, scenario, loads);
    }

    /// A claim about a phase that the run does not have is never decided.
    fn phase(&mut self, measure: &Measure, during: Phase) {
        let timeline = &self.check.timeline;
        if timeline.is_empty() && self.check.document.has("timeline") {
            // What is wrong with it is reported already.
            return;
        }
        let needs_fault = matches!(measure, Measure::Ttd { .. } | Measure::Ttr { .. });
        let first = timeline.iter().map(|timed| timed.at).min();
        let is_at_zero = timeline.iter().any(|timed| timed.at.is_zero() && timed.trigger.is_none());
        let last = timeline.iter().map(super::TimedFault::earliest).max();
        let duration = self.check.duration;
        let objection = match (during, first, last) {
            (Phase::Before | Phase::Fault | Phase::After, ..)
                if matches!(
                    measure,
                    Measure::Ledger(_) | Measure::Consistency(_) | Measure::TwoPrimaries
                ) =>
            {
                "it is of the whole run, not of a phase"
            }
            (Phase::All, None, _) if needs_fault => "it needs a fault, and `[[timeline]]` has none",
            (Phase::Before | Phase::Fault | Phase::After, None, _) => {
                "the phase needs a fault, and `[[timeline]]` has none"
            }
            (Phase::Before, Some(_), _) if is_at_zero => {
                "there is no time before the fault, which comes at 0"
            }
            (Phase::After, _, Some(last)) if last >= duration => {
                "there is no time after the fault, which lasts to the end of the run"
            }
            (Phase::Fault, ..) if timeline.iter().all(ends_at_once) => {
                "the fault is over at once; say how long it lasts or is watched, as in \
                 `for = \"3s\"`"
            }
            (Phase::Before | Phase::Fault | Phase::After | Phase::All, ..) => return,
        };
        self.report(objection);
    }
}

/// Whether a fault leaves no time between its injection and its end, as a flush without a length.
fn ends_at_once(timed: &super::TimedFault) -> bool {
    timed.until.is_none() && timed.fault.kind.is_momentary()
}

fn latency(subject: Subject) -> Option<(Percentile, Answers)> {
    match subject {
        Subject::LatencyP50 => Some((Percentile::P50, Answers::All)),
        Subject::LatencyP90 => Some((Percentile::P90, Answers::All)),
        Subject::LatencyP95 => Some((Percentile::P95, Answers::All)),
        Subject::LatencyP99 => Some((Percentile::P99, Answers::All)),
        Subject::LatencyP999 => Some((Percentile::P999, Answers::All)),
        Subject::LatencyMax => Some((Percentile::Max, Answers::All)),
        Subject::ErrorLatencyMax => Some((Percentile::Max, Answers::Failed)),
        Subject::Availability
        | Subject::Source
        | Subject::Status
        | Subject::Ttd
        | Subject::Ttr
        | Subject::Outage
        | Subject::StaleAgeMax
        | Subject::Staleness
        | Subject::WrongAnswers
        | Subject::Ledger
        | Subject::Linearizable
        | Subject::Serializable
        | Subject::Oversold
        | Subject::Cart
        | Subject::Ratio
        | Subject::Metric
        | Subject::Missed
        | Subject::TwoPrimaries => None,
    }
}
