//! What a node has on its own disk: a log of changes, and a snapshot that stands for the log's
//! beginning.
//!
//! A change is on the disk before anybody is told of it, client or node. A log of parts that merge
//! needs no order and no exactness: a snapshot is taken cart by cart while changes go on, and what
//! stands in it and in the log as well is merged twice, which is once.

mod folder;
mod line;
mod writer;

pub(super) use folder::{Folder, JournalError, Opening};
pub(super) use line::Line;
pub(super) use writer::{Entry, Journal, Written};
