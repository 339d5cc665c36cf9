//! Reports for people and for CI: `report.html`, `junit.xml`, and pages over several experiments.
//!
//! A report is one file that needs no network: charts, style and figures are inside. It is made
//! from the stored files of a run only, so that it can be made again at any time.

mod artifacts;
mod charts;
mod claims;
mod environment;
mod evidence;
mod faults;
mod junit;
mod objectives;
mod page;
mod replaced;
mod series;
mod suite;
mod timeline;

use std::path::PathBuf;

use crate::run::{RunFolder, StoredRun, StoredRunError};

pub use junit::junit;
pub use page::render;
pub use suite::{SuiteEntry, render_suite};

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    #[error(transparent)]
    Stored(#[from] StoredRunError),
    #[error("cannot write report `{}`: {source}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// Makes `report.html` of a stored run again, and returns where it is.
///
/// # Errors
/// When the run cannot be read or the page cannot be written.
pub fn report(folder: &RunFolder) -> Result<PathBuf, ReportError> {
    let run = StoredRun::read(folder)?;
    let path = folder.report();
    std::fs::write(&path, render(&run))
        .map_err(|source| ReportError::Write { path: path.clone(), source })?;
    Ok(path)
}
