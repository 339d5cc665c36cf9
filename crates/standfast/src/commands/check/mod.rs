//! `standfast check HISTORY --model M`: whether a sequential model explains a stored history.
//!
//! Each trial of each arm is a history of its own: its clock and its data begin anew.

mod books;
mod initial;
mod shown;
mod stored;

use serde::Serialize;
use standfast_checker::{
    AppendOptions, Judgement, Lack, Limits, RegisterOptions, Verdict, judge_append, judge_cart,
    judge_keys, judge_register, judge_stock,
};
use standfast_history::Operation;

use crate::cli::{CheckArguments, ModelArgument};
use crate::exit::{Answer, Exit, Failure};
use crate::output;

use initial::Initial;
use stored::{Part, Stored};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Checked {
    model: String,
    verdict: Verdict,
    parts: Vec<CheckedPart>,
}

/// One trial of one arm.
#[derive(Debug, Serialize)]
struct CheckedPart {
    #[serde(skip_serializing_if = "Option::is_none")]
    arm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trial: Option<u32>,
    verdict: Verdict,
    #[serde(flatten)]
    judgement: Judgement,
}

pub(super) fn run(arguments: &CheckArguments) -> Answer {
    let stored = Stored::read(arguments)?;
    let initial = Initial::parse(&arguments.initial).map_err(Failure::usage)?;
    let mut parts = Vec::new();
    for part in stored.parts {
        let judgement = judge(&part, arguments, &initial)
            .map_err(|lack| Failure::usage(format!("{}: {lack}", arguments.history.display())))?;
        let (arm, trial, verdict) = (part.arm, part.trial, judgement.verdict());
        parts.push(CheckedPart { arm, trial, verdict, judgement });
    }
    let has = |wanted| parts.iter().any(|part: &CheckedPart| part.verdict == wanted);
    let verdict = match () {
        () if has(Verdict::Refuted) => Verdict::Refuted,
        () if has(Verdict::Unknown) || parts.is_empty() => Verdict::Unknown,
        () => Verdict::Holds,
    };
    let checked = Checked { model: name(arguments.model).to_owned(), verdict, parts };
    match arguments.json {
        true => output::json(&checked),
        false => shown::print(&checked),
    }
    Ok(match verdict {
        Verdict::Holds => Exit::Held,
        Verdict::Refuted => Exit::Refuted,
        Verdict::Unknown => Exit::Unknown,
    })
}

fn name(model: ModelArgument) -> &'static str {
    match model {
        ModelArgument::Register => "register",
        ModelArgument::Kv => "kv",
        ModelArgument::Stock => "stock",
        ModelArgument::Ledger => "ledger",
        ModelArgument::Append => "append",
        ModelArgument::Cart => "cart",
    }
}

fn judge(part: &Part, arguments: &CheckArguments, initial: &Initial) -> Result<Judgement, Lack> {
    let operations: Vec<&Operation> = part.operations.iter().collect();
    let limits = Limits { steps_max: arguments.steps_max, ..Limits::default() };
    match arguments.model {
        ModelArgument::Register => {
            let options = RegisterOptions { initial: initial.all.clone(), limits };
            judge_register(&operations, &options)
        }
        ModelArgument::Kv => {
            let mut judgement = Judgement::default();
            for (value, group) in initial.groups(&operations) {
                let options = RegisterOptions { initial: value, limits };
                let group = judge_keys(&group, &options)?;
                judgement.judged += group.judged;
                judgement.unjudged += group.unjudged;
                judgement.findings.extend(group.findings);
                judgement.undecided.extend(group.undecided);
            }
            Ok(judgement)
        }
        ModelArgument::Stock => judge_stock(&operations, &initial.stock(part)?),
        ModelArgument::Ledger => books::judge(part, arguments, initial),
        ModelArgument::Append => {
            judge_append(&operations, AppendOptions { is_strict: !arguments.any_order })
        }
        ModelArgument::Cart => judge_cart(&operations, &books::carts(part)?),
    }
}
