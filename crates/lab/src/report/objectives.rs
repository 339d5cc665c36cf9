//! The table of objectives: what a service promises, what was measured, how much of what each
//! promise allows was used up. Experiments mark them with `slo = true`.

use maud::{Markup, html};

use super::page::verdict_badge;
use crate::spec::Unit;
use crate::verdict::{ArmResult, ClaimResult, ExperimentResult, figure};

pub(super) fn objectives(result: &ExperimentResult) -> Markup {
    let is_any = |arm: &&ArmResult| arm.claims.iter().any(|claim| claim.is_objective);
    let arms: Vec<&ArmResult> = result.arms.iter().filter(is_any).collect();
    if arms.is_empty() {
        return html! {};
    }
    html! {
        section #objectives {
            h2 { "Objectives" }
            p.hint {
                "The error budget is what an objective allows: an availability of 99.9 % one "
                "failure in a thousand, a p95 one operation in twenty that is slower. Of several "
                "trials it is the worst one's."
            }
            div.scroll {
                table.numbers {
                    thead {
                        tr {
                            th scope="col" { "Scenario" }
                            th scope="col" { "Objective" }
                            @if arms.len() > 1 { th scope="col" { "Arm" } }
                            th.number scope="col" { "Measured" }
                            th.number scope="col" { "Operations" }
                            th.number scope="col" { "Error budget used" }
                            th scope="col" { "Verdict" }
                        }
                    }
                    tbody {
                        @for arm in &arms {
                            @for claim in arm.claims.iter().filter(|claim| claim.is_objective) {
                                (row(claim, (arms.len() > 1).then(|| arm.arm.name())))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn row(claim: &ClaimResult, arm: Option<&str>) -> Markup {
    let measured = claim.worst.map_or("–".to_owned(), |worst| figure(worst, claim.unit));
    html! {
        tr {
            th scope="row" { (claim.scenario.as_deref().unwrap_or("all")) }
            td { (claim.text) }
            @if let Some(arm) = arm { td { (arm) } }
            td.number { (measured) }
            td.number { (claim.n) }
            td.number { (used(claim)) }
            td { (verdict_badge(claim.verdict)) }
        }
    }
}

fn used(claim: &ClaimResult) -> String {
    claim.budget_used.map_or("allows none".to_owned(), |used| figure(used, Unit::Share))
}
