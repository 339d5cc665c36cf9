//! On what the run was made, and how to make it again.

use maud::{Markup, html};

use crate::run::Environment;
use crate::spec::Unit;
use crate::verdict::{ArmResult, ExperimentResult, MachineUse, figure, milliseconds};

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
                    @if let Some(others) = others(arm) {
                        dt { "Other programs, " (arm.arm.name()) }
                        dd { (others) }
                    }
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

/// What they took in the worst trial; nothing when no trial was watched.
fn others(arm: &ArmResult) -> Option<String> {
    let watched: Vec<MachineUse> = arm.runs.iter().filter_map(|run| run.machine).collect();
    let most = |value: fn(&MachineUse) -> f64| watched.iter().map(value).fold(0.0, f64::max);
    let share = |value: fn(&MachineUse) -> f64| figure(most(value), Unit::Share);
    (!watched.is_empty()).then(|| {
        format!(
            "{} of the processors, {} at their busiest; threads of ordinary priority waited for \
             them in {} of the time, and woke up to {} late",
            share(|machine| machine.foreign),
            share(|machine| machine.foreign_max),
            share(|machine| machine.crowded),
            milliseconds(most(|machine| machine.late_ms_max)),
        )
    })
}
