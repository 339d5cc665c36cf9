//! Store and forward: what a user has decided to do while its service is away is written down, and
//! delivered when it is back. Whoever was told 202 is kept their word to, whatever dies in between.

mod courier;
mod folder;
mod line;
mod recent;
mod shelf;
mod writer;

pub(super) use courier::{Courier, Delivered};
pub(super) use folder::{Folder, JournalError};
pub(super) use line::{Settled, Stored};
pub(super) use shelf::{Known, Shelf, Taken};
