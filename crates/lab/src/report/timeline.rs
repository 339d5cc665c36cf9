//! The events of every trial, in the order in which they happened.

use maud::{Markup, html};
use standfast_history::Event;

use crate::run::StoredRun;
use crate::verdict::{ArmResult, TrialResult};

/// More rows than this nobody reads, and the page must stay small; the file holds all of them.
const EVENTS_PER_TRIAL_MAX: usize = 150;

/// Longer fields are cut: an event is a fact, and a log line has its own file.
const FIELDS_CHARS_MAX: usize = 160;

pub(crate) fn timeline(run: &StoredRun) -> Markup {
    let arms = &run.result.arms;
    html! {
        section {
            h2 { "Events" }
            p.hint { "What the lab did, and what the services reported about themselves." }
            @for (arm_index, arm) in arms.iter().enumerate() {
                @for (index, trial) in arm.runs.iter().enumerate() {
                    (trial_events(run, arm, trial, arm_index == 0 && index == 0))
                }
            }
        }
    }
}

fn trial_events(run: &StoredRun, arm: &ArmResult, trial: &TrialResult, is_open: bool) -> Markup {
    let belongs =
        |tagged: &&crate::run::Tagged<Event>| tagged.arm == arm.arm && tagged.trial == trial.trial;
    let events: Vec<&Event> =
        run.events.iter().filter(belongs).map(|tagged| &tagged.record).collect();
    let hidden = events.len().saturating_sub(EVENTS_PER_TRIAL_MAX);
    html! {
        details open[is_open] {
            summary { (arm.arm.name()) " trial " (trial.trial) ", " (events.len()) " events" }
            ol.events {
                @for event in events.iter().take(EVENTS_PER_TRIAL_MAX) {
                    li class={ "event-" (class_of(&event.event)) } {
                        time { (format!("{:+.3} s", seconds(event, trial))) }
                        span.source { (event.source) }
                        span.what {
                            b { (event.event) }
                            @if let Some(target) = &event.target { " " (target) }
                            @if !event.fields.is_empty() { " " span.fields { (fields(event)) } }
                        }
                    }
                }
            }
            @if hidden > 0 { p.hint { (hidden) " more in events.jsonl" } }
        }
    }
}

fn seconds(event: &Event, trial: &TrialResult) -> f64 {
    (event.at_us as f64 - trial.zero_us as f64) / 1e6
}

fn class_of(event: &str) -> &'static str {
    match event {
        "injecting" | "injected" | "exited" | "crash_loop" => "fault",
        "healing" | "healed" | "recovered" | "ready" | "restarted" => "heal",
        "detected" => "detected",
        _ => "other",
    }
}

fn fields(event: &Event) -> String {
    let pairs = event.fields.iter().map(|(key, value)| match value.as_str() {
        Some(text) => format!("{key}={text}"),
        None => format!("{key}={value}"),
    });
    let text = pairs.collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(FIELDS_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
