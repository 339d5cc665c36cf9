//! `standfast compare DIR DIR`: which claims moved further than their trials spread.

use standfast_lab::run::{RunFolder, read_result};
use standfast_lab::spec::Unit;
use standfast_lab::verdict::{Change, compare, figure};

use crate::cli::CompareArguments;
use crate::exit::{Answer, Exit, Failure};
use crate::output;

pub(super) fn run(arguments: &CompareArguments) -> Answer {
    let read =
        |path| read_result(&RunFolder::at(path)).map_err(|error| Failure::new(Exit::Usage, error));
    let comparison = compare(&read(&arguments.before)?, &read(&arguments.after)?);
    if arguments.json {
        output::json(&comparison);
        return Ok(Exit::Held);
    }
    let mut table = output::table(&["arm", "claim", "before", "after", "change"]);
    for claim in &comparison.claims {
        table.add_row([
            claim.arm.name().to_owned(),
            claim.text.clone(),
            written(claim.before, claim.unit),
            written(claim.after, claim.unit),
            match claim.change {
                Change::Better => "better",
                Change::Worse => "worse",
                Change::WithinSpread => "within the spread of the trials",
                Change::NotComparable => "not comparable: fewer than two trials",
            }
            .to_owned(),
        ]);
    }
    output::result(table);
    for warning in &comparison.warnings {
        output::note(format!("note: {warning}"));
    }
    Ok(Exit::Held)
}

fn written(value: Option<f64>, unit: Unit) -> String {
    value.map_or_else(|| "not measured".to_owned(), |value| figure(value, unit))
}
