//! `junit.xml`: one suite per experiment, one case per claim, and one for the run itself.
//!
//! A refuted claim is a *failure*; a run that proves nothing is an *error*, since a reader that
//! counts only failures must not take it for a pass.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use crate::verdict::{Arm, ClaimResult, ExperimentResult, Outcome, Verdict, distance, figure};

/// The document for any number of experiments.
///
/// # Errors
/// When the XML cannot be written, which is a bug.
pub fn junit(name: &str, results: &[ExperimentResult]) -> Result<String, SerializeError> {
    let mut report = Report::new(name);
    for result in results {
        report.add_test_suite(suite(result));
    }
    report.to_string()
}

fn suite(result: &ExperimentResult) -> TestSuite {
    let mut suite = TestSuite::new(format!("{}/{}", result.system, result.experiment));
    suite.set_time(Duration::from_millis(result.elapsed_ms));
    suite.add_property(("seed", result.seed.to_string().as_str()));
    suite.add_property(("command", result.command.as_str()));
    suite.add_property(("outcome", result.outcome.to_string().as_str()));
    suite.add_test_case(verdict_case(result));
    let judged = result.arm(Arm::Treatment).or(result.arm(Arm::Control));
    for claim in judged.iter().flat_map(|arm| &arm.claims) {
        suite.add_test_case(claim_case(result, claim));
    }
    suite
}

/// The experiment as a whole: holds also what no single claim says, such as a control arm that is
/// no worse.
fn verdict_case(result: &ExperimentResult) -> TestCase {
    let reasons = result.reasons.join("\n");
    let status = match result.outcome {
        Outcome::Holds => TestCaseStatus::success(),
        Outcome::Refuted => non_success(NonSuccessKind::Failure, "refuted", &reasons),
        Outcome::Unknown
        | Outcome::Environment
        | Outcome::NotRestored
        | Outcome::Interrupted
        | Outcome::Usage
        | Outcome::Bug => non_success(NonSuccessKind::Error, &result.outcome.to_string(), &reasons),
    };
    case(result, "verdict", status)
}

fn claim_case(result: &ExperimentResult, claim: &ClaimResult) -> TestCase {
    let status = match claim.verdict {
        // What holds in a run that proves nothing is not proven either.
        Verdict::Holds if !result.conclusive => TestCaseStatus::skipped(),
        Verdict::Holds => TestCaseStatus::success(),
        Verdict::Refuted => {
            let worst = claim.worst.map_or_else(String::new, |worst| figure(worst, claim.unit));
            let off = claim.margin.map_or_else(String::new, |m| distance(m, claim.unit));
            let text = format!(
                "{}: measured {worst}, off by {off}, in {} of {} trials",
                claim.text,
                claim.refuted_in,
                claim.trials.len()
            );
            non_success(NonSuccessKind::Failure, "refuted", &text)
        }
        Verdict::Unknown => {
            let reason = claim.trials.iter().find_map(|trial| trial.reason.as_deref());
            non_success(NonSuccessKind::Error, "unknown", reason.unwrap_or("not measured"))
        }
    };
    case(result, &format!("{} {}", claim.id, claim.text), status)
}

fn case(result: &ExperimentResult, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("{}.{}", result.system, result.experiment));
    case
}

fn non_success(kind: NonSuccessKind, message: &str, description: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(message).set_message(description.lines().next().unwrap_or(message));
    status.set_description(description);
    status
}
