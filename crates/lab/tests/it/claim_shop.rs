//! The shop on which claims are judged: how its files are read, and what could have been read from
//! it at the end. What it is made of stands in each test, which says by it what a claim needs.

use standfast_history::{FinalRead, Row};
use standfast_lab::spec::{Experiment, ExperimentSource, SpecError, SystemSource};

/// The experiment of these two texts.
pub(crate) fn load(system: &str, experiment: &str) -> Result<Experiment, SpecError> {
    let (name, text) = ("shop".to_owned(), system.to_owned());
    let system = SystemSource::Embedded { name, text, files: Vec::new() };
    ExperimentSource::embedded("shop", "sales", experiment).load(&[system])
}

/// A row with these fields.
pub(crate) fn row(pairs: &[(&str, &str)]) -> Row {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// An order of two units, or a report of one.
pub(crate) fn entry(id: &str, status: &str) -> Row {
    row(&[("id", id), ("product", "P"), ("quantity", "2"), ("status", status)])
}

/// What was read under `name` of the only service.
pub(crate) fn reading(name: &str, rows: Vec<Row>) -> FinalRead {
    FinalRead { name: name.to_owned(), service: "web".to_owned(), rows, ..FinalRead::default() }
}
