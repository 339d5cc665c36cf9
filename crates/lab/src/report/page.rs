//! The page of one experiment, from the verdict down to the environment.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::artifacts::artifacts;
use super::charts::{Charts, arm_title, charts};
use super::claims::claims;
use super::environment::environment;
use super::evidence::evidence;
use super::faults::{faults, phases};
use super::objectives::objectives;
use super::replaced::replaced;
use super::timeline::timeline;
use crate::run::StoredRun;
use crate::verdict::{ExperimentResult, Outcome, Verdict};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("charts.js");
const UPLOT_STYLE: &str = include_str!("../../vendor/uplot/uPlot.min.css");
const UPLOT_SCRIPT: &str = include_str!("../../vendor/uplot/uPlot.iife.min.js");

/// Nothing may be loaded from anywhere: the page holds all that it shows.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/// The whole page of one run.
pub fn render(run: &StoredRun) -> String {
    let result = &run.result;
    let body = html! {
        (hero(result))
        main {
            (objectives(result))
            (claims(result))
            (chart_section(result, &charts(run)))
            (faults(result))
            (phases(result))
            (replaced(result))
            (evidence(&run.evidence))
            (artifacts(&run.artifacts))
            (timeline(run))
            (environment(&run.environment, result))
        }
        footer {
            "standfast " (run.environment.standfast) " · "
            a href="result.json" { "result.json" } " · "
            a href="events.jsonl" { "events.jsonl" } " · "
            a href="history.jsonl.zst" { "history.jsonl.zst" } " · "
            a href="logs/" { "logs" }
        }
        script { (PreEscaped(UPLOT_SCRIPT)) }
        script { (PreEscaped(SCRIPT)) }
    };
    page(&format!("{} – {}", result.outcome, result.title), &body)
}

/// A page with the style of all reports.
pub(crate) fn page(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) }
                style { (PreEscaped(UPLOT_STYLE)) (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    page.into_string()
}

fn hero(result: &ExperimentResult) -> Markup {
    let trials = result.plan.trials;
    html! {
        header class={ "hero " (outcome_class(result.outcome)) } {
            p.crumbs { (result.system) " / " (result.experiment) }
            h1 { (result.title) }
            p.verdict {
                (outcome_badge(result.outcome))
                span.reason { (result.reasons.first().map_or("", String::as_str)) }
            }
            @if result.reasons.len() > 1 {
                ul.reasons { @for reason in &result.reasons[1..] { li { (reason) } } }
            }
            @for warning in &result.warnings { p.warning { "Note: " (warning) } }
            p.facts {
                @if let Some(tactic) = &result.tactic { "Tactic " b { (tactic) } " · " }
                @else { "Baseline without a tactic · " }
                (trials) @if trials == 1 { " trial" } @else { " trials" }
                " of " (result.plan.duration_ms as f64 / 1000.0) " s"
                @for load in &result.plan.loads {
                    " · " (load.scenario) " at " (load.rate_per_s) "/s"
                }
                " · seed " (result.seed) " · " time { (result.started_at) }
            }
        }
    }
}

fn chart_section(result: &ExperimentResult, charts: &Charts) -> Markup {
    if result.arms.is_empty() {
        return html! {};
    }
    // In a script element only `<` could end the data early.
    let json = serde_json::to_string(charts).unwrap_or_default().replace('<', "\\u003c");
    html! {
        section #charts-section {
            div.heading {
                h2 { "What clients saw" }
                label.scale { input #log-scale type="checkbox" checked; " logarithmic latency" }
            }
            p.hint {
                "Latency counts from the moment a request was due. Shaded: a fault in effect. "
                "Dashed across it: the limit of a claim. Drag over a chart to look closer."
            }
            div.arms data-count=(result.arms.len()) {
                @for arm in &result.arms {
                    div.arm data-arm=(arm.arm.name()) {
                        h3 { (arm_title(arm)) }
                        figure data-chart="latency" { figcaption { "Latency, ms" } }
                        figure data-chart="success" { figcaption { "Success, % of intended" } }
                        figure data-chart="answers" { figcaption { "Answers per second" } }
                    }
                }
            }
            noscript { p { "The charts need JavaScript; every figure is also in the tables." } }
            script #charts-data type="application/json" { (PreEscaped(json)) }
        }
    }
}

pub(crate) fn outcome_class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Holds => "is-holds",
        Outcome::Refuted => "is-refuted",
        Outcome::Unknown
        | Outcome::Environment
        | Outcome::NotRestored
        | Outcome::Interrupted
        | Outcome::Usage
        | Outcome::Bug => "is-unknown",
    }
}

pub(crate) fn outcome_badge(outcome: Outcome) -> Markup {
    let sign = match outcome {
        Outcome::Holds => "✔",
        Outcome::Refuted => "✖",
        Outcome::Unknown => "?",
        Outcome::Environment
        | Outcome::NotRestored
        | Outcome::Interrupted
        | Outcome::Usage
        | Outcome::Bug => "!",
    };
    html! {
        span class={ "badge " (outcome_class(outcome)) } {
            span.sign aria-hidden="true" { (sign) } " " (outcome)
        }
    }
}

/// The verdict with a sign of its own: colour is never the only signal.
pub(crate) fn verdict_badge(verdict: Verdict) -> Markup {
    outcome_badge(Outcome::from(verdict))
}
