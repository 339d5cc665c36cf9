//! The journal of the sagas: a folder of append-only files, which outlives every database that a
//! saga writes to. ADR 0014 says why it is not in one of them.

mod folder;
mod line;
mod writer;

pub(super) use folder::{Folder, JournalError};
pub(super) use line::{ClientOrder, SagaLine};
pub(super) use writer::{Journal, Written};
