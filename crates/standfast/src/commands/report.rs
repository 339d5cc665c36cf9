//! `standfast report DIR`: writes report.html again from the evidence of a run.

use standfast_lab::report::report;
use standfast_lab::run::RunFolder;

use crate::cli::ReportArguments;
use crate::exit::{Answer, Exit, Failure};
use crate::output;

pub(super) fn run(arguments: &ReportArguments) -> Answer {
    let path =
        report(&RunFolder::at(&arguments.run)).map_err(|error| Failure::new(Exit::Usage, error))?;
    output::result(path.display());
    Ok(Exit::Held)
}
