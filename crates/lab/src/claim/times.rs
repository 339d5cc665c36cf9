//! Times of a trial that belong to its faults: to detect, to recover, and without any success.

use standfast_checker::{
    InjectedFault, Recovery, SteadyState, Windows, longest_gap, time_to_detect, time_to_recover,
};
use standfast_history::{Event, Operation, Outcome};

use super::evaluate::{Measured, Unknown};
use super::record::{FaultRecord, TrialRecord};
use crate::fault::FaultKind;
use crate::spec::Unit;

/// What the steady state means: this share of answers is a success that is not marked as stale.
/// One in a hundred is left for chance, such as a connection that the healed engine has to reset.
pub const GOOD_SHARE_MIN: f64 = 0.99;

/// The slowest detection of all faults, by whichever detector is first or by a certain one. A fault
/// that was not detected while it lasted took longer than that.
pub(super) fn ttd(trial: &TrialRecord, by: Option<&str>) -> Result<Measured, Unknown> {
    // A flush leaves nothing to detect: the cache answers as before.
    let leaves_some = |fault: &&FaultRecord| fault.fault.kind != FaultKind::Flush;
    let faults = trial.faults.iter().filter(|fault| leaves_some(fault) && !fault.never_came());
    let each = faults.map(|fault| detection(trial, fault, by));
    slowest(each.collect::<Result<_, _>>()?).ok_or_else(|| Unknown::because("no fault to detect"))
}

fn detection(
    trial: &TrialRecord,
    record: &FaultRecord,
    by: Option<&str>,
) -> Result<Measured, Unknown> {
    let Some(injected_us) = record.injected_us else {
        return Err(Unknown::because(format!("{} was never in effect", record.fault)));
    };
    let until_us = record.healed_us.unwrap_or(trial.end_us).min(trial.end_us);
    let injecting_us = record.injecting_us.unwrap_or(injected_us);
    // A link that breaks shows in the one it leads to.
    let suspects = record.fault.suspects();
    let is_of = |event: &&Event| by.is_none_or(|by| event.fields.get("by") == Some(&by.into()));
    let events: Vec<Event> = trial.events.iter().filter(is_of).cloned().collect();
    let detected = suspects.iter().filter_map(|target| {
        let fault = InjectedFault { target, injecting_us, injected_us, until_us };
        time_to_detect(&events, &fault)
    });
    Ok(match detected.min() {
        Some(us) => Measured::exact(us as f64 / 1e3, Unit::Milliseconds, 1),
        None => Measured::exact(
            until_us.saturating_sub(injected_us) as f64 / 1e3,
            Unit::Milliseconds,
            1,
        )
        .at_least(format!("no `detected` event named {}", suspects.join(" or "))),
    })
}

/// How long after its injection the fault was detected, for the table of faults.
pub(crate) fn detected_after_ms(trial: &TrialRecord, fault: &FaultRecord) -> Option<f64> {
    detection(trial, fault, None).ok().filter(|found| found.open.is_none()).map(|found| found.value)
}

/// How long it took until the steady state was back, for the table of faults. One that did not come
/// back within the run is not known.
pub(crate) fn recovered_after_ms(trial: &TrialRecord, fault: &FaultRecord) -> Option<f64> {
    let operations: Vec<&Operation> = trial.operations.iter().collect();
    recovery(trial, fault, &operations)
        .ok()
        .filter(|found| found.open.is_none())
        .map(|found| found.value)
}

/// The slowest recovery of all faults.
pub(super) fn ttr(trial: &TrialRecord, operations: &[&Operation]) -> Result<Measured, Unknown> {
    let done = trial.faults.iter().filter(|fault| !fault.never_came());
    let each = done.map(|fault| recovery(trial, fault, operations));
    slowest(each.collect::<Result<_, _>>()?)
        .ok_or_else(|| Unknown::because("no fault to recover from"))
}

fn recovery(
    trial: &TrialRecord,
    record: &FaultRecord,
    operations: &[&Operation],
) -> Result<Measured, Unknown> {
    // What the lab does not heal the system heals itself, so its clock starts with the injection.
    let from_us = if record.until.is_some() { record.healed_us } else { record.injected_us };
    let Some(from_us) = from_us else {
        return Err(Unknown::because(format!("{} was never healed", record.fault)));
    };
    let from_us = free_of_faults(&trial.faults, from_us);
    let steady = SteadyState {
        good_share_min: GOOD_SHARE_MIN,
        settle_us: trial.settle_us,
        until_us: trial.end_us,
    };
    // A stale answer is a success of the fallback, and not yet the steady state.
    let is_good = |operation: &Operation| operation.outcome == Outcome::Ok && !operation.stale;
    let ms = |us: u64| Measured::exact(us as f64 / 1e3, Unit::Milliseconds, 1);
    match time_to_recover(operations.iter().copied(), from_us, &steady, is_good) {
        Recovery::After { us } => Ok(ms(us)),
        Recovery::LongerThan { us } => {
            Ok(ms(us).at_least("the steady state did not return within the run"))
        }
        Recovery::Unobserved => Err(Unknown::because(
            "the run ends before the steady state could have held for the settling time",
        )),
    }
}

/// The first moment from `at_us` on at which no lasting fault is in effect: nobody can recover from
/// one fault while another one still holds.
fn free_of_faults(faults: &[FaultRecord], at_us: u64) -> u64 {
    let holds = |fault: &&FaultRecord, at_us: u64| {
        fault.until.is_some()
            && fault.injecting_us.is_some_and(|injecting_us| injecting_us <= at_us)
            && fault.healed_us.is_some_and(|healed_us| at_us < healed_us)
    };
    let mut at_us = at_us;
    while let Some(fault) = faults.iter().find(|fault| holds(fault, at_us)) {
        at_us = fault.healed_us.unwrap_or(at_us);
    }
    at_us
}

/// The longest silence in any of the windows.
pub(super) fn outage(windows: &Windows, operations: &[&Operation]) -> Result<Measured, Unknown> {
    let gaps = windows.iter().filter_map(|window| longest_gap(operations.iter().copied(), window));
    let n = windows.iter().map(|window| {
        operations.iter().filter(|operation| window.contains(operation.intended_us)).count()
    });
    let n = n.sum::<usize>() as u64;
    gaps.max()
        .map(|us| Measured::exact(us as f64 / 1e3, Unit::Milliseconds, n))
        .ok_or_else(Unknown::no_operation)
}

fn slowest(measured: Vec<Measured>) -> Option<Measured> {
    let n = measured.len() as u64;
    let slowest = measured.into_iter().max_by(|a, b| a.value.total_cmp(&b.value));
    slowest.map(|slowest| Measured { n, ..slowest })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fault::Fault;

    fn lasting(injecting_us: u64, healed_us: u64) -> FaultRecord {
        FaultRecord {
            fault: Fault::new(FaultKind::Stop, "replica"),
            at: Duration::ZERO,
            until: Some(Duration::ZERO),
            injecting_us: Some(injecting_us),
            injected_us: Some(injecting_us),
            healing_us: Some(healed_us),
            healed_us: Some(healed_us),
            evidence: None,
            hit: None,
            error: None,
            trigger: None,
        }
    }

    #[test]
    fn a_recovery_begins_when_the_last_overlapping_fault_is_healed() {
        let faults = [lasting(100, 300), lasting(250, 500), lasting(900, 950)];
        assert_eq!(free_of_faults(&faults, 120), 500, "one fault ends inside the next");
        assert_eq!(free_of_faults(&faults, 500), 500);
        assert_eq!(free_of_faults(&faults, 50), 50);
        let flush = FaultRecord { until: None, ..lasting(100, 300) };
        assert_eq!(free_of_faults(&[flush], 120), 120, "what does not last holds nobody back");
    }
}
