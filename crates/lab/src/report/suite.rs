//! The page over several experiments: one line each, with a link to its own report.

use maud::{Markup, html};

use super::page::{outcome_badge, outcome_class, page};
use crate::verdict::{Arm, ClaimResult, ExperimentResult, Outcome, figure};

/// One experiment of a suite.
#[derive(Clone, Debug)]
pub struct SuiteEntry {
    /// Folder of its run, relative to the page.
    pub folder: String,
    pub result: ExperimentResult,
}

/// The index page of a suite.
pub fn render_suite(title: &str, entries: &[SuiteEntry]) -> String {
    let outcome = Outcome::of_several(entries.iter().map(|entry| entry.result.outcome));
    let count = |outcome| entries.iter().filter(|entry| entry.result.outcome == outcome).count();
    let (holds, refuted) = (count(Outcome::Holds), count(Outcome::Refuted));
    let other = entries.len() - holds - refuted;
    let body = html! {
        header class={ "hero " (outcome_class(outcome)) } {
            h1 { (title) }
            p.verdict {
                (outcome_badge(outcome))
                span.reason {
                    (holds) " hold, " (refuted) " refuted, " (other) " without a verdict"
                }
            }
        }
        main {
            section {
                h2 { "Experiments" }
                ul.suite { @for entry in entries { (card(entry)) } }
            }
        }
    };
    page(&format!("{outcome} – {title}"), &body)
}

fn card(entry: &SuiteEntry) -> Markup {
    let result = &entry.result;
    let judged = result.arm(Arm::Treatment).or(result.arms.first());
    html! {
        li class=(outcome_class(result.outcome)) {
            div.measured {
                a href={ (entry.folder) "/report.html" } { (result.title) }
                (outcome_badge(result.outcome))
            }
            span.detail {
                (result.system) " / " (result.experiment)
                @if let Some(tactic) = &result.tactic { ", tactic " (tactic) }
            }
            span.detail { (result.reasons.first().map_or("", String::as_str)) }
            ul.claims-short {
                @for claim in judged.iter().flat_map(|arm| &arm.claims) {
                    li {
                        (claim.text) ": " b { (measured(claim)) }
                        @if let Some(other) = control_figure(result, &claim.id) {
                            ", control " (other)
                        }
                    }
                }
            }
        }
    }
}

fn control_figure(result: &ExperimentResult, id: &str) -> Option<String> {
    result.arm(Arm::Treatment)?;
    result.arm(Arm::Control)?.claims.iter().find(|claim| claim.id == id).map(measured)
}

fn measured(claim: &ClaimResult) -> String {
    claim.measured.map_or("not measured".to_owned(), |value| figure(value, claim.unit))
}
