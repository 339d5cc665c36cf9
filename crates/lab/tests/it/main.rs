//! The lab on files, real processes and real engines.

mod report;
mod report_fixture;
mod report_schema;
mod spec;
mod spec_schema;
