//! A mark in the environment of every child, which all that it starts inherits.
//!
//! When a leader ends in order, what it started in sessions of their own stays behind, and nothing
//! in `/proc` says any more whose it was; the mark still does. PostgreSQL and nginx write over
//! their environment, but their processes end with their leader or share its group.

use std::ffi::OsString;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use super::identity::ProcessId;
use super::proc_folder;

pub(super) const VARIABLE: &str = "STANDFAST_PROCESS";

/// Names one child of one owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark(String);

impl Mark {
    /// A mark that no other child has.
    pub(super) fn next() -> Self {
        static COUNTER: AtomicU64 = AtomicU64::new(1);
        Self(format!("{}{}", owner(), COUNTER.fetch_add(1, Ordering::Relaxed)))
    }

    pub(super) fn variable(&self) -> (OsString, OsString) {
        (VARIABLE.into(), self.0.clone().into())
    }

    /// Whether `process` was started by the child that has this mark, however indirectly.
    pub(super) fn is_on(&self, process: ProcessId) -> bool {
        mark_of(process.pid).is_some_and(|mark| mark == self.0)
    }
}

/// What the marks of all children of this very process begin with.
pub(super) fn owner() -> String {
    let start_time = ProcessId::own().map_or(0, |own| own.start_time);
    format!("{}-{start_time}-", std::process::id())
}

/// Every process that was started by children of `owner`, however indirectly.
pub(super) fn marked_by(owner: &str) -> Vec<ProcessId> {
    proc_folder::pids()
        .filter(|pid| mark_of(*pid).is_some_and(|mark| mark.starts_with(owner)))
        .filter_map(ProcessId::of)
        .collect()
}

fn mark_of(pid: u32) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    environment
        .split(|byte| *byte == 0)
        .filter_map(|variable| std::str::from_utf8(variable).ok()?.split_once('='))
        .find(|(name, _)| *name == VARIABLE)
        .map(|(_, mark)| mark.to_owned())
}
