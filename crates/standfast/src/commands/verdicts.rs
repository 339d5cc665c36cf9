//! Verdicts on the terminal: one table of claims per experiment, and one line that sums up.

use standfast_lab::verdict::{
    Arm, ArmResult, ClaimResult, ExperimentResult, Limit, Outcome, distance, figure,
};

use crate::output::{self, Tone};

pub(super) fn print(experiments: &[ExperimentResult], outcome: Outcome) {
    for result in experiments {
        print_experiment(result);
    }
    if experiments.len() > 1 {
        let count = |wanted| experiments.iter().filter(|result| result.outcome == wanted).count();
        let (holds, refuted) = (count(Outcome::Holds), count(Outcome::Refuted));
        let unknown = experiments.len() - holds - refuted;
        let line = format!("{holds} hold, {refuted} refuted, {unknown} without a verdict");
        output::result(format!(
            "{} {line}",
            output::toned(&format!("{outcome:<8}"), tone(outcome))
        ));
    }
}

fn print_experiment(result: &ExperimentResult) {
    let verdict =
        output::toned(&format!("{:<8}", result.outcome.to_string()), tone(result.outcome));
    let tactic = result.tactic.as_deref().map_or(String::new(), |tactic| format!("  [{tactic}]"));
    output::result(format!("{verdict} {}/{}{tactic}", result.system, result.experiment));
    output::result(format!("         {}", result.title));
    let treatment = result.arm(Arm::Treatment);
    let control = result.arm(Arm::Control);
    if let Some(judged) = treatment.or(control) {
        output::result(claims(judged, treatment.and(control)));
    }
    // When it holds, the table says it all.
    if result.outcome != Outcome::Holds {
        for reason in &result.reasons {
            output::result(format!("         {reason}"));
        }
    }
    for warning in &result.warnings {
        output::result(format!("         note: {warning}"));
    }
    output::result("");
}

fn claims(judged: &ArmResult, control: Option<&ArmResult>) -> comfy_table::Table {
    let measured = match judged.without.is_empty() {
        true => "measured".to_owned(),
        false => format!("without {}", judged.without.join(", ")),
    };
    let mut header = vec!["", "claim", measured.as_str(), "limit", "margin"];
    let control_title = control.map(|control| format!("without {}", control.without.join(", ")));
    header.extend(control_title.as_deref());
    let mut table = output::table(&header);
    for claim in &judged.claims {
        let other = control.and_then(|arm| arm.claims.iter().find(|other| other.id == claim.id));
        let mut row = vec![
            claim.verdict.to_string(),
            subject(claim),
            claim.worst.map_or("not measured".to_owned(), |value| figure(value, claim.unit)),
            limit(claim),
            margin(claim),
        ];
        if control.is_some() {
            row.push(
                other
                    .and_then(|claim| claim.worst)
                    .map_or_else(|| "not measured".to_owned(), |value| figure(value, claim.unit)),
            );
        }
        table.add_row(row);
    }
    table
}

/// The claim in words, without the limit that has a column of its own.
fn subject(claim: &ClaimResult) -> String {
    // Labels of a metric hold an equals sign as well.
    let limits = [" ≥ ", " ≤ ", " = "].iter().filter_map(|sign| claim.text.rfind(sign));
    let end = limits.max().unwrap_or(claim.text.len());
    claim.text[..end].trim_end().to_owned()
}

fn limit(claim: &ClaimResult) -> String {
    let (sign, value) = match claim.limit {
        Limit::AtLeast(value) => ("≥", value),
        Limit::AtMost(value) => ("≤", value),
        Limit::Equals(value) => ("=", value),
    };
    format!("{sign} {}", figure(value, claim.unit))
}

fn margin(claim: &ClaimResult) -> String {
    let Some(margin) = claim.margin else { return String::new() };
    let side = if margin < 0.0 { "misses by" } else { "by" };
    format!("{side} {}", distance(margin, claim.unit))
}

fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Holds => Tone::Good,
        Outcome::Refuted | Outcome::NotRestored | Outcome::Bug => Tone::Bad,
        Outcome::Unknown | Outcome::Environment | Outcome::Interrupted | Outcome::Usage => {
            Tone::Doubtful
        }
    }
}
