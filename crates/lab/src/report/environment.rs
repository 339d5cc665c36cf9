//! On what the run was made, and how to make it again.

use maud::{Markup, html};

use crate::run::Environment;
use crate::verdict::{ArmResult, ExperimentResult, milliseconds};

pub(crate) fn environment(environment: &Environment, result: &ExperimentResult) -> Markup {
    html! {
        section {
            h2 { "Run it again" }
            pre { code { (result.command) } }
            h2 { "Environment" }
            @if !environment.optimised {
                p.warning {
                    "Note: a debug build of standfast made this run; its latencies are no figures."
                }
            }
            dl.facts-list {
                dt { "Machine" }
                dd {
                    (environment.processor) ", " (environment.cores) " cores, "
                    (environment.memory_mb) " MB, load average " (environment.load_average)
                }
                dt { "System" }
                dd { (environment.operating_system) ", Linux " (environment.kernel) }
                @for engine in &environment.engines {
                    dt { (engine.name) }
                    dd { (engine.kind) " " (engine.version) " " span.detail { (engine.path) } }
                }
                @for arm in &result.arms {
                    dt { "Load generator, " (arm.arm.name()) }
                    dd { (delivery(arm)) }
                }
            }
        }
    }
}

fn delivery(arm: &ArmResult) -> String {
    let sum = |count: fn(&crate::verdict::Delivery) -> u64| {
        arm.runs.iter().map(|run| count(&run.delivery)).sum::<u64>()
    };
    let late = arm.runs.iter().map(|run| run.delivery.lateness_p99_ms).fold(0.0, f64::max);
    format!(
        "{} intended, {} sent more than 1 ms late, p99 of the lateness {}",
        sum(|delivery| delivery.intended),
        sum(|delivery| delivery.missed),
        milliseconds(late),
    )
}
