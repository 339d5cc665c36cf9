//! The table of claims: what was demanded, what each arm measured, and by how much it holds.

use maud::{Markup, html};

use super::page::verdict_badge;
use crate::spec::Unit;
use crate::verdict::{
    Arm, ArmResult, ClaimResult, ClaimTrial, ExperimentResult, IntervalResult, Verdict, distance,
    figure,
};

pub(crate) fn claims(result: &ExperimentResult) -> Markup {
    let treatment = result.arm(Arm::Treatment);
    let control = result.arm(Arm::Control);
    let Some(first) = treatment.or(control) else {
        return html! { section { h2 { "Claims" } p { "Nothing was run." } } };
    };
    html! {
        section {
            h2 { "Claims" }
            div.scroll {
                table.claims {
                    thead {
                        tr {
                            th scope="col" { "Claim" }
                            @if treatment.is_some() {
                                th scope="col" { (treatment_title(result)) }
                            }
                            @if let Some(control) = control {
                                th scope="col" { "Control: without " (control.without.join(", ")) }
                            }
                        }
                    }
                    tbody {
                        @for claim in &first.claims {
                            tr {
                                th scope="row" {
                                    (claim.text)
                                    @if claim.n > 0 { span.detail { "n = " (claim.n) } }
                                }
                                @for arm in [treatment, control].into_iter().flatten() {
                                    td data-label=(arm.arm.name()) { (cell(arm, &claim.id)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn treatment_title(result: &ExperimentResult) -> String {
    let without = result.arm(Arm::Treatment).map(|arm| arm.without.join(", "));
    match (without.filter(|without| !without.is_empty()), &result.tactic) {
        (Some(without), _) => format!("Treatment: without {without}"),
        (None, Some(tactic)) => format!("Treatment: with {tactic}"),
        (None, None) => "Measured".to_owned(),
    }
}

fn cell(arm: &ArmResult, id: &str) -> Markup {
    let Some(claim) = arm.claims.iter().find(|claim| claim.id == id) else {
        return html! { "–" };
    };
    let several = claim.trials.len() > 1;
    html! {
        div.measured {
            span.figure { (measured(claim)) }
            (verdict_badge(claim.verdict))
        }
        @if let Some(margin) = claim.margin.filter(|_| claim.verdict != Verdict::Unknown) {
            span.detail {
                @if margin == 0.0 { "exactly at the limit" }
                @else {
                    (distance(margin, claim.unit))
                    @if margin < 0.0 { " beyond the limit" } @else { " to spare" }
                }
            }
        }
        @if let (Some(worst), true) = (claim.worst, several) {
            span.detail { "median of " (claim.trials.len()) ", worst " (figure(worst, claim.unit)) }
        }
        @if let Some(of_bound) = of_bound(claim) { span.detail { (of_bound) } }
        @if let Some(interval) = claim.interval.and_then(|i| interval_text(i, claim)) {
            span.detail { (interval) }
        }
        @if several && claim.refuted_in > 0 {
            span.detail { "refuted in " (claim.refuted_in) " of " (claim.trials.len()) " trials" }
        }
        @if let Some(reason) = claim.trials.iter().find_map(|trial| trial.reason.as_deref()) {
            span.detail { (reason) }
        }
        @if let Some(first) = claim.trials.iter().find(|trial| !trial.evidence.is_empty()) {
            details.evidence {
                summary { "What shows it" }
                ul { @for line in &first.evidence { li { (line) } } }
            }
        }
    }
}

fn measured(claim: &ClaimResult) -> String {
    let is_open = |trial: &ClaimTrial| {
        trial.measured.is_some() && trial.reason.is_some() && trial.disturbance.is_none()
    };
    let open = claim.trials.iter().any(is_open);
    let sign = if open { "> " } else { "" };
    claim
        .measured
        .map_or("not measured".to_owned(), |value| format!("{sign}{}", figure(value, claim.unit)))
}

/// The measured time beside what theory allows.
fn of_bound(claim: &ClaimResult) -> Option<String> {
    let (measured, bound_ms) = (claim.measured?, claim.bound_ms.filter(|bound| *bound > 0.0)?);
    let factor = figure(measured / bound_ms, Unit::Factor);
    Some(format!("{factor} the bound of {}", figure(bound_ms, Unit::Milliseconds)))
}

/// An interval that is narrower than its digits says nothing.
fn interval_text(interval: IntervalResult, claim: &ClaimResult) -> Option<String> {
    let (low, high) = (figure(interval.low, claim.unit), figure(interval.high, claim.unit));
    let confidence = (interval.confidence * 1000.0).round() / 10.0;
    (low != high).then(|| format!("{low} … {high} at {confidence} % confidence"))
}
