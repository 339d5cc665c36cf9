//! The trials of one arm while a run goes on: those that count, and those that were run again.

use super::arm_result::{FinishedTrial, arm_result};
use super::options::ArmPlan;
use crate::spec::Experiment;
use crate::verdict::{ArmResult, ReplacedTrial, reason_to_replace};

/// What an arm has so far.
#[derive(Debug)]
pub(crate) struct ArmTrials {
    plan: ArmPlan,
    planned: u32,
    /// How many trials may be run again.
    replacements_max: u32,
    finished: Vec<FinishedTrial>,
    replaced: Vec<ReplacedTrial>,
}

impl ArmTrials {
    /// Never more replacements than planned trials: beyond, nothing would be left of the plan.
    pub(crate) fn new(plan: ArmPlan, planned: u32, replacements_max: u32) -> Self {
        let replacements_max = replacements_max.min(planned);
        Self { plan, planned, replacements_max, finished: Vec::new(), replaced: Vec::new() }
    }

    pub(crate) fn plan(&self) -> &ArmPlan {
        &self.plan
    }

    /// Says of a trial how it is replaced; `None` when it counts.
    pub(crate) fn replacement(&self, finished: &FinishedTrial) -> Option<ReplacedTrial> {
        let replaced = u32::try_from(self.replaced.len()).unwrap_or(u32::MAX);
        if replaced >= self.replacements_max {
            return None;
        }
        let reason = reason_to_replace(self.plan.arm, &finished.result, &finished.claims)?;
        let (trial, seed) = (finished.result.trial, finished.result.seed);
        // Numbers go on after the planned ones, and seeds follow numbers.
        Some(ReplacedTrial { trial, seed, by: self.planned + replaced + 1, reason })
    }

    pub(crate) fn count(&mut self, finished: FinishedTrial) {
        self.finished.push(finished);
    }

    pub(crate) fn replace(&mut self, replaced: ReplacedTrial) {
        self.replaced.push(replaced);
    }

    pub(crate) fn result(&self, experiment: &Experiment) -> ArmResult {
        ArmResult {
            replaced: self.replaced.clone(),
            ..arm_result(self.plan.arm, &self.plan.without, experiment, &self.finished)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{Arm, ClaimTrial, Delivery, Disturbance, LOAD_LATE, TrialResult, Verdict};

    fn claim(verdict: Verdict) -> ClaimTrial {
        ClaimTrial {
            measured: Some(9.0),
            n: 100,
            interval: None,
            verdict,
            reason: None,
            evidence: Vec::new(),
            disturbance: None,
            budget_used: None,
        }
    }

    /// Its figure misses the limit because of the machine.
    fn spoiled() -> ClaimTrial {
        let disturbance = Some(Disturbance { share: 0.1, crowded: 0.0, undisturbed: Some(1.0) });
        let reason = Some("the machine stalled".to_owned());
        ClaimTrial { reason, disturbance, ..claim(Verdict::Unknown) }
    }

    fn finished(trial: u32, problems: &[&str], claims: Vec<ClaimTrial>) -> FinishedTrial {
        let result = TrialResult {
            trial,
            seed: u64::from(trial) + 6,
            zero_us: 0,
            provisioned_in_ms: 1,
            phases: Vec::new(),
            faults: Vec::new(),
            delivery: Delivery::default(),
            machine: None,
            problems: problems.iter().map(|problem| (*problem).to_owned()).collect(),
        };
        FinishedTrial { result, claims }
    }

    fn trials(arm: Arm, planned: u32, replacements_max: u32) -> ArmTrials {
        ArmTrials::new(ArmPlan { arm, without: Vec::new() }, planned, replacements_max)
    }

    fn is_replaced(arm: Arm, problems: &[&str], claims: Vec<ClaimTrial>) -> bool {
        trials(arm, 5, 3).replacement(&finished(1, problems, claims)).is_some()
    }

    #[test]
    fn what_the_machine_spoiled_is_run_again() {
        let holds = claim(Verdict::Holds);
        for arm in [Arm::Treatment, Arm::Control] {
            assert!(is_replaced(arm, &[LOAD_LATE], vec![holds.clone()]));
            assert!(is_replaced(arm, &[], vec![holds.clone(), spoiled()]));
        }
        let missed = vec![claim(Verdict::Refuted)];
        assert!(is_replaced(Arm::Control, &[LOAD_LATE], missed), "it shows nothing so");
    }

    #[test]
    fn what_went_wrong_by_itself_stays() {
        let holds = claim(Verdict::Holds);
        let unmeasured = ClaimTrial { measured: None, ..claim(Verdict::Unknown) };
        for arm in [Arm::Treatment, Arm::Control] {
            assert!(!is_replaced(arm, &[], vec![holds.clone()]));
            assert!(!is_replaced(arm, &[], vec![holds.clone(), unmeasured.clone()]));
            assert!(!is_replaced(arm, &[], vec![claim(Verdict::Refuted)]));
            assert!(!is_replaced(arm, &[], vec![claim(Verdict::Refuted), spoiled()]));
            for problem in ["baseline not met: 3 of 9", "fault not in effect: stop of `replica`"] {
                assert!(!is_replaced(arm, &[problem], vec![spoiled()]));
                assert!(!is_replaced(arm, &[LOAD_LATE, problem], vec![holds.clone()]));
            }
            let none = "load not delivered: no operation was intended";
            assert!(!is_replaced(arm, &[none], vec![unmeasured.clone()]), "a mistake of the plan");
        }
        assert!(!is_replaced(Arm::Treatment, &[LOAD_LATE], vec![claim(Verdict::Refuted)]));
    }

    #[test]
    fn replacements_are_few_and_have_numbers_and_seeds_of_their_own() {
        let replacements = |planned: u32, replacements_max: u32| {
            let mut arm = trials(Arm::Treatment, planned, replacements_max);
            let mut number = 1;
            let mut found = Vec::new();
            while let Some(replaced) = arm.replacement(&finished(number, &[LOAD_LATE], vec![])) {
                number = replaced.by;
                found.push((replaced.trial, replaced.by));
                arm.replace(replaced);
            }
            found
        };
        assert_eq!(replacements(1, 3), [(1, 2)], "not more than were planned");
        assert_eq!(replacements(10, 3), [(1, 11), (11, 12), (12, 13)]);
        assert_eq!(replacements(10, 0), []);
    }
}
