//! Which part of a trial a claim is about, from what really happened and not from the plan.

use standfast_checker::{Window, Windows};

use super::record::{FaultRecord, TrialRecord};
use crate::fault::FaultKind;
use crate::spec::Phase;

/// The windows of a phase; empty when the trial does not have it.
///
/// `before` ends when the first fault is asked for. `fault` is the time in which all faults that
/// last are in effect, or the most of them that ever are at once: what lies between their
/// injections is neither one state nor the other. Where no fault lasts, it is the time until the
/// target is ready again. `after` begins when the last fault is verified to be healed.
pub fn windows(trial: &TrialRecord, phase: Phase) -> Windows {
    let run = Window { from_us: trial.zero_us, to_us: trial.end_us };
    let windows = match phase {
        Phase::All => Windows::from(run),
        Phase::Before => {
            let first = trial.faults.iter().filter_map(|fault| fault.injecting_us).min();
            first.map_or_else(Windows::default, |to_us| Windows::from(Window { to_us, ..run }))
        }
        Phase::Fault => fault_windows(&trial.faults, run),
        Phase::After => {
            let done = trial.faults.iter().filter(|fault| !fault.never_came());
            let healed = done.map(|fault| fault.healed_us.or(fault.over_at_once()));
            let last = healed.collect::<Option<Vec<u64>>>().and_then(|all| all.into_iter().max());
            last.map_or_else(Windows::default, |from_us| Windows::from(Window { from_us, ..run }))
        }
    };
    Windows::union(windows.iter().map(|window| window.intersect(run)))
}

impl FaultRecord {
    /// A flush is never healed: the cache fills again. Nor are connections that were reset.
    fn over_at_once(&self) -> Option<u64> {
        self.is_momentary().then_some(self.injected_us).flatten()
    }

    fn window(&self, run: Window) -> Option<Window> {
        let from_us = self.injected_us?;
        let to_us = self.healing_us.filter(|_| self.until.is_some());
        Some(Window { from_us, to_us: to_us.or(self.healed_us).unwrap_or(run.to_us) })
    }
}

fn fault_windows(faults: &[FaultRecord], run: Window) -> Windows {
    let lasts = |fault: &&FaultRecord| fault.until.is_some();
    let some_last = faults.iter().any(|fault| lasts(&fault));
    let counted = faults
        .iter()
        .filter(|fault| !some_last || lasts(fault) || fault.fault.kind == FaultKind::Flush);
    let spans: Vec<Window> = counted.filter_map(|fault| fault.window(run)).collect();
    if !some_last {
        return Windows::union(spans);
    }
    let mut borders: Vec<u64> = spans.iter().flat_map(|s| [s.from_us, s.to_us]).collect();
    borders.sort_unstable();
    borders.dedup();
    let active = |at_us: u64| spans.iter().filter(|span| span.contains(at_us)).count();
    let most = borders.iter().map(|&at_us| active(at_us)).max().unwrap_or(0);
    let slices = borders.windows(2).map(|pair| Window { from_us: pair[0], to_us: pair[1] });
    Windows::union(slices.filter(|slice| most > 0 && active(slice.from_us) == most))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fault::Fault;

    fn fault(kind: FaultKind, injected: u64, end: u64, lasts: bool) -> FaultRecord {
        FaultRecord {
            fault: Fault::new(kind, "replica"),
            at: Duration::from_micros(injected),
            until: lasts.then(|| Duration::from_micros(end)),
            injecting_us: Some(injected - 5),
            injected_us: Some(injected),
            healing_us: lasts.then_some(end),
            healed_us: (kind != FaultKind::Flush).then_some(end + 10),
            evidence: None,
            hit: None,
            error: None,
            trigger: None,
        }
    }

    fn check(faults: Vec<FaultRecord>, phase: Phase, expected: &[(u64, u64)]) {
        let trial = TrialRecord { zero_us: 100, end_us: 1000, faults, ..TrialRecord::default() };
        let found: Vec<(u64, u64)> =
            windows(&trial, phase).iter().map(|w| (w.from_us, w.to_us)).collect();
        assert_eq!(found, expected, "{phase:?}");
    }

    #[test]
    fn phases_follow_the_verified_times() {
        let stop = || vec![fault(FaultKind::Stop, 300, 600, true)];
        check(stop(), Phase::Before, &[(100, 295)]);
        check(stop(), Phase::Fault, &[(300, 600)]);
        check(stop(), Phase::After, &[(610, 1000)]);
        check(stop(), Phase::All, &[(100, 1000)]);
    }

    #[test]
    fn total_failure_is_when_both_faults_are_in_effect() {
        let both = || {
            vec![fault(FaultKind::Stop, 300, 600, true), fault(FaultKind::Flush, 320, 320, false)]
        };
        check(both(), Phase::Fault, &[(320, 600)]);
        check(both(), Phase::After, &[(610, 1000)]);
    }

    #[test]
    fn a_reset_without_a_length_is_over_at_once_and_one_with_a_length_is_not() {
        let reset = |lasts| FaultRecord {
            healed_us: if lasts { Some(410) } else { None },
            ..fault(FaultKind::Reset, 300, 400, lasts)
        };
        check(vec![reset(false)], Phase::After, &[(300, 1000)]);
        check(vec![reset(true)], Phase::Fault, &[(300, 400)]);
        check(vec![reset(true)], Phase::After, &[(410, 1000)]);
        let lost = FaultRecord { healed_us: None, ..reset(true) };
        check(vec![lost], Phase::After, &[]);
    }

    #[test]
    fn faults_one_after_the_other_are_both_the_fault() {
        let two =
            vec![fault(FaultKind::Stop, 200, 300, true), fault(FaultKind::Pause, 500, 600, true)];
        check(two, Phase::Fault, &[(200, 300), (500, 600)]);
    }

    #[test]
    fn a_kill_lasts_until_its_target_is_back() {
        check(vec![fault(FaultKind::Kill, 300, 400, false)], Phase::Fault, &[(300, 410)]);
    }

    #[test]
    fn a_kill_beside_a_lasting_fault_does_not_cut_its_window() {
        let faults =
            vec![fault(FaultKind::Stop, 200, 800, true), fault(FaultKind::Kill, 300, 400, false)];
        check(faults, Phase::Fault, &[(200, 800)]);
    }

    #[test]
    fn what_did_not_happen_has_no_window() {
        check(vec![], Phase::Fault, &[]);
        check(vec![], Phase::Before, &[]);
        let never = FaultRecord {
            injected_us: None,
            healing_us: None,
            healed_us: None,
            ..fault(FaultKind::Stop, 300, 600, true)
        };
        check(vec![never.clone()], Phase::Fault, &[]);
        check(vec![never], Phase::After, &[]);
    }
}
