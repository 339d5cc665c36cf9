//! The trials that do not count, and why: nothing that was run is left unsaid.

use maud::{Markup, html};

use crate::verdict::ExperimentResult;

pub(crate) fn replaced(result: &ExperimentResult) -> Markup {
    if result.arms.iter().all(|arm| arm.replaced.is_empty()) {
        return html! {};
    }
    html! {
        section {
            h2 { "Trials that were run again" }
            p.hint {
                "The machine, and not the system, is why they prove nothing. Their history, events "
                "and logs are kept; no figure on this page rests on them."
            }
            div.scroll {
                table {
                    thead {
                        tr {
                            th scope="col" { "Arm" }
                            th scope="col" { "Trial" }
                            th scope="col" { "Run again as" }
                            th scope="col" { "Seed" }
                            th scope="col" { "Why" }
                        }
                    }
                    tbody {
                        @for arm in &result.arms {
                            @for trial in &arm.replaced {
                                tr {
                                    th scope="row" { (arm.arm.name()) }
                                    td { (trial.trial) }
                                    td { (trial.by) }
                                    td { (trial.seed) }
                                    td { (trial.reason) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
