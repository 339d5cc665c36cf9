//! A judgement on the terminal.

use standfast_checker::{Finding, Verdict};

use super::{Checked, CheckedPart};
use crate::output::{self, Tone};

/// Findings of one trial that are printed; JSON has all of them.
const FINDINGS_SHOWN: usize = 5;

pub(super) fn print(checked: &Checked) {
    for part in &checked.parts {
        let (word, tone) = match part.verdict {
            Verdict::Holds => ("holds", Tone::Good),
            Verdict::Refuted => ("refuted", Tone::Bad),
            Verdict::Unknown => ("unknown", Tone::Doubtful),
        };
        let word = output::toned(&format!("{word:<8}"), tone);
        output::result(format!("{word} {}{}", checked.model, of(part)));
        details(part);
    }
    if checked.parts.is_empty() {
        let word = output::toned("unknown ", Tone::Doubtful);
        output::result(format!("{word} {}: the history has no operation", checked.model));
    }
}

fn of(part: &CheckedPart) -> String {
    let trial = part.trial.map_or_else(String::new, |trial| format!(", trial {trial}"));
    let arm = part.arm.as_ref().map_or_else(String::new, |arm| format!(", {arm}"));
    let judged = part.judgement.judged;
    format!("{arm}{trial}: {judged} {} judged", operations(judged))
}

fn details(part: &CheckedPart) {
    let judgement = &part.judgement;
    for finding in judgement.findings.iter().take(FINDINGS_SHOWN) {
        print_finding(finding);
    }
    if let Some(more @ 1..) = judgement.findings.len().checked_sub(FINDINGS_SHOWN) {
        output::result(format!("         and {more} more, see --json"));
    }
    for reason in &judgement.undecided {
        output::result(format!("         not decided: {reason}"));
    }
    if judgement.judged == 0 && judgement.findings.is_empty() {
        output::result("         nothing in it says what this model judges");
    }
    if judgement.unjudged > 0 {
        let (count, word) = (judgement.unjudged, operations(judgement.unjudged));
        output::result(format!("         note: {count} {word} said nothing that could be judged"));
    }
}

fn print_finding(finding: &Finding) {
    output::result(format!("         {}: {}", finding.kind, finding.text));
    for seen in &finding.operations {
        output::result(format!("           {seen}"));
    }
}

fn operations(count: u64) -> &'static str {
    if count == 1 { "operation" } else { "operations" }
}
