//! What a fault waits for: an event that a service, the supervisor or the lab reports.
//!
//! The worst moment for a fault is often one of the system and not of the clock: just when a
//! coordinator has begun a step. Which events fit is decided here, and by what they say alone.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use standfast_history::Event;

use super::super::document::steps;
use super::super::units::{Moment, format_duration};
use super::check::{Check, LEFT_OUT};
use crate::instance::{LAB, SUPERVISOR};

/// The events that fit: those that say all of this, whatever else they say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventPattern {
    /// What happened, as the event calls it: `move`, `detected`, `injected`, …
    pub event: String,
    /// Who reports it: a service, `supervisor` or `lab`; by default anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Further fields of the event, each with the value that it must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, FieldValue>,
}

/// What a field of an event is held against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a field of an event is a text, a number, `true` or `false`")]
pub enum FieldValue {
    Text(String),
    Truth(bool),
    Number(Number),
}

impl EventPattern {
    /// Whether `event` says all that is asked for.
    pub fn fits(&self, event: &Event) -> bool {
        self.event == event.event
            && self.source.as_ref().is_none_or(|source| *source == event.source)
            && self.target.as_ref().is_none_or(|target| event.target.as_ref() == Some(target))
            && self
                .fields
                .iter()
                .all(|(name, value)| event.fields.get(name).is_some_and(|found| value.is(found)))
    }
}

impl FieldValue {
    /// Numbers are the same however they are written: `1` and `1.0`.
    fn is(&self, found: &Value) -> bool {
        match (self, found) {
            (Self::Text(text), Value::String(found)) => text == found,
            (Self::Truth(truth), Value::Bool(found)) => truth == found,
            (Self::Number(number), Value::Number(found)) => {
                let is_whole = |number: &Number| number.is_i64() || number.is_u64();
                let is_exact = is_whole(number) && is_whole(found);
                number == found || (!is_exact && number.as_f64() == found.as_f64())
            }
            _ => false,
        }
    }
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Truth(truth) => write!(f, "{truth}"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

impl fmt::Display for EventPattern {
    /// Such as `move of resharder about shard-5 with phase=copying`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.event)?;
        if let Some(source) = &self.source {
            write!(f, " of {source}")?;
        }
        if let Some(target) = &self.target {
            write!(f, " about {target}")?;
        }
        for (position, (name, value)) in self.fields.iter().enumerate() {
            f.write_str(if position == 0 { " with " } else { ", " })?;
            write!(f, "{name}={value}")?;
        }
        Ok(())
    }
}

/// What a fault waits for, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    pub pattern: EventPattern,
    /// From when it may be injected on.
    pub within: Duration,
    /// From the injection to the healing; `None` for one that nobody heals, or that lasts to the
    /// end of the run.
    pub length: Option<Duration>,
}

/// What a fault of the timeline says about its trigger.
#[derive(Debug)]
pub(super) struct WrittenTrigger {
    pub(super) index: usize,
    pub(super) at: Duration,
    pub(super) pattern: EventPattern,
    pub(super) within: Option<Moment>,
    pub(super) length: Option<Moment>,
}

impl Check<'_, '_> {
    /// Reports events that nobody can report, and a wait that does not lie inside the run.
    pub(super) fn trigger(&mut self, written: WrittenTrigger) -> Trigger {
        self.pattern(written.index, &written.pattern);
        let duration = self.duration;
        let length = written.length.map(|length| length.within(duration));
        // Whatever begins or ends too late without any wait is reported already.
        let end = written.at + length.unwrap_or_default();
        let left = duration.saturating_sub(end);
        let within = written.within.map_or(left, |within| within.within(duration));
        let line = self.document.line(steps!["timeline", written.index, "within"]);
        if within.is_zero() && end <= duration {
            let text = match written.within {
                Some(_) => "`within` is no time at all",
                None => "there is no time left in which the event could come",
            };
            self.problems.report(line, text);
        } else if written.within.is_some() && end <= duration && within > left {
            let (end, last) = (format_duration(end + within), format_duration(duration));
            let text = format!("may end as late as {end}, after the end of the run, {last}");
            self.problems.report(line, text);
        }
        Trigger { pattern: written.pattern, within, length }
    }

    fn pattern(&mut self, index: usize, pattern: &EventPattern) {
        let at = |key| steps!["timeline", index, "after", key].to_vec();
        if pattern.event.trim().is_empty() {
            let line = self.document.line(&at("event"));
            self.problems.report(line, "an event has a name, as in `event = \"ready\"`");
        }
        let Some(source) = &pattern.source else { return };
        let line = self.document.line(&at("source"));
        let system = self.system;
        if system.engines.contains_key(source) {
            let text = format!("an engine such as `{source}` reports nothing; `supervisor` does");
            return self.problems.report(line, text);
        }
        if ![SUPERVISOR, LAB].contains(&source.as_str()) && !system.services.contains_key(source) {
            let text = format!("`{source}` is no service of {}", system.name);
            self.unknown_service(line, text, source);
        }
        let Some(target) = pattern.target.as_ref().filter(|_| source == SUPERVISOR) else { return };
        let line = self.document.line(&at("target"));
        if self.left_out([target.as_str()]).is_some() {
            self.problems.report(line, format!("`{target}` is {LEFT_OUT}"));
        } else if !system.processes().any(|process| process == target) {
            let text = format!("`{target}` is no process of {}", system.name);
            self.problems.report_unknown(line, text, target, system.processes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> EventPattern {
        toml::from_str(text).unwrap()
    }

    fn check(pattern_text: &str, expected: bool) {
        let line = r#"{"event":"move","target":"shard-5","phase":"copying","move":7,"share":0.5,
            "last":true,"problem":null}"#;
        let event = Event::from_service_line(line, 1, "resharder").unwrap();
        assert_eq!(pattern(pattern_text).fits(&event), expected, "{pattern_text}");
    }

    #[test]
    fn an_event_fits_that_says_all_that_is_asked_for() {
        check("event = 'move'", true);
        check("event = 'moved'", false);
        check("event = 'move'\nsource = 'resharder'\ntarget = 'shard-5'", true);
        check("event = 'move'\nsource = 'shop'", false);
        check("event = 'move'\ntarget = 'shard-4'", false);
        check("event = 'move'\nfields = { phase = 'copying', move = 7, last = true }", true);
        check("event = 'move'\nfields = { phase = 'copying', move = 8 }", false);
        check("event = 'move'\nfields = { phase = 'cop' }", false);
    }

    #[test]
    fn a_field_has_to_be_there_and_of_the_same_kind() {
        check("event = 'move'\nfields = { lag = 0 }", false);
        check("event = 'move'\nfields = { problem = '' }", false);
        check("event = 'move'\nfields = { move = '7' }", false);
        check("event = 'move'\nfields = { last = 1 }", false);
        check("event = 'move'\nfields = { move = 7.0, share = 0.50 }", true);
    }

    #[test]
    fn what_has_no_target_is_about_nobody() {
        let event = Event::new(1, "web", "move");
        assert!(!pattern("event = 'move'\ntarget = 'web'").fits(&event));
        assert!(pattern("event = 'move'").fits(&event));
    }

    #[test]
    fn a_pattern_reads_as_a_sentence() {
        let text = "event = 'move'\nsource = 'r'\ntarget = 's'\nfields = { phase = 'x', n = 1 }";
        assert_eq!(pattern(text).to_string(), "move of r about s with n=1, phase=x");
        assert_eq!(pattern("event = 'move'").to_string(), "move");
    }
}
