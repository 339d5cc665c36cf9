//! What the machine did in a short span of time, beside the run.

use serde::{Deserialize, Serialize};

/// One span, some tenths of a second long. Shares are of all processors, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachineSample {
    pub from_us: u64,
    pub to_us: u64,
    /// What the run itself used: the lab, its generator, and all engines and services.
    pub own: f64,
    /// What other programs used that do not make way for the run.
    pub foreign: f64,
    /// What the host took from this machine, as far as it says so.
    pub stolen: f64,
    /// How late a thread woke up at worst that sleeps most of the time and has the priority that
    /// the services have.
    pub late_us: u64,
}
