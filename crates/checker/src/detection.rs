//! Time to detect: from the fault being in effect to the system saying so.

use standfast_history::Event;

/// The event by which a service says that it found a dependency bad.
const DETECTED: &str = "detected";

/// Microseconds from `injected_us` to the first `detected` event that names `target`. A system may
/// be quicker than our verification: one that detects between the request (`injecting_us`) and the
/// verified effect took no time at all. Absent when nothing named the target before `until_us`.
pub fn time_to_detect(events: &[Event], fault: &InjectedFault<'_>) -> Option<u64> {
    events
        .iter()
        .filter(|event| event.event == DETECTED)
        .filter(|event| event.target.as_deref() == Some(fault.target))
        .map(|event| event.at_us)
        .filter(|&at_us| fault.injecting_us <= at_us && at_us < fault.until_us)
        .min()
        .map(|at_us| at_us.saturating_sub(fault.injected_us))
}

/// One fault, as the checker must know it.
#[derive(Clone, Copy, Debug)]
pub struct InjectedFault<'a> {
    pub target: &'a str,
    /// When the lab began to inject.
    pub injecting_us: u64,
    /// When the fault was verified to be in effect.
    pub injected_us: u64,
    /// Detections from here on belong to something else (the heal, or the end of the run).
    pub until_us: u64,
}
