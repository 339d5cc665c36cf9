//! The tables of faults and phases: what was planned, what happened, what clients saw meanwhile.

use maud::{Markup, html};
use standfast_checker::Summary;

use crate::fault::Hit;
use crate::spec::Unit;
use crate::verdict::{
    ArmResult, ExperimentResult, FaultResult, Phase, PhaseResult, figure, milliseconds,
};

const PHASES: [Phase; 5] =
    [Phase::WarmUp, Phase::Before, Phase::Changing, Phase::Fault, Phase::After];

const PHASE_COLUMNS: [&str; 11] = [
    "Length",
    "Intended",
    "Success",
    "Failed",
    "Unknown",
    "Share",
    "p50",
    "p95",
    "p99",
    "Max",
    "Longest gap",
];

pub(crate) fn faults(result: &ExperimentResult) -> Markup {
    if result.plan.faults.is_empty() {
        return html! {
            section { h2 { "Faults" } p { "None: this experiment measures a healthy system." } }
        };
    }
    html! {
        section {
            h2 { "Faults" }
            p.hint {
                "Seconds after the start of the measured run. Injected and healed are verified. "
                "A fault that waits for an event is planned for when that comes."
            }
            div.scroll {
                table.numbers {
                    thead {
                        tr {
                            th scope="col" { "Arm, trial" }
                            th scope="col" { "Fault" }
                            th.number scope="col" { "Planned" }
                            th.number scope="col" { "Injected" }
                            th.number scope="col" { "Detected" }
                            th.number scope="col" { "Heal begun" }
                            th.number scope="col" { "Healed" }
                            th scope="col" { "Evidence" }
                        }
                    }
                    tbody {
                        @for arm in &result.arms {
                            @for run in &arm.runs {
                                @for fault in &run.faults {
                                    (fault_row(&format!("{} {}", arm.arm.name(), run.trial), fault))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn fault_row(place: &str, fault: &FaultResult) -> Markup {
    let seconds = |ms: Option<f64>| ms.map_or("–".to_owned(), |ms| format!("{:.3}", ms / 1000.0));
    html! {
        tr {
            th scope="row" { (place) }
            td {
                b { (fault.kind) } " " (fault.target)
                @if !fault.parameters.is_empty() { " (" (fault.parameters) ")" }
                @if let Some(event) = &fault.after { br; span.hint { "after " (event) } }
            }
            td.number { (seconds(Some(fault.planned_ms))) }
            td.number { (seconds(fault.injected_ms)) }
            td.number {
                (fault.detected_after_ms.map_or("–".to_owned(), after))
            }
            td.number { (seconds(fault.healing_ms)) }
            td.number { (seconds(fault.healed_ms)) }
            td {
                @if let Some(error) = &fault.error { strong { "✖ " (error) } }
                @else {
                    (fault.evidence.as_deref().unwrap_or("–"))
                    @if let Some(hit) = fault.hit { "; then " (came(hit)) }
                }
            }
        }
    }
}

/// What came to a fault while it lasted.
fn came(hit: Hit) -> String {
    if hit.requests > 0 {
        return format!("{} requests met it", hit.requests);
    }
    format!("{} bytes and {} new connections came to it", hit.bytes, hit.attempts)
}

fn after(ms: f64) -> String {
    format!("+{}", milliseconds(ms))
}

pub(crate) fn phases(result: &ExperimentResult) -> Markup {
    html! {
        section {
            h2 { "Phases" }
            p.hint {
                "Counts over all trials, latencies as the median of the trials. Changing: a fault "
                "was asked for and is not yet verified, or is being healed."
            }
            div.scroll {
                table.numbers {
                    thead {
                        tr {
                            th scope="col" { "Arm, phase" }
                            @for name in PHASE_COLUMNS { th.number scope="col" { (name) } }
                        }
                    }
                    tbody {
                        @for arm in &result.arms {
                            @for phase in PHASES { (phase_row(arm, phase)) }
                        }
                    }
                }
            }
        }
    }
}

fn phase_row(arm: &ArmResult, phase: Phase) -> Markup {
    let parts: Vec<&PhaseResult> =
        arm.runs.iter().flat_map(|run| &run.phases).filter(|part| part.phase == phase).collect();
    if parts.is_empty() {
        return html! {};
    }
    let sum = |count: fn(&PhaseResult) -> u64| parts.iter().map(|part| count(part)).sum::<u64>();
    let median = |value: fn(&PhaseResult) -> Option<f64>| {
        Summary::of(parts.iter().filter_map(|part| value(part))).map(|summary| summary.median)
    };
    let time = |ms: Option<f64>| ms.map_or("–".to_owned(), milliseconds);
    let (intended, ok) = (sum(|part| part.intended), sum(|part| part.ok));
    let share = (intended > 0).then(|| figure(ok as f64 / intended as f64, Unit::Share));
    html! {
        tr.phase-fault[phase == Phase::Fault] {
            th scope="row" { (arm.arm.name()) ", " (phase.name()) }
            td.number { (time(median(|part| Some(part.length_ms)))) }
            td.number { (intended) }
            td.number { (ok) }
            td.number { (sum(|part| part.fail)) }
            td.number { (sum(|part| part.info)) }
            td.number { (share.as_deref().unwrap_or("–")) }
            td.number { (time(median(|part| part.p50_ms))) }
            td.number { (time(median(|part| part.p95_ms))) }
            td.number { (time(median(|part| part.p99_ms))) }
            td.number { (time(median(|part| part.max_ms))) }
            td.number { (time(median(|part| part.gap_ms))) }
        }
    }
}
