//! Defects that breakers are known for, each as a case that can be repeated.

mod cases;

use std::fmt;

use crate::contender::{Breaker, Contender, Setup};

/// What a case found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    Sound,
    Defect(String),
    /// It has nothing of the kind that the case is about.
    Absent(&'static str),
}

/// A defect to look for.
pub(crate) struct Case {
    /// What a sound breaker does.
    pub(crate) claim: &'static str,
    pub(crate) setup: Setup,
    pub(crate) run: fn(&mut dyn Breaker) -> Finding,
}

/// What a case found in each contender.
pub(crate) struct Verdict {
    claim: &'static str,
    findings: Vec<(Contender, Finding)>,
}

pub(crate) fn run_all() -> Vec<Verdict> {
    let run = |case: &Case| Verdict {
        claim: case.claim,
        findings: Contender::ALL
            .into_iter()
            .map(|contender| (contender, (case.run)(contender.make(case.setup).as_mut())))
            .collect(),
    };
    cases::CASES.iter().map(run).collect()
}

pub(crate) struct Table<'a>(pub(crate) &'a [Verdict]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nknown defects")?;
        for Verdict { claim, findings } in self.0 {
            writeln!(f, "  {claim}")?;
            for (contender, finding) in findings {
                match finding {
                    Finding::Sound => writeln!(f, "    {contender:<18} pass")?,
                    Finding::Defect(found) => writeln!(f, "    {contender:<18} FAIL    {found}")?,
                    Finding::Absent(what) => writeln!(f, "    {contender:<18} absent  {what}")?,
                }
            }
        }
        for contender in Contender::ALL {
            let sound = self.0.iter().flat_map(|verdict| &verdict.findings);
            let passed = sound.filter(|(who, found)| *who == contender && *found == Finding::Sound);
            writeln!(f, "  {contender:<20} passes {} of {}", passed.count(), self.0.len())?;
        }
        Ok(())
    }
}

pub(crate) fn json(verdicts: &[Verdict]) -> serde_json::Value {
    let finding = |finding: &Finding| match finding {
        Finding::Sound => serde_json::json!({ "result": "pass" }),
        Finding::Defect(found) => serde_json::json!({ "result": "fail", "found": found }),
        Finding::Absent(what) => serde_json::json!({ "result": "absent", "found": what }),
    };
    let one = |verdict: &Verdict| {
        let found = verdict.findings.iter();
        let found: serde_json::Map<String, serde_json::Value> =
            found.map(|(who, found)| (who.to_string(), finding(found))).collect();
        serde_json::json!({ "claim": verdict.claim, "found": found })
    };
    verdicts.iter().map(one).collect()
}
