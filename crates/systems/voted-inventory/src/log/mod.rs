//! The log that all services share: what is in it, and how it is written and read.
//!
//! Topic `orders` has one partition, hence one order, and an offset in it is the version of
//! everything. The two others are for answers and for what could not be applied. Each has one
//! partition as well: the client's own order is the log's.

mod client;
mod error;
mod leader;
mod message;
mod reader;
mod survey;
mod topics;
mod writer;

pub(crate) use client::LogSettings;
pub(crate) use error::LogError;
pub(crate) use message::{Event, Kind, Outcome, Refusal, Reply};
pub(crate) use reader::{Item, LogReader, Record};
pub(crate) use survey::{Bounds, Survey};
pub(crate) use topics::{Topic, ensure_topics};
pub(crate) use writer::{Appending, Entry, LogWriter, WriterOptions};
