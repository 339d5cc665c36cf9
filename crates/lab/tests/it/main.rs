//! The lab on files, real processes and real engines.

mod spec;
mod spec_schema;
